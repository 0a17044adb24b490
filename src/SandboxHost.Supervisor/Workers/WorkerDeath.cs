using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Sandboxes;

namespace SandboxHost.Supervisor.Workers;

/// <summary>From the end of a process to the error of what ran on it.</summary>
internal static class WorkerDeath
{
    /// <summary>What V8 prints, with a summary of its heap, before it aborts.</summary>
    public const string HeapIsFull = "JavaScript heap out of memory";

    private const int Abort = 6;

    /// <param name="heapIsFull">V8 said so before the end.</param>
    public static FunctionError Explain(ISandbox? sandbox, bool heapIsFull)
    {
        var exit = sandbox is { Exited.IsCompletedSuccessfully: true } ended ? ended.Exited.Result : null;
        var megabytes = (exit?.MemoryLimitBytes ?? 0) / FunctionLimits.Megabyte;
        return exit?.Reason switch
        {
            SandboxExitReason.OutOfMemory => new FunctionError(
                ErrorCode.OutOfMemory,
                $"The function used more memory than its limit of {megabytes} MB (peak {exit.PeakMemoryBytes / FunctionLimits.Megabyte} MB)."),
            // V8 gives up on its own heap with abort(3), before the kernel sees the limit.
            SandboxExitReason.Signalled when exit.Signal == Abort && heapIsFull => new FunctionError(
                ErrorCode.OutOfMemory, $"The function's JavaScript heap is full: it gets three quarters of the memory limit of {megabytes} MB. Its log has a summary."),
            SandboxExitReason.Signalled when exit.Signal == Abort => new FunctionError(ErrorCode.WorkerExited, "The worker aborted (SIGABRT)."),
            SandboxExitReason.Signalled => new FunctionError(ErrorCode.WorkerExited, $"The worker was ended by signal {exit.Signal}."),
            SandboxExitReason.Exited => new FunctionError(ErrorCode.WorkerExited, $"The worker exited with code {exit.Code}."),
            SandboxExitReason.LaunchFailed => new FunctionError(ErrorCode.StartFailed, exit.Detail ?? "The sandbox did not start."),
            _ => new FunctionError(ErrorCode.WorkerExited, "The worker is gone."),
        };
    }
}
