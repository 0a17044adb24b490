using Microsoft.Extensions.Logging;

namespace SandboxHost.Isolation;

/// <summary>Every event of this project, ids 3000 to 3999.</summary>
internal static partial class IsolationLog
{
    [LoggerMessage(3000, LogLevel.Information, "Host instance {Instance} in {Directory}, worker uids from {FirstUid}")]
    public static partial void InstanceClaimed(this ILogger logger, int instance, string directory, uint firstUid);

    [LoggerMessage(3001, LogLevel.Warning, "Swept host instance {Instance}, which had ended without cleaning up: {Groups} cgroups, {Sandboxes} sandboxes")]
    public static partial void InstanceSwept(this ILogger logger, int instance, int groups, int sandboxes);

    [LoggerMessage(3002, LogLevel.Warning, "Host instance number {Instance} cannot be used, the next is tried: {Reason}")]
    public static partial void InstanceSkipped(this ILogger logger, int instance, string reason);

    [LoggerMessage(3003, LogLevel.Warning, "{Capability} is {Status}: {Consequence}")]
    public static partial void CapabilityWeak(this ILogger logger, string capability, DoctorStatus status, string consequence);

    [LoggerMessage(3004, LogLevel.Error, "Host instance {Instance} could not be removed entirely; the next start of a host sweeps it")]
    public static partial void InstanceLeftBehind(this ILogger logger, int instance, Exception exception);

    [LoggerMessage(3010, LogLevel.Debug, "Sandbox {Sandbox} started: process {ProcessId}, uid {Uid}")]
    public static partial void SandboxStarted(this ILogger logger, string sandbox, int processId, uint uid);

    [LoggerMessage(3011, LogLevel.Debug, "Sandbox {Sandbox} ended: {Reason}, code {Code}, signal {Signal}, peak {PeakMemoryBytes} bytes")]
    public static partial void SandboxEnded(
        this ILogger logger, string sandbox, Sandboxes.SandboxExitReason reason, int code, int signal, long peakMemoryBytes);

    [LoggerMessage(3012, LogLevel.Error, "Sandbox {Sandbox} could not be removed entirely; its uid {Uid} is not used again")]
    public static partial void SandboxLeftBehind(this ILogger logger, string sandbox, uint uid, Exception exception);

    [LoggerMessage(3013, LogLevel.Warning, "Sandbox {Sandbox}: the taker of its output failed; the line is lost")]
    public static partial void OutputTakerFailed(this ILogger logger, string sandbox, Exception exception);

    [LoggerMessage(3014, LogLevel.Warning, "Sandbox {Sandbox}: its end could not be read")]
    public static partial void ExitUnreadable(this ILogger logger, string sandbox, Exception exception);

    [LoggerMessage(3015, LogLevel.Warning, "Sandbox {Sandbox}: its cgroup could not be killed; killing its outermost process")]
    public static partial void GroupKillFailed(this ILogger logger, string sandbox, Exception exception);

    [LoggerMessage(3016, LogLevel.Warning, "Sandbox {Sandbox} did not start, and could not be removed entirely; the rest goes with the host instance")]
    public static partial void LaunchNotUndone(this ILogger logger, string sandbox, Exception exception);

    [LoggerMessage(3020, LogLevel.Information, "Sandbox {Sandbox} of site {Site}: egress to {Host} port {Port} refused: {Rule}")]
    public static partial void EgressRefused(this ILogger logger, string sandbox, string site, string host, int port, string rule);

    [LoggerMessage(3021, LogLevel.Debug, "Sandbox {Sandbox}: an egress connection ended early")]
    public static partial void EgressConnectionFailed(this ILogger logger, string sandbox, Exception exception);

    [LoggerMessage(3022, LogLevel.Warning, "Sandbox {Sandbox}: the egress door could not accept a connection")]
    public static partial void EgressAcceptFailed(this ILogger logger, string sandbox, Exception exception);

    [LoggerMessage(3023, LogLevel.Information, "Sandbox {Sandbox} of site {Site} is at a limit of the egress door: {Limit}")]
    public static partial void EgressLimited(this ILogger logger, string sandbox, string site, string limit);

    [LoggerMessage(3024, LogLevel.Warning, "Sandbox {Sandbox}: further ports of its site could not be opened at the egress door")]
    public static partial void EgressPortsFailed(this ILogger logger, string sandbox, Exception exception);

    [LoggerMessage(3025, LogLevel.Warning, "Sandbox {Sandbox} could not be moved out of the group of those that wait for processors behind all others")]
    public static partial void PatienceNotEnded(this ILogger logger, string sandbox, Exception exception);

    [LoggerMessage(3030, LogLevel.Warning, "Workers run without any isolation: a function can do whatever this process can")]
    public static partial void Unconfined(this ILogger logger);

    [LoggerMessage(3031, LogLevel.Warning, "Workers run in job objects: memory, processor time and processes are limited, but a function reads the files and reaches the network that this process does")]
    public static partial void JobObjectsOnly(this ILogger logger);
}
