using System.Runtime.InteropServices;
using SandboxHost.Egress;
using SandboxHost.Sandboxes;

namespace SandboxHost.Supervisor.Tests;

/// <summary>A sandbox without a process: keeps what the host does to it and ends when the host or the test says so.</summary>
internal sealed partial class FakeSandbox(SandboxSpec spec, string functionDirectory) : ISandbox
{
    private readonly TaskCompletionSource _watched = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<SandboxExit> _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _frozen = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public SandboxSpec Spec => spec;

    public int ProcessId => Environment.ProcessId;

    public uint Uid { get; } = EffectiveUid();

    public string FunctionDirectory => functionDirectory;

    /// <summary>What its scripted worker dialled with.</summary>
    public LinkConnection? Connection { get; set; }

    public SandboxLimits? LimitsSet { get; private set; }

    public int? EgressOpenedFor { get; private set; }

    public (string Site, EgressPolicy Policy)? EgressSet { get; private set; }

    public int Kills { get; private set; }

    public int Thaws { get; private set; }

    public bool IsFrozen { get; private set; }

    public bool IsPatient { get; private set; } = spec.Patience > TimeSpan.Zero;

    /// <summary>Completes at the first freeze.</summary>
    public Task Frozen => _frozen.Task;

    public Task Disposed => _disposed.Task;

    /// <summary>The host watches over it, and so knows its uid: from now on it may dial.</summary>
    public Task Watched => _watched.Task;

    public bool IsDead => _exited.Task.IsCompleted;

    public Task<SandboxExit> Exited
    {
        get
        {
            _watched.TrySetResult();
            return _exited.Task;
        }
    }

    /// <summary>The process ends in this way; the kernel closes what it had open.</summary>
    public void Exit(SandboxExit exit)
    {
        ExitUnread(exit);
        Connection?.Sever();
    }

    /// <summary>The process has ended, and what it sent is still on its way.</summary>
    public void ExitUnread(SandboxExit exit) => _exited.TrySetResult(exit);

    public void SetLimits(SandboxLimits limits) => LimitsSet = limits;

    public Task EndPatienceAsync()
    {
        IsPatient = false;
        return Task.CompletedTask;
    }

    public void OpenEgress(int workerProcessId) => EgressOpenedFor = workerProcessId;

    public void SetEgress(string site, EgressPolicy policy) => EgressSet = (site, policy);

    public void Freeze()
    {
        IsFrozen = true;
        _frozen.TrySetResult();
    }

    public void Thaw()
    {
        IsFrozen = false;
        Thaws++;
    }

    public void Kill()
    {
        Kills++;
        Exit(new SandboxExit(SandboxExitReason.Killed));
    }

    public SandboxUsage ReadUsage() => default;

    public long HeldMemory { get; set; }

    public long ReadHeldMemory(long enough) => HeldMemory;

    public ValueTask DisposeAsync()
    {
        Kill();
        _disposed.TrySetResult();
        return ValueTask.CompletedTask;
    }

    [LibraryImport("libc", EntryPoint = "geteuid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial uint EffectiveUid();
}
