using System.Runtime.Versioning;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using SandboxHost.Isolation.Output;
using SandboxHost.Egress;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Windows;

/// <summary>What a sandbox is made of and must give back.</summary>
[SupportedOSPlatform("windows")]
internal sealed record JobParts(SandboxSpec Spec, DirectoryInfo Directory, JobObject Job, SuspendedProcess Process, OutputLines Output);

/// <summary>A worker in a job object. There is no freezer, and no egress door, since nothing is shut.</summary>
[SupportedOSPlatform("windows")]
internal sealed class JobObjectSandbox : ISandbox
{
    private static readonly TimeSpan LastNotificationLimit = TimeSpan.FromSeconds(1);

    private readonly JobParts _parts;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private long _memoryLimitBytes;
    private volatile bool _killed;
    private bool _disposed;

    public JobObjectSandbox(JobParts parts, TimeProvider time, ILogger logger)
    {
        _parts = parts;
        _time = time;
        _logger = logger;
        _memoryLimitBytes = parts.Spec.Limits.MemoryBytes;
        ProcessId = parts.Process.Id;
        FunctionDirectory = Path.Combine(parts.Directory.FullName, "function");
        Exited = WatchAsync();
    }

    public int ProcessId { get; }

    public uint Uid => UnconfinedSandbox.OwnUid;

    public string FunctionDirectory { get; }

    public Task<SandboxExit> Exited { get; }

    /// <summary>It never waits behind others.</summary>
    public Task EndPatienceAsync() => Task.CompletedTask;

    public void SetLimits(SandboxLimits limits)
    {
        _parts.Job.SetLimits(limits);
        _memoryLimitBytes = limits.MemoryBytes;
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
        if (!Exited.IsCompleted)
        {
            _killed = true;
            _parts.Job.Kill();
        }
    }

    public SandboxUsage ReadUsage() => _parts.Job.ReadUsage();

    /// <summary>A job tells its peak and not what it holds now.</summary>
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

        _parts.Job.Dispose();
        _parts.Process.Dispose();
        _parts.Output.Dispose();
        try
        {
            _parts.Directory.Delete(recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Somebody else has a file of it open; Windows does not let go of it then.
            _logger.SandboxLeftBehind(_parts.Spec.Name, Uid, e);
        }
    }

    private async Task<SandboxExit> WatchAsync()
    {
        var output = _parts.Output.NewTarget().CopyFromAsync(_parts.Process.Output, CancellationToken.None);
        SandboxExit exit;
        try
        {
            await WaitForExitAsync(_parts.Process.Process);
            Kernel32.Check(Kernel32.GetExitCodeProcess(_parts.Process.Process, out var code), "exit code");

            // Its children end with it. Theirs may be the writing ends of the pipe as well.
            _parts.Job.Kill();
            await output;
            await _parts.Output.FinishAsync();
            await Task.WhenAny(_parts.Job.Empty, Task.Delay(LastNotificationLimit, _time, CancellationToken.None));
            exit = new JobExit
            {
                Code = code,
                KilledByHost = _killed,
                MemoryLimitMet = _parts.Job.MemoryLimitMet,
                MemoryLimitBytes = _memoryLimitBytes,
                PeakMemoryBytes = _parts.Job.ReadUsage().PeakMemoryBytes,
            }.Explain();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Whoever waits for the end must get one.
            _logger.ExitUnreadable(_parts.Spec.Name, e);
            exit = new SandboxExit(SandboxExitReason.Signalled, Detail: e.Message);
        }

        _logger.SandboxEnded(_parts.Spec.Name, exit.Reason, exit.Code, exit.Signal, exit.PeakMemoryBytes);
        return exit;
    }

    private static async Task WaitForExitAsync(SafeProcessHandle process)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var signal = new ManualResetEvent(initialState: false) { SafeWaitHandle = new SafeWaitHandle(process.DangerousGetHandle(), ownsHandle: false) };
        var wait = ThreadPool.RegisterWaitForSingleObject(signal, (_, _) => ended.TrySetResult(), null, Timeout.Infinite, executeOnlyOnce: true);
        await ended.Task;
        wait.Unregister(null);
    }
}
