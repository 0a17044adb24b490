using SandboxHost.Invocations;
using SandboxHost.Supervisor.Workers;

namespace SandboxHost.Supervisor.Pools;

/// <summary>
/// Bounds how many workers live, of all functions together and placeholders included. For one more an idle one goes, or a
/// placeholder; when there is neither, the new one is refused. A host without the bound runs out of descriptors or memory,
/// and then it is everybody who is not served.
/// </summary>
internal sealed class WorkerCap(SupervisorContext context)
{
    /// <summary>Room that is kept free of idle workers, so that a cold start rarely waits for one to go.</summary>
    private readonly int _headroom = Math.Min(context.Options.ConcurrentStarts, context.Options.MaxWorkers / 8);

    private Func<Worker?> _takeIdle = () => null;

    /// <param name="takeIdle">Takes an idle worker out of its pool, to be ended; null when there is none.</param>
    public void TakeFrom(Func<Worker?> takeIdle) => _takeIdle = takeIdle;

    /// <summary>Returns when one more may start.</summary>
    /// <param name="placeholders">What goes when no worker is idle; null: nobody goes, for it is a placeholder that is to start.</param>
    /// <exception cref="WorkerStartException">As many as may live, and all of them work.</exception>
    public async ValueTask MakeRoomAsync(PlaceholderPool? placeholders)
    {
        while (context.Directory.Count >= context.Options.MaxWorkers)
        {
            if ((placeholders is null ? null : _takeIdle() ?? placeholders.TryTake()) is not { } idle)
            {
                if (placeholders is not null)
                {
                    context.Metrics.WorkerRefused();
                }

                throw new WorkerStartException(new FunctionError(ErrorCode.Overloaded, "The host has as many workers as it may have, and all of them work.")
                {
                    RetryAfter = TimeSpan.FromSeconds(1),
                });
            }

            await EvictAsync(idle);
        }
    }

    /// <summary>Keeps the headroom. Called every second.</summary>
    public void Sweep()
    {
        for (var excess = context.Directory.Count - context.Options.MaxWorkers + _headroom; excess > 0 && _takeIdle() is { } idle; excess--)
        {
            context.Background.Run(() => EvictAsync(idle));
        }
    }

    private Task EvictAsync(Worker idle)
    {
        context.Metrics.WorkerEvicted();
        context.Logger.WorkerEvicted(idle.Name);
        return idle.DrainAsync(TimeSpan.Zero);
    }
}
