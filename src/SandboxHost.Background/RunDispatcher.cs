using Microsoft.Extensions.Logging;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Runs;

namespace SandboxHost.Background;

/// <summary>Claims runs as they become due, within the caps and fairly between sites, and hands each to the executor.</summary>
public sealed class RunDispatcher : IAsyncDisposable
{
    /// <summary>Looks at the store at least this often, whoever forgot to wake it.</summary>
    private static readonly TimeSpan LongestSleep = TimeSpan.FromSeconds(5);

    /// <summary>Nobody tells when requests stop waiting.</summary>
    private static readonly TimeSpan PressureSleep = TimeSpan.FromMilliseconds(100);

    private readonly IRunStore _store;
    private readonly RunQueue _queue;
    private readonly RunExecutor _executor;
    private readonly IInvoker _invoker;
    private readonly SnapshotSource _snapshots;
    private readonly HostLease _lease;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly WakeUp _wakeUp;
    private readonly ClockSteps _clockSteps;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<FunctionKey, int> _running = [];

    /// <summary>Functions that get no worker for now, since which timestamp and for how long: their runs are left where they are.</summary>
    private readonly Dictionary<FunctionKey, (long Since, TimeSpan Length)> _resting = [];
    private readonly HashSet<Task> _runs = [];
    private readonly Task _dispatching;

    /// <param name="executor">Runs what was claimed, by its invoker.</param>
    public RunDispatcher(
        IRunStore store, RunQueue queue, RunExecutor executor, SnapshotSource snapshots, HostLease lease, TimeProvider clock, ILogger<RunDispatcher> logger)
    {
        ArgumentNullException.ThrowIfNull(executor);
        ArgumentNullException.ThrowIfNull(queue);
        ArgumentNullException.ThrowIfNull(lease);
        _store = store;
        _queue = queue;
        _executor = executor;
        _invoker = executor.Invoker;
        _snapshots = snapshots;
        _lease = lease;
        _clock = clock;
        _logger = logger;
        _wakeUp = new WakeUp(clock);
        _clockSteps = new ClockSteps(clock);
        _queue.Added += _wakeUp.Call;
        _lease.Reclaimed += _wakeUp.Call;
        _dispatching = StoreLoop.RunAsync("looking for runs", DispatchAsync, () => { }, clock, logger, _stopping.Token);
    }

    public RunCaps Caps { get; init; } = RunCaps.Default;

    /// <summary>Claims no more, gives back what runs, and returns when all of it has been given back.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Added -= _wakeUp.Call;
        _lease.Reclaimed -= _wakeUp.Call;
        await _stopping.CancelAsync();
        await _dispatching;
        Task[] runs;
        lock (_gate)
        {
            runs = [.. _runs];
        }

        await Task.WhenAll(runs);
        _stopping.Dispose();
    }

    private async Task DispatchAsync()
    {
        await FollowClockAsync();
        await StartWhatMayAsync();
        await _wakeUp.SleepAsync(await SleepTimeAsync(), _stopping.Token);
    }

    /// <summary>What is due by a clock that was ahead would wait until the clock is there again.</summary>
    private async Task FollowClockAsync()
    {
        if (_clockSteps.Back is { } by)
        {
            await _store.AdvanceWaitingAsync(by, _clock.GetUtcNow(), _stopping.Token);
            _logger.ClockSetBack(by.TotalSeconds);
            _clockSteps.Forget(by);
        }
    }

    private async Task StartWhatMayAsync()
    {
        var due = (await _store.ListDueAsync(_clock.GetUtcNow(), _stopping.Token)).ToList();
        while (Choose(due) is { } function)
        {
            var claimed = await _store.ClaimAsync(function, _lease.Owner, _clock.GetUtcNow(), _stopping.Token);
            if (claimed is null)
            {
                due.RemoveAll(item => item.Function == function);
            }
            else
            {
                Start(claimed);
            }
        }
    }

    private FunctionKey? Choose(List<DueFunction> due)
    {
        lock (_gate)
        {
            RemoveResting(due);
            return FairShare.Choose(due, _running, _invoker.RequestsWaiting > 0 ? Caps.UnderPressure : Caps, CapOf);
        }
    }

    private void RemoveResting(List<DueFunction> due)
    {
        if (_resting.Count == 0)
        {
            return;
        }

        foreach (var (function, (since, rest)) in _resting)
        {
            if (_clock.GetElapsedTime(since) >= rest)
            {
                _resting.Remove(function);
            }
        }

        due.RemoveAll(item => _resting.ContainsKey(item.Function));
    }

    private int CapOf(FunctionKey function) => _snapshots.Current.FindFunction(function)?.Limits.MaxWorkers ?? 1;

    private void Start(ClaimedRun claimed)
    {
        var function = claimed.Run.Function;
        lock (_gate)
        {
            _running[function] = _running.GetValueOrDefault(function) + 1;
            var run = Task.Run(() => _executor.RunAsync(claimed, _stopping.Token), CancellationToken.None);
            _runs.Add(run);
            _ = run.ContinueWith(ended => OnEnded(function, ended), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }

    private void OnEnded(FunctionKey function, Task<TimeSpan?> run)
    {
        lock (_gate)
        {
            if (run.IsCompletedSuccessfully && run.Result is { } rest)
            {
                _resting[function] = (_clock.GetTimestamp(), rest);
            }

            _runs.Remove(run);
            if (--_running[function] == 0)
            {
                _running.Remove(function);
            }
        }

        if (run.Exception is { } exception)
        {
            _logger.LoopFaulted("runs a run", exception);
        }

        _wakeUp.Call();
    }

    private async Task<TimeSpan> SleepTimeAsync()
    {
        var now = _clock.GetUtcNow();
        var next = await _store.NextDueAsync(now, _stopping.Token);
        var longest = _invoker.RequestsWaiting > 0 ? PressureSleep : LongestSleep;
        var sleep = next - now ?? longest;
        return sleep < longest ? sleep : longest;
    }
}
