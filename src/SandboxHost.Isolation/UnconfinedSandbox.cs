using CliWrap;
using Microsoft.Extensions.Logging;
using SandboxHost.Egress;
using SandboxHost.Isolation.Linux;
using SandboxHost.Isolation.Output;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation;

/// <summary>A plain process behind the port of a sandbox: no limits, no freezer, no egress door, since nothing is shut.</summary>
internal sealed class UnconfinedSandbox : ISandbox
{
    private readonly DirectoryInfo _directory;
    private readonly OutputLines _output;
    private readonly CancellationTokenSource _kill;
    private readonly Lock _gate = new();
    private bool _disposed;

    public UnconfinedSandbox(
        SandboxSpec spec, CommandTask<CommandResult> process, DirectoryInfo directory, OutputLines output, CancellationTokenSource kill, ILogger logger)
    {
        _directory = directory;
        _output = output;
        _kill = kill;
        ProcessId = process.ProcessId;
        Exited = WatchAsync(spec, process, logger);
    }

    public static uint OwnUid => OperatingSystem.IsLinux() ? LibC.EffectiveUserId : 0;

    public int ProcessId { get; }

    public uint Uid => OwnUid;

    public string FunctionDirectory => _directory.FullName;

    public Task<SandboxExit> Exited { get; }

    /// <summary>It never waits behind others.</summary>
    public Task EndPatienceAsync() => Task.CompletedTask;

    public void SetLimits(SandboxLimits limits)
    {
    }

    public void OpenEgress(int workerProcessId)
    {
    }

    public void SetEgress(string site, EgressPolicy policy)
    {
    }

    public void Freeze()
    {
    }

    public void Thaw()
    {
    }

    public void Kill()
    {
        lock (_gate)
        {
            if (!_disposed)
            {
                // CliWrap ends the process and every descendant that it can find.
                _kill.Cancel();
            }
        }
    }

    public SandboxUsage ReadUsage() => default;

    public long ReadHeldMemory(long enough) => 0;

    public async ValueTask DisposeAsync()
    {
        Kill();
        await Exited;
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
        }

        _kill.Dispose();
        _output.Dispose();
        _directory.Delete(recursive: true);
    }

    private async Task<SandboxExit> WatchAsync(SandboxSpec spec, CommandTask<CommandResult> process, ILogger logger)
    {
        SandboxExit exit;
        try
        {
            var result = await process;
            exit = new ExitReading
            {
                Code = result.ExitCode,
                Ran = true,
                KilledByHost = false,
                OutOfMemoryKills = 0,
                MemoryLimitBytes = 0,
                PeakMemoryBytes = 0,
                FirstLines = _output.First,
                FatalLine = _output.Fatal,
                RefusedProcesses = 0,
            }.Explain();
        }
        catch (OperationCanceledException)
        {
            exit = new SandboxExit(SandboxExitReason.Killed);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Whoever waits for the end must get one.
            logger.ExitUnreadable(spec.Name, e);
            exit = new SandboxExit(SandboxExitReason.Signalled, Detail: e.Message);
        }

        await _output.FinishAsync();
        logger.SandboxEnded(spec.Name, exit.Reason, exit.Code, exit.Signal, 0);
        return exit;
    }
}
