using SandboxHost.Deployments;

namespace SandboxHost.Runs;

/// <summary>
/// When a failed run is tried again: as its function's limits say, by default after 1 minute and after 2, then it is dead
/// (reference §5). Ticks are not retried: the next one comes. An attempt that failed by the host's fault, or ended with the
/// host, is no failure of the function: it is repeated, later each time, but not without end, since it may be what ends the
/// host. A run that gets no worker has not begun: it waits, without end, until there is one.
/// </summary>
public static class RetryPolicy
{
    /// <summary>An eleventh attempt that ends with its host is the last.</summary>
    public const int MaxInterruptions = 10;

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(5);

    /// <param name="failures">The one that has just happened included.</param>
    /// <returns>Null when there is no further attempt.</returns>
    public static TimeSpan? DelayAfter(RunKind kind, int failures, FunctionLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        var delays = limits.BackgroundRetries;
        return kind == RunKind.Scheduled || failures > delays.Count ? null : delays[failures - 1];
    }

    /// <param name="interruptions">The one that has just happened included.</param>
    /// <returns>Null when there is no further attempt.</returns>
    public static TimeSpan? DelayAfterInterruption(int interruptions)
    {
        if (interruptions > MaxInterruptions)
        {
            return null;
        }

        var pause = FirstPause * Math.Pow(2, interruptions - 1);
        return pause < LongestPause ? pause : LongestPause;
    }
}
