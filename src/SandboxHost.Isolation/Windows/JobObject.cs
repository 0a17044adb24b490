using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Windows;

/// <summary>
/// A job object: the processes in it share their limits, cannot leave it, and end with its last handle, which is the host's.
/// Its notifications say what they met.
/// </summary>
[SupportedOSPlatform("windows")]
internal sealed unsafe class JobObject : IDisposable
{
    // JOB_OBJECT_MSG_… of winnt.h.
    private const uint NoProcessLeft = 4, ProcessMemoryLimitMet = 9, JobMemoryLimitMet = 10, Stop = uint.MaxValue;

    private readonly SafeFileHandle _job;
    private readonly SafeFileHandle _port;
    private readonly Thread _reader;
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _memoryLimitMet;

    /// <exception cref="SandboxException">Windows refused.</exception>
    public JobObject(SandboxLimits limits)
    {
        _job = new SafeFileHandle(Kernel32.CreateJobObjectW(0, 0), ownsHandle: true);
        Kernel32.Check(!_job.IsInvalid, "job object");
        _port = new SafeFileHandle(Kernel32.CreateIoCompletionPort(-1, 0, 0, 1), ownsHandle: true);
        try
        {
            Kernel32.Check(!_port.IsInvalid, "job object: completion port");
            var port = new JobCompletionPort { Port = _port.DangerousGetHandle() };
            Set(Kernel32.AssociateCompletionPort, &port, sizeof(JobCompletionPort), "completion port");
            var restrictions = new JobUiRestrictions { Classes = JobLimits.AllUiRestrictions };
            Set(Kernel32.BasicUiRestrictions, &restrictions, sizeof(JobUiRestrictions), "user interface");
            SetLimits(limits);
        }
        catch
        {
            _port.Dispose();
            _job.Dispose();
            throw;
        }

        _reader = new Thread(ReadNotifications) { IsBackground = true, Name = "job notifications" };
        _reader.Start();
    }

    /// <summary>How often a process was refused memory.</summary>
    public int MemoryLimitMet => Volatile.Read(ref _memoryLimitMet);

    /// <summary>Completes when its last process has ended and everything before that has been told. Windows does not promise to tell.</summary>
    public Task Empty => _empty.Task;

    /// <exception cref="SandboxException">Windows refused a value.</exception>
    public void SetLimits(SandboxLimits limits)
    {
        var extended = JobLimits.Of(limits);
        Set(Kernel32.ExtendedLimit, &extended, sizeof(JobExtendedLimits), "memory and processes");
        var rate = JobLimits.CpuOf(limits, Environment.ProcessorCount);
        Set(Kernel32.CpuRateControl, &rate, sizeof(JobCpuRate), "processor rate");
    }

    public void Assign(nint process) => Kernel32.Check(Kernel32.AssignProcessToJobObject(_job, process), "job object: process");

    /// <summary>Ends every process in it. One that is gone already is no error.</summary>
    public void Kill() => _ = Kernel32.TerminateJobObject(_job, 1);

    public SandboxUsage ReadUsage()
    {
        JobExtendedLimits limits;
        JobAccounting accounting;
        return Kernel32.QueryInformationJobObject(_job, Kernel32.ExtendedLimit, &limits, (uint)sizeof(JobExtendedLimits), 0)
            && Kernel32.QueryInformationJobObject(_job, Kernel32.BasicAccounting, &accounting, (uint)sizeof(JobAccounting), 0)
            // A job does not tell what it uses now.
            ? new SandboxUsage(0, (long)limits.PeakJobMemoryUsed, new TimeSpan(accounting.TotalUserTime + accounting.TotalKernelTime), (int)accounting.ActiveProcesses)
            : default;
    }

    public void Dispose()
    {
        _ = Kernel32.PostQueuedCompletionStatus(_port, Stop, 0, 0);
        _reader.Join();
        _port.Dispose();

        // The last handle: whatever still runs ends with it.
        _job.Dispose();
    }

    private void Set(int kind, void* information, int length, string what) =>
        Kernel32.Check(Kernel32.SetInformationJobObject(_job, kind, information, (uint)length), $"job object: {what}");

    private void ReadNotifications()
    {
        while (Kernel32.GetQueuedCompletionStatus(_port, out var message, out _, out _, Kernel32.Infinite) && message != Stop)
        {
            if (message is ProcessMemoryLimitMet or JobMemoryLimitMet)
            {
                Interlocked.Increment(ref _memoryLimitMet);
            }
            else if (message == NoProcessLeft)
            {
                _empty.TrySetResult();
            }
        }
    }
}
