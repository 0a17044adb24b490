using Microsoft.Extensions.Logging;

namespace SandboxHost.Server;

/// <summary>Events 5000-5999. Numbers are never given twice.</summary>
internal static partial class ServerLog
{
    [LoggerMessage(5000, LogLevel.Warning, "Another host serves this folder; commands such as `sandboxhost runs` go to that one ({Path})")]
    public static partial void ControlSocketTaken(this ILogger logger, string path);

    [LoggerMessage(5001, LogLevel.Warning, "Commands such as `sandboxhost runs` can't reach this host: {Reason}")]
    public static partial void ControlSocketFailed(this ILogger logger, string reason);

    [LoggerMessage(5002, LogLevel.Warning, "{Mistake}")]
    public static partial void DeployNotServed(this ILogger logger, string mistake);

    [LoggerMessage(5003, LogLevel.Warning, "New clients wait: no descriptor is left for them. Raise the limit of open files (ulimit -n), or lower --max-workers")]
    public static partial void ClientsWait(this ILogger logger);
}
