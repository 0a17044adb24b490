using Microsoft.Extensions.Logging;
using SandboxHost.Runs;

namespace SandboxHost.Background;

/// <summary>Events 4000-4999. Numbers are never given twice.</summary>
internal static partial class BackgroundLog
{
    [LoggerMessage(4000, LogLevel.Warning, "The store failed at {What}: {Reason}")]
    public static partial void StoreFailed(this ILogger logger, string what, string reason);

    [LoggerMessage(4001, LogLevel.Information, "{Count} runs of hosts that have ended begin again")]
    public static partial void RunsReclaimed(this ILogger logger, int count);

    [LoggerMessage(4002, LogLevel.Error, "Run {Run} of {Function} failed for a reason of the host's own")]
    public static partial void RunFaulted(this ILogger logger, string run, FunctionKey function, Exception exception);

    [LoggerMessage(4003, LogLevel.Error, "A fault at {What}; it goes on")]
    public static partial void LoopFaulted(this ILogger logger, string what, Exception exception);

    [LoggerMessage(4004, LogLevel.Information, "Attempt {Attempt} of run {Run} was another host's already; its end counts for nothing")]
    public static partial void AttemptLost(this ILogger logger, string run, int attempt);

    [LoggerMessage(4005, LogLevel.Warning, "The tick of {Function} at {Tick} was skipped: the one before has not begun")]
    public static partial void TickSkipped(this ILogger logger, FunctionKey function, DateTimeOffset tick);

    [LoggerMessage(4006, LogLevel.Warning, "The clock was set back by {Seconds} s; runs that wait for a time wait as long as before")]
    public static partial void ClockSetBack(this ILogger logger, double seconds);
}
