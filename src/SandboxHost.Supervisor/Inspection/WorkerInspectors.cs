using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Supervisor.Pools;

namespace SandboxHost.Supervisor.Inspection;

/// <summary>The inspectors of functions, for debuggers: with <see cref="SupervisorOptions.Inspect"/> only.</summary>
public sealed class WorkerInspectors
{
    /// <summary>From the worker's hello to its relay's first connection. It takes some 50 ms.</summary>
    private static readonly TimeSpan OfferLimit = TimeSpan.FromSeconds(10);

    private readonly InspectorLink _link;
    private readonly PoolRegistry _pools;
    private readonly TimeProvider _clock;

    internal WorkerInspectors(InspectorLink link, PoolRegistry pools, TimeProvider clock)
    {
        _link = link;
        _pools = pools;
        _clock = clock;
    }

    /// <summary>Connects to the inspector of a function's worker, and starts one when there is none.</summary>
    /// <returns>The connection, or why there is none.</returns>
    public async Task<(InspectorConnection? Connection, FunctionError? Error)> ConnectAsync(FunctionVersion function, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(function);
        var pool = _pools.For(function);
        // A debugger takes no slot: it must get in while invocations that stand still have all of them.
        var worker = pool.AnyWorker;
        if (worker is null)
        {
            var lease = await pool.LeaseAsync(cancellationToken);
            if (lease.Worker is null)
            {
                return (null, lease.Error);
            }

            worker = lease.Worker;
            pool.OnSlotFree(worker, answered: false);
        }

        try
        {
            using var limit = new CancellationTokenSource(OfferLimit, _clock);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
            return (await _link.TakeAsync(worker, either.Token), null);
        }
        catch (OperationCanceledException)
        {
            return (null, new FunctionError(ErrorCode.StartFailed, "The worker's inspector did not answer."));
        }
    }
}
