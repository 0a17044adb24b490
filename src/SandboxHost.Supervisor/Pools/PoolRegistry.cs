using System.Collections.Concurrent;
using SandboxHost.Deployments;
using SandboxHost.Supervisor.Workers;

namespace SandboxHost.Supervisor.Pools;

/// <summary>From function version to pool. Follows the snapshot: what left it drains, what was never called costs nothing.</summary>
internal sealed class PoolRegistry : IAsyncDisposable
{
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<FunctionVersion, FunctionPool> _pools = new(ReferenceEqualityComparer.Instance);
    private readonly SnapshotSource _snapshots;
    private readonly WorkerStarter _starter;
    private readonly SupervisorContext _context;
    private readonly ITimer _sweeper;

    public PoolRegistry(SnapshotSource snapshots, WorkerStarter starter, SupervisorContext context)
    {
        _snapshots = snapshots;
        _starter = starter;
        _context = context;
        _snapshots.Published += OnPublished;
        _sweeper = context.Clock.CreateTimer(_ => Sweep(), null, SweepInterval, SweepInterval);
    }

    public int HttpRequestsWaiting => _context.Metrics.HttpRequestsWaiting;

    public FunctionPool For(FunctionVersion function) =>
        _pools.TryGetValue(function, out var pool) ? pool : Create(function);

    public async ValueTask DisposeAsync()
    {
        _snapshots.Published -= OnPublished;
        await _sweeper.DisposeAsync();
        await Task.WhenAll(_pools.Values.Select(pool => pool.StopAsync(_context.Options.DrainTimeout)));
    }

    private FunctionPool Create(FunctionVersion function)
    {
        var pool = _pools.GetOrAdd(function, static (function, self) => new FunctionPool(function, self._starter, self._context), this);
        if (!_snapshots.Current.Contains(function))
        {
            // A request that started just before a swap still gets its answer, from a worker that goes right after it.
            pool.Supersede();
        }

        return pool;
    }

    private void OnPublished(HostSnapshot snapshot)
    {
        foreach (var (function, pool) in _pools)
        {
            if (!snapshot.Contains(function))
            {
                pool.Supersede();
            }
        }
    }

    private void Sweep()
    {
        foreach (var (function, pool) in _pools)
        {
            pool.Sweep();
            if (pool.IsEmpty && !_snapshots.Current.Contains(function))
            {
                _pools.TryRemove(function, out _);
            }
        }
    }
}
