using Microsoft.Extensions.Logging;

namespace SandboxHost.Supervisor;

/// <summary>Events 2000-2999. Numbers are never given twice.</summary>
internal sealed partial class SupervisorLogger(ILogger logger)
{
    private readonly ILogger _logger = logger;

    [LoggerMessage(2000, LogLevel.Warning, "Worker {Worker} broke the worker protocol: {What}")]
    public partial void ProtocolViolation(string worker, string what);

    [LoggerMessage(2001, LogLevel.Warning, "Refused uid {Uid}, pid {ProcessId} on the worker link: {What}")]
    public partial void PeerRefused(uint uid, int processId, string what);

    [LoggerMessage(2002, LogLevel.Warning, "Worker {Worker} has no egress door")]
    public partial void EgressFailed(Exception exception, string worker);

    [LoggerMessage(2003, LogLevel.Information, "Worker {Worker} asks to be replaced: {Reason}")]
    public partial void WorkerLeaving(string worker, string reason);

    [LoggerMessage(2004, LogLevel.Error, "Work in the background failed")]
    public partial void BackgroundFailed(Exception exception);

    [LoggerMessage(2005, LogLevel.Warning, "No worker could be started: {Reason}")]
    public partial void StartFailed(Exception exception, string reason);

    [LoggerMessage(2006, LogLevel.Debug, "Worker {Worker} of {Function} is ready after {Milliseconds:0.0} ms (placeholder taken: {Hit})")]
    public partial void WorkerReady(string worker, string function, double milliseconds, bool hit);

    [LoggerMessage(2008, LogLevel.Information, "Worker {Worker} of {Function} is replaced: it uses {Megabytes} MB of its {Limit} MB")]
    public partial void WorkerIsFull(string worker, string function, long megabytes, long limit);

    [LoggerMessage(2009, LogLevel.Warning, "{Function} crashes again and again ({Reason}): none of its workers is started for {Seconds:0} s")]
    public partial void CrashLoop(string function, string reason, double seconds);

    [LoggerMessage(2010, LogLevel.Debug, "Worker {Worker} is idle and makes room: as many live as may")]
    public partial void WorkerEvicted(string worker);

    [LoggerMessage(2007, LogLevel.Information, "Worker {Worker} of {Function} ended: {Reason}")]
    public partial void WorkerEnded(string worker, string function, string reason);
}
