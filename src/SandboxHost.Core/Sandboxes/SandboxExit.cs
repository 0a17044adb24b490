namespace SandboxHost.Sandboxes;

/// <summary>Why a sandboxed process ended.</summary>
public enum SandboxExitReason
{
    /// <summary>It exited by itself, with a code.</summary>
    Exited,

    /// <summary>A signal ended it that the host did not send.</summary>
    Signalled,

    /// <summary>The kernel killed it for its memory limit.</summary>
    OutOfMemory,

    /// <summary>The host killed it.</summary>
    Killed,

    /// <summary>It never got to run the worker: the launcher or the sandbox failed. <see cref="SandboxExit.Detail"/> says where.</summary>
    LaunchFailed,
}

/// <summary>How a sandboxed process ended.</summary>
/// <param name="Code">Exit code with <see cref="SandboxExitReason.Exited"/>, else 0.</param>
/// <param name="Signal">Signal number with <see cref="SandboxExitReason.Signalled"/> and <see cref="SandboxExitReason.OutOfMemory"/>, else 0.</param>
/// <param name="MemoryLimitBytes">The memory limit in force at the end.</param>
/// <param name="PeakMemoryBytes">The most memory used; 0 when the host cannot tell.</param>
/// <param name="Detail">For the operator: what the launcher printed, which limit it was, or what the runtime said as it gave itself up.</param>
/// <param name="RefusedProcesses">Processes and threads that it was refused for the pids limit, in its whole life.</param>
public sealed record SandboxExit(
    SandboxExitReason Reason,
    int Code = 0,
    int Signal = 0,
    long MemoryLimitBytes = 0,
    long PeakMemoryBytes = 0,
    string? Detail = null,
    long RefusedProcesses = 0);

/// <summary>A sandbox could not be made or changed. The message names the step, the path and the errno.</summary>
public sealed class SandboxException : Exception
{
    public SandboxException(string message)
        : base(message)
    {
    }

    public SandboxException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
