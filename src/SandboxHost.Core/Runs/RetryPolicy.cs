namespace SandboxHost.Runs;

/// <summary>
/// When a failed run is tried again: after 1 minute, then after 2, then it is dead (reference §5). Ticks are not retried:
/// the next one comes. An attempt that ended with its host is no failure of the function and is repeated at once, but not
/// without end: it may be what ends the host.
/// </summary>
public static class RetryPolicy
{
    /// <summary>An eleventh attempt that ends with its host is the last.</summary>
    public const int MaxInterruptions = 10;

    private static readonly TimeSpan[] Delays = [TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(2)];

    /// <param name="failures">The one that has just happened included.</param>
    /// <returns>Null when there is no further attempt.</returns>
    public static TimeSpan? DelayAfter(RunKind kind, int failures) =>
        kind == RunKind.Scheduled || failures > Delays.Length ? null : Delays[failures - 1];
}
