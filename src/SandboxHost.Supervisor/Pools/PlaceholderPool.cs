using SandboxHost.Deployments;
using SandboxHost.Sandboxes;
using SandboxHost.Supervisor.Workers;
using SandboxHost.Workers;

namespace SandboxHost.Supervisor.Pools;

/// <summary>
/// Workers that are started, sandboxed, connected and warm, but have seen no tenant's code. One that is taken is bound to
/// its function and never comes back. How many there are follows demand.
/// </summary>
internal sealed class PlaceholderPool : IAsyncDisposable
{
    /// <summary>
    /// How long a refill waits after a placeholder was taken, unless the pool is empty: starting a process costs some 30 ms
    /// of CPU, and just then the cold request needs it.
    /// </summary>
    private static readonly TimeSpan RefillDelay = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan FailureDelay = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan TidyInterval = TimeSpan.FromSeconds(10);

    /// <summary>Bursts leave the others this many times as many workers as stand ready for them.</summary>
    private const int WorkersOverMost = 4;

    /// <summary>
    /// How long one gives way to all who have something to do. A machine that is busy all the time gets its placeholders all
    /// the same. The first gives way to nobody: after a restart clients may be waiting for it.
    /// </summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private readonly SupervisorContext _context;
    private readonly PlaceholderDemand _demand;
    private readonly List<Worker> _ready = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly long _origin;
    private ITimer? _tidying;
    private SandboxRuntime? _runtime;
    private WorkerStarter? _starter;
    private int _starting;
    private Arrival? _arriving;
    private TimeSpan _patience;
    private TaskCompletionSource _full = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public PlaceholderPool(SupervisorContext context)
    {
        _context = context;
        _origin = context.Clock.GetTimestamp();
        var (least, most) = (context.Options.Placeholders, Math.Min(context.Options.MaxPlaceholders, context.Options.MaxWorkers / WorkersOverMost));
        _demand = new PlaceholderDemand(least, least == 0 ? 0 : Math.Max(least, most));
    }

    private SandboxLimits Limits => WorkerStarter.StartLimits(_context.Options.PlaceholderMemoryBytes);

    /// <summary>Completes when as many stand ready as should; anew after each taking.</summary>
    public Task Full
    {
        get
        {
            lock (_gate)
            {
                return _context.Options.Placeholders == 0 ? Task.CompletedTask : _full.Task;
            }
        }
    }

    public void Start(WorkerStarter starter)
    {
        _starter = starter;
        _runtime = _context.Options.Runtimes[0];
        _tidying = _context.Clock.CreateTimer(_ => Tidy(), null, TidyInterval, TidyInterval);
        Refill();
    }

    /// <summary>A placeholder of the function's runtime and size; null when none stands ready.</summary>
    public Worker? TryTake(FunctionVersion function)
    {
        if (!Fits(function))
        {
            return null;
        }

        lock (_gate)
        {
            _demand.Want(Now);
        }

        return TryTake();
    }

    /// <summary>
    /// The one that is starting, for a function that waits and found none ready: sooner there than another that starts beside
    /// it. It gives way to nobody from now on, and is not warmed first.
    /// </summary>
    /// <returns>Null when none that fits is starting, when another function has claimed it, or when it did not come up.</returns>
    public async ValueTask<Worker?> ClaimStartingAsync(FunctionVersion function)
    {
        Arrival arrival;
        lock (_gate)
        {
            if (!Fits(function) || _arriving is not { IsClaimed: false })
            {
                return null;
            }

            arrival = _arriving;
            arrival.IsClaimed = true;
        }

        await arrival.Hurry.CancelAsync();
        return await arrival.Worker.Task;
    }

    /// <summary>Any placeholder, whatever is to become of it; null when none stands ready.</summary>
    public Worker? TryTake()
    {
        Worker? taken = null;
        lock (_gate)
        {
            while (taken is null && _ready.Count > 0)
            {
                taken = _ready[^1].IsLeaving ? null : _ready[^1];
                _ready.RemoveAt(_ready.Count - 1);
            }

            BeginAnew();
        }

        Refill();
        return taken;
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        if (_tidying is not null)
        {
            await _tidying.DisposeAsync();
        }

        List<Worker> ready;
        lock (_gate)
        {
            ready = [.. _ready];
            _ready.Clear();
        }

        await Task.WhenAll(ready.Select(worker => worker.DisposeAsync().AsTask()));
    }

