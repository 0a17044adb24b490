using SandboxHost.Output;
using SandboxHost.Sandboxes;
using SandboxHost.Supervisor.Inspection;
using SandboxHost.Supervisor.Workers;

namespace SandboxHost.Supervisor;

/// <summary>What every part of the supervisor works with.</summary>
internal sealed record SupervisorContext(
    SupervisorOptions Options,
    ISandboxLauncher Launcher,
    ILogSink Output,
    TimeProvider Clock,
    SupervisorLogger Logger,
    SupervisorMetrics Metrics,
    WorkerDirectory Directory,
    BackgroundTasks Background)
{
    public CodeCacheBudget CodeCacheBudget { get; } = new(Options.CodeCacheBytes);

    /// <summary>Null: no debuggers.</summary>
    public InspectorLink? Inspectors { get; init; }
}
