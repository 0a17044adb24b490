using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Sandboxes;

namespace SandboxHost.Supervisor.Workers;

/// <summary>From the end of a process to the error of what ran on it.</summary>
internal static class WorkerDeath
{
    private const int Abort = 6;

    // The end of every sentence in which V8 gives up for want of heap, whatever it was doing.
    private const string HeapIsFull = "JavaScript heap out of memory";

    public static FunctionError Explain(ISandbox? sandbox)
    {
        var exit = sandbox is { Exited.IsCompletedSuccessfully: true } ended ? ended.Exited.Result : null;
        var megabytes = (exit?.MemoryLimitBytes ?? 0) / FunctionLimits.Megabyte;
        return exit?.Reason switch
        {
            SandboxExitReason.OutOfMemory => new FunctionError(
                ErrorCode.OutOfMemory,
                $"The function used more memory than its limit of {megabytes} MB{Peak(exit)}."),
            // V8 gives up on its own heap with abort(3), before the kernel sees the limit.
            SandboxExitReason.Signalled when exit.Signal == Abort && exit.Detail?.Contains(HeapIsFull, StringComparison.Ordinal) == true =>
                new FunctionError(
                    ErrorCode.OutOfMemory,
                    $"The function's JavaScript heap reached its limit, before the worker reached its memory limit of {megabytes} MB{Peak(exit)}."),
            SandboxExitReason.Signalled when exit.Signal == Abort => new FunctionError(ErrorCode.WorkerExited, "The worker aborted (SIGABRT)."),
            SandboxExitReason.Signalled => new FunctionError(ErrorCode.WorkerExited, $"The worker was ended by signal {exit.Signal}."),
            SandboxExitReason.Exited => new FunctionError(ErrorCode.WorkerExited, $"The worker exited with code {exit.Code}."),
            SandboxExitReason.LaunchFailed => new FunctionError(ErrorCode.StartFailed, exit.Detail ?? "The sandbox did not start."),
            _ => new FunctionError(ErrorCode.WorkerExited, "The worker is gone."),
        };
    }

    // Kernels before 5.19 do not tell, under cgroup v2.
    private static string Peak(SandboxExit exit) =>
        exit.PeakMemoryBytes > 0 ? $" (peak {exit.PeakMemoryBytes / FunctionLimits.Megabyte} MB)" : "";
}
