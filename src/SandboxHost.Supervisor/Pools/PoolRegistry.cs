using System.Collections.Concurrent;
using SandboxHost.Deployments;
using SandboxHost.Runs;
using SandboxHost.Supervisor.Workers;

namespace SandboxHost.Supervisor.Pools;

/// <summary>From function version to pool. Follows the snapshot: what left it drains, what was never called costs nothing.</summary>
internal sealed class PoolRegistry : IAsyncDisposable
{
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(1);

    /// <summary>Longest wait of a swap for workers of what comes. A function that takes longer to start has its requests wait.</summary>
    private static readonly TimeSpan PrepareLimit = TimeSpan.FromSeconds(3);

    private readonly ConcurrentDictionary<FunctionVersion, FunctionPool> _pools = new(ReferenceEqualityComparer.Instance);
    private readonly SnapshotSource _snapshots;
    private readonly WorkerStarter _starter;
    private readonly WorkerCap _cap;
    private readonly SupervisorContext _context;
    private readonly ITimer _sweeper;

    public PoolRegistry(SnapshotSource snapshots, WorkerStarter starter, WorkerCap cap, SupervisorContext context)
    {
        _snapshots = snapshots;
        _starter = starter;
        _cap = cap;
        _cap.TakeFrom(TakeIdle);
        _context = context;
        _snapshots.Published += OnPublished;
        _snapshots.Preparing = PrepareAsync;
        _sweeper = context.Clock.CreateTimer(_ => Sweep(), null, SweepInterval, SweepInterval);
    }

    public int HttpRequestsWaiting => _context.Metrics.HttpRequestsWaiting;

    public FunctionPool For(FunctionVersion function) =>
        _pools.TryGetValue(function, out var pool) ? pool : Create(function);

    public async ValueTask DisposeAsync()
    {
        _snapshots.Published -= OnPublished;
        _snapshots.Preparing = null;
        await _sweeper.DisposeAsync();
        await Task.WhenAll(_pools.Values.Select(pool => pool.StopAsync(_context.Options.DrainTimeout)));
    }

    private FunctionPool Create(FunctionVersion function, IdleHistory? history = null)
    {
        var pool = _pools.GetOrAdd(
            function,
            static (function, self) => new FunctionPool(function, self.Registry._starter, self.Registry._context, self.History),
            (Registry: this, History: history ?? new IdleHistory(_context.Clock, _context.Options.KeepAlive)));
        if (!_snapshots.Wants(function))
        {
            // A request that started just before a swap still gets its answer, from a worker that goes right after it.
            pool.Supersede();
        }

        return pool;
    }

    // What runs goes on meanwhile with the versions that are live.
    private async Task PrepareAsync(HostSnapshot coming)
    {
        try
        {
            await Task.WhenAll(LeftBy(coming).Select(pair => PrepareSuccessorAsync(pair.Key, pair.Value, coming))).WaitAsync(PrepareLimit, _context.Clock);
        }
        catch (TimeoutException)
        {
            // It goes on starting, and is live all the same.
        }
    }

    private void OnPublished(HostSnapshot snapshot)
    {
        foreach (var (function, pool) in LeftBy(snapshot))
        {
            _ = PrepareSuccessorAsync(function, pool, snapshot);
            pool.Supersede();
        }
    }

    /// <summary>The pools whose functions are not in the snapshot.</summary>
    private IEnumerable<KeyValuePair<FunctionVersion, FunctionPool>> LeftBy(HostSnapshot snapshot) => _pools.Where(pair => !snapshot.Contains(pair.Key));

    // Who was warm stays warm: the next request finds a worker of the new version. Not on a developer's machine, where
    // saving a file should run nothing.
    private Task PrepareSuccessorAsync(FunctionVersion function, FunctionPool pool, HostSnapshot next) =>
        next.FindFunction(new FunctionKey(function.Site.Id, function.Name)) is { BuildError: null, Deploy.Published: true } successor
        && pool.TryHandOver(out var history)
            ? Create(successor, history).PrepareAsync()
            : Task.CompletedTask;

    /// <summary>An idle worker of the site that has most, the one that has been idle longest, taken out of its pool.</summary>
    private Worker? TakeIdle()
    {
        var sites = new Dictionary<string, (int Workers, FunctionPool? Pool, Worker? Idle)>(StringComparer.Ordinal);
        foreach (var (function, pool) in _pools)
        {
            var (workers, idle) = pool.CountAndLongestIdle();
            var site = sites.GetValueOrDefault(function.Site.Id);
            site.Workers += workers;
            sites[function.Site.Id] = idle is not null && (site.Idle is null || idle.IdleSince < site.Idle.IdleSince) ? (site.Workers, pool, idle) : site;
        }

        return sites.Values
            .Where(site => site.Idle is not null)
            .OrderByDescending(site => site.Workers)
            .Where(site => site.Pool!.TryTakeIdle(site.Idle!))
            .Select(site => site.Idle)
            .FirstOrDefault();
    }

    private void Sweep()
    {
        _cap.Sweep();
        foreach (var (function, pool) in _pools)
        {
            pool.Sweep();
            if (pool.IsEmpty && !_snapshots.Wants(function))
            {
                _pools.TryRemove(function, out _);
                pool.Close();
            }
        }
    }
}
