using CliWrap;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using SandboxHost.Egress;
using SandboxHost.Isolation.Cgroups;
using SandboxHost.Isolation.Egress;
using SandboxHost.Isolation.Output;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Linux;

/// <summary>What a sandbox is made of and must give back.</summary>
internal sealed record SandboxParts(
    SandboxSpec Spec, HostDirectories Directories, Cgroup Group, uint Uid, UidBlock? Uids, OutputLines Output);

/// <summary>A worker in bubblewrap. See <see cref="ISandbox"/> for what each member promises.</summary>
public sealed class LinuxSandbox : ISandbox
{
    private static readonly TimeSpan KillLimit = TimeSpan.FromSeconds(30);

    private readonly SandboxParts _parts;
    private readonly Func<SandboxParts, int, EgressDoor>? _openEgress;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private readonly Action<LinuxSandbox> _gone;
    private readonly SafeFileHandle? _process;
    private readonly ITimer? _patience;
    private EgressDoor? _egress;
    private int _workerProcessId;
    private Task? _disposal;
    private volatile bool _killed;

    internal LinuxSandbox(
        SandboxParts parts, CommandTask<CommandResult> process, Func<SandboxParts, int, EgressDoor>? openEgress,
        Action<LinuxSandbox> gone, TimeProvider time, ILogger logger)
    {
        _parts = parts;
        _openEgress = openEgress;
        _gone = gone;
        _time = time;
        _logger = logger;
        ProcessId = process.ProcessId;
        _process = LibC.OpenProcess(ProcessId);
        FunctionDirectory = parts.Directories.FunctionDirectory(parts.Spec.Name);
        Exited = WatchAsync(process);
        _patience = parts.Spec.Patience > TimeSpan.Zero ? time.CreateTimer(delegate { _ = EndPatienceAsync(); }, null, parts.Spec.Patience, Timeout.InfiniteTimeSpan) : null;
    }

    public int ProcessId { get; }

    public uint Uid => _parts.Uid;

    public string FunctionDirectory { get; }

    public Task<SandboxExit> Exited { get; }

    /// <summary>What went through the egress door so far.</summary>
    public EgressUsage ReadEgress()
    {
        lock (_gate)
        {
            return _egress?.ReadUsage() ?? default;
        }
    }

    public void SetLimits(SandboxLimits limits) => _parts.Group.SetLimits(limits);

    /// <summary>Completes when everything that it runs is in all of its groups, or when it has ended.</summary>
    /// <exception cref="SandboxException">The kernel refused.</exception>
    internal Task GatherAsync() => _parts.Group.IsGathered ? Task.CompletedTask : OnItsOwnThreadAsync(() => WhileAlive(() => _parts.Group.Gather(ProcessId)));

    public Task EndPatienceAsync() => _patience is null ? Task.CompletedTask : OnItsOwnThreadAsync(() =>
    {
        try
        {
            WhileAlive(_parts.Group.EndPatience);
        }
        catch (SandboxException e)
        {
            // It works, and waits for processors behind all others.
            _logger.PatienceNotEnded(_parts.Spec.Name, e);
        }
    });

    public void OpenEgress(int workerProcessId)
    {
        if (_openEgress is null)
        {
            throw new SandboxException("egress: only a host that runs as root can open a door in a worker's network namespace");
        }

        if (!_parts.Group.Contains(workerProcessId))
        {
            throw new SandboxException($"egress: process {workerProcessId} is not in sandbox {_parts.Spec.Name}");
        }

        var door = _openEgress(_parts, workerProcessId);
        lock (_gate)
        {
            if (_egress is null && _disposal is null)
            {
                _egress = door;
                _workerProcessId = workerProcessId;
                return;
            }
        }

        door.Close();
        throw new SandboxException("egress: the door is open already, or the sandbox is gone");
    }

    public void SetEgress(string site, EgressPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        EgressDoor? door;
        lock (_gate)
        {
            door = _egress;
        }

        if (door is null)
        {
            return;
        }

        door.Bind(site, policy);
        try
        {
            // Not a process that got the number later.
            if (policy.Rules.Ports.Count > 0 && _parts.Group.Contains(_workerProcessId))
            {
                door.OpenPorts(_workerProcessId, policy.Rules.Ports);
            }
        }
        catch (SandboxException e)
        {
            // The function runs, and finds nobody at these ports.
            _logger.EgressPortsFailed(_parts.Spec.Name, e);
        }
    }