    private TimeSpan Now => _context.Clock.GetElapsedTime(_origin);

    // Under the lock.
    private void BeginAnew()
    {
        if (_full.Task.IsCompleted)
        {
            _full = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    // Not at once: what dies as soon as it is ready would die again and again.
    private void Tidy()
    {
        List<Worker> surplus;
        lock (_gate)
        {
            if (_ready.RemoveAll(worker => worker.IsLeaving) > 0)
            {
                BeginAnew();
            }

            // The oldest are the first in the list.
            surplus = _ready[..Math.Max(0, _ready.Count - _demand.CountAt(Now))];
            _ready.RemoveRange(0, surplus.Count);
        }

        foreach (var worker in surplus)
        {
            _context.Background.Run(() => worker.DisposeAsync().AsTask());
        }

        Refill();
    }

    private void Refill()
    {
        lock (_gate)
        {
            if (_stopping.IsCancellationRequested || _starting > 0 || _ready.Count >= _demand.CountAt(Now))
            {
                return;
            }

            _starting++;
        }

        _context.Background.Run(RefillAsync);
    }

    // One process at a time: a burst takes what is there and starts its own.
    private async Task RefillAsync()
    {
        var pause = RefillDelay;
        while (true)
        {
            lock (_gate)
            {
                if (_stopping.IsCancellationRequested || _ready.Count >= _demand.CountAt(Now))
                {
                    _starting--;
                    _full.TrySetResult();
                    return;
                }

                pause = _ready.Count == 0 && pause == RefillDelay ? TimeSpan.Zero : pause;
            }

            var arrival = new Arrival();
            try
            {
                await Task.Delay(pause, _context.Clock, _stopping.Token);
                lock (_gate)
                {
                    _arriving = arrival;
                }

                var worker = await LaunchWarmAsync(arrival);
                lock (_gate)
                {
                    _arriving = null;
                    _patience = Patience;
                    pause = RefillDelay;
                    if (arrival.IsClaimed)
                    {
                        arrival.Worker.SetResult(worker);
                        continue;
                    }

                    if (!_stopping.IsCancellationRequested)
                    {
                        _ready.Add(worker);
                        continue;
                    }
                }

                await worker.DisposeAsync();
            }
            catch (Exception ex) when (ex is WorkerStartException or OperationCanceledException or Transport.WorkerGoneException)
            {
                // Requests start their own processes meanwhile, and answer with what is wrong if that fails as well.
                pause = FailureDelay;
            }
            catch
            {
                // Nobody foresaw it, and who runs this logs it. The next taking tries again.
                lock (_gate)
                {
                    _starting--;
                }

                throw;
            }
            finally
            {
                lock (_gate)
                {
                    _arriving = null;
                }

                // Who has claimed it and got nothing must not wait for ever.
                arrival.Worker.TrySetResult(null);
            }
        }
    }

    private async Task<Worker> LaunchWarmAsync(Arrival arrival)
    {
        var worker = await _starter!.LaunchAsync(StartTurns.NoSite, _runtime!, Limits, new StartPatience(_patience, arrival.Hurry.Token), _stopping.Token);
        try
        {
            if (!arrival.Hurry.IsCancellationRequested)
            {
                using var timeout = new CancellationTokenSource(_context.Options.StartTimeout, _context.Clock);
                await worker.Session!.WarmAsync(timeout.Token);
            }

            await worker.Sandbox!.EndPatienceAsync();
            return worker;
        }
        catch
        {
            await worker.DisposeAsync();
            throw;
        }
    }

    private bool Fits(FunctionVersion function) =>
        function.Runtime == _runtime?.Name && function.Limits.MemoryBytes == _context.Options.PlaceholderMemoryBytes;

    /// <summary>A start that is on its way. One function may claim it.</summary>
    private sealed class Arrival
    {
        /// <summary>Under the pool's lock.</summary>
        public bool IsClaimed { get; set; }

        public CancellationTokenSource Hurry { get; } = new();

        /// <summary>For who has claimed it; null when it did not come up.</summary>
        public TaskCompletionSource<Worker?> Worker { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
