using Microsoft.Extensions.Logging;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Output;
using SandboxHost.Sandboxes;
using SandboxHost.Supervisor.Inspection;
using SandboxHost.Supervisor.Pools;
using SandboxHost.Supervisor.Transport;
using SandboxHost.Supervisor.Workers;

namespace SandboxHost.Supervisor;

/// <summary>The supervisor as a whole: the link that workers dial, the pools, and the invoker in front of them.</summary>
public sealed class WorkerHost : IAsyncDisposable
{
    private readonly SupervisorContext _context;
    private readonly WorkerLinkServer _link;
    private readonly PlaceholderPool _placeholders;
    private readonly PoolRegistry _pools;
    private readonly WorkerStarter _starter;

    private WorkerHost(SupervisorContext context, WorkerLinkServer link, PlaceholderPool placeholders, WorkerStarter starter, PoolRegistry pools)
    {
        _context = context;
        _link = link;
        _placeholders = placeholders;
        _starter = starter;
        _pools = pools;
        Invoker = new LocalInvoker(pools);
        Inspectors = context.Inspectors is { } inspectors ? new WorkerInspectors(inspectors, pools, context.Clock) : null;
    }

    public IInvoker Invoker { get; }

    /// <summary>Null unless <see cref="SupervisorOptions.Inspect"/> is set.</summary>
    public WorkerInspectors? Inspectors { get; }

    /// <summary>Completes when the pool of placeholders is full.</summary>
    public Task PlaceholdersReady => _placeholders.Full;

    /// <summary>Starts to listen for workers and to fill the pool.</summary>
    public static async Task<WorkerHost> StartAsync(
        SupervisorOptions options,
        ISandboxLauncher launcher,
        SnapshotSource snapshots,
        ILogSink output,
        TimeProvider clock,
        ILoggerFactory loggers,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggers);
        var logger = new SupervisorLogger(loggers.CreateLogger("SandboxHost.Supervisor"));
        var background = new BackgroundTasks(logger);
        var context = new SupervisorContext(
            options, launcher, output, clock, logger, new SupervisorMetrics(), new WorkerDirectory(logger), background)
        {
            Inspectors = options.Inspect ? new InspectorLink(options.LinkDirectory, background, clock) : null,
        };
        var link = await WorkerLinkServer.StartAsync(options.LinkDirectory, context.Directory, logger, loggers, cancellationToken);
        var placeholders = new PlaceholderPool(context);
        var cap = new WorkerCap(context);
        var starter = new WorkerStarter(context, placeholders, cap);
        placeholders.Start(starter);
        return new WorkerHost(context, link, placeholders, starter, new PoolRegistry(snapshots, starter, cap, context));
    }

    /// <summary>Drains, then ends, every worker; when it returns no process is left.</summary>
    public async ValueTask DisposeAsync()
    {
        await _placeholders.DisposeAsync();
        await _starter.DisposeAsync();
        await _pools.DisposeAsync();
        await Task.WhenAll(_context.Directory.All.Select(worker => worker.DisposeAsync().AsTask()));
        if (_context.Inspectors is { } inspectors)
        {
            await inspectors.DisposeAsync();
        }

        await _context.Background.DisposeAsync();
        await _link.DisposeAsync();
        _context.Metrics.Dispose();
    }
}