    public void Freeze() => WhileAlive(_parts.Group.Freeze);

    public void Thaw() => WhileAlive(_parts.Group.Thaw);

    public void Kill()
    {
        if (Exited.IsCompleted)
        {
            return;
        }

        _killed = true;

        // First the process that was started: it may not be in its group yet, and bubblewrap's child is not bound to its
        // parent's life from its first moment on. Then the group: from here on there is nobody who could add to it.
        // Without groups there is only bubblewrap's bond.
        if (_process is not null)
        {
            LibC.Kill(_process);
        }
        else
        {
            LibC.Kill(ProcessId);
        }

        TryKillGroup();
    }

    public SandboxUsage ReadUsage() => _parts.Group.ReadUsage();

    public long ReadHeldMemory(long enough) => _parts.Group.ReadHeldMemory(enough);

    public ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            return new ValueTask(_disposal ??= DisposeOnceAsync());
        }
    }

    // The kernel lets who moves a process wait for longer than a request takes; the pool's threads are as many as processors.
    private static Task OnItsOwnThreadAsync(Action move) =>
        Task.Factory.StartNew(move, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private void WhileAlive(Action change)
    {
        try
        {
            if (!Exited.IsCompleted)
            {
                change();
            }
        }
        catch (SandboxException) when (Exited.IsCompleted)
        {
            // It ended in between, and its groups are gone or going.
        }
    }

    private void TryKillGroup()
    {
        if (_parts.Group.Directories.Count == 0)
        {
            return;
        }

        try
        {
            _parts.Group.Kill();
        }
        catch (SandboxException e)
        {
            // Somebody else removed the group, or took it away; the process must end all the same.
            _logger.GroupKillFailed(_parts.Spec.Name, e);
        }
    }

    private async Task<SandboxExit> WatchAsync(CommandTask<CommandResult> process)
    {
        SandboxExit exit;
        try
        {
            var result = await process;
            await _parts.Output.FinishAsync();
            exit = new ExitReading
            {
                Code = result.ExitCode,
                Ran = ReadReport().Ran,
                KilledByHost = _killed,
                OutOfMemoryKills = _parts.Group.ReadOutOfMemoryKills(),
                MemoryLimitBytes = _parts.Group.MemoryLimitBytes,
                PeakMemoryBytes = _parts.Group.ReadUsage().PeakMemoryBytes,
                FirstLines = _parts.Output.First,
                FatalLine = _parts.Output.Fatal,
                RefusedProcesses = _parts.Group.ReadRefusedProcesses(),
            }.Explain();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Whoever waits for the end must get one, even if reading how it came about failed.
            _logger.ExitUnreadable(_parts.Spec.Name, e);
            exit = new SandboxExit(SandboxExitReason.Signalled, Detail: e.Message);
        }

        _logger.SandboxEnded(_parts.Spec.Name, exit.Reason, exit.Code, exit.Signal, exit.PeakMemoryBytes);
        return exit;
    }

    private SandboxReport ReadReport() => SandboxReport.Read(_parts.Directories.ReportPath(_parts.Spec.Name));

    private async Task DisposeOnceAsync()
    {
        // Off the caller's lock before anything is done.
        await Task.Yield();
        try
        {
            _patience?.Dispose();
            Kill();
            await Exited.WaitAsync(KillLimit, _time);
            if (_egress is not null)
            {
                await _egress.DisposeAsync();
            }

            await _parts.Group.RemoveAsync(_time, CancellationToken.None);

            // Killed together with the process that would have reaped it; ours to do if this is process 1 of a container.
            if (ReadReport().ChildProcessId is > 0 and var orphan)
            {
                LibC.Reap(orphan);
            }

            HostDirectories.Remove(_parts.Directories.SandboxDirectory(_parts.Spec.Name));
            _parts.Output.Dispose();
            _process?.Dispose();
            _parts.Uids?.GiveBack(_parts.Uid);
        }
        catch (Exception e) when (e is SandboxException or IOException or UnauthorizedAccessException or TimeoutException)
        {
            // The uid stays taken: nobody may meet what is left under it. The next start of a host sweeps.
            _logger.SandboxLeftBehind(_parts.Spec.Name, _parts.Uid, e);
        }

        _gone(this);
    }
}
