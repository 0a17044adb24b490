using SandboxHost.Egress;

namespace SandboxHost.Sandboxes;

/// <summary>
/// Starts worker processes, each in a sandbox of its own. Implementations: Linux (bubblewrap, seccomp, cgroups), Windows (job
/// objects) and unconfined (by name only).
/// </summary>
public interface ISandboxLauncher
{
    /// <summary>
    /// Starts one process. When this returns, the process runs or is about to; that it works shows only when it dials
    /// the host. When it throws, nothing of the attempt is left behind.
    /// </summary>
    /// <exception cref="SandboxException">A step failed; the message names the step and, where there is one, the errno.</exception>
    ValueTask<ISandbox> LaunchAsync(SandboxSpec spec, CancellationToken cancellationToken);
}

/// <summary>
/// One sandboxed process and everything it owns: processes, cgroups, its directories, its uid. Disposing kills what still
/// runs and removes the rest; it returns when nothing is left.
/// </summary>
public interface ISandbox : IAsyncDisposable
{
    /// <summary>The process id of the outermost process, as the host sees it.</summary>
    int ProcessId { get; }

    /// <summary>
    /// The uid that the worker has in the host's eyes, as SO_PEERCRED will report it. Unique among live sandboxes, except
    /// without isolation, where it is the host's own.
    /// </summary>
    uint Uid { get; }

    /// <summary>
    /// The directory of the host's in which the function's files are placed; the worker sees it as
    /// <see cref="SandboxLayout.FunctionDirectory"/>, read-only.
    /// </summary>
    string FunctionDirectory { get; }

    /// <summary>Completes when the process has ended, with how and why. Never faults.</summary>
    Task<SandboxExit> Exited { get; }

    /// <summary>
    /// Sets the limits of the kind that can change while the process runs: memory, vCPU, pids. Called when a placeholder
    /// gets its function.
    /// </summary>
    /// <exception cref="SandboxException">The kernel refused a value.</exception>
    void SetLimits(SandboxLimits limits);

    /// <summary>From now on somebody may be waiting for it: see <see cref="SandboxSpec.Patience"/>. Completes when it waits behind nobody any more. Idempotent.</summary>
    Task EndPatienceAsync();

    /// <summary>
    /// Opens the egress door: from now on the worker's HTTP proxy address and its name server answer, and refuse everything
    /// until <see cref="SetEgress"/>. Called once, when the worker has dialled the host and <paramref name="workerProcessId"/>
    /// is known (a process inside the worker's network namespace).
    /// </summary>
    /// <exception cref="SandboxException">The door could not be opened.</exception>
    void OpenEgress(int workerProcessId);

    /// <summary>
    /// Says whose worker this is and what it may reach. Called once, when a placeholder gets its function. Does nothing
    /// where there is no door.
    /// </summary>
    /// <param name="site">The site's name: what it uses counts with what its other workers use.</param>
    void SetEgress(string site, EgressPolicy policy);

    /// <summary>Stops every process of the sandbox from being scheduled. Idempotent; a no-op without a freezer.</summary>
    void Freeze();

    /// <summary>Undoes <see cref="Freeze"/>. Idempotent.</summary>
    void Thaw();

    /// <summary>Kills every process of the sandbox, frozen or not. Does not wait; <see cref="Exited"/> tells.</summary>
    void Kill();

    /// <summary>What the sandbox uses now and used at most. Zeros where the host cannot tell.</summary>
    SandboxUsage ReadUsage();

    /// <summary>Memory in bytes that the kernel could not take back: without what it only caches of files. 0 where the host cannot tell.</summary>
    /// <param name="enough">When all that is used is no more than this, that is the result; telling the two apart costs more.</param>
    long ReadHeldMemory(long enough);
}
