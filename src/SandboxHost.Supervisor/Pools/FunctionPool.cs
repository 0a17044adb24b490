using System.Diagnostics.CodeAnalysis;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Supervisor.Workers;
using SandboxHost.Workers;

namespace SandboxHost.Supervisor.Pools;

/// <summary>
/// The workers of one function version and the requests that wait for one. Free workers are taken most recently used
/// first, so that the others can freeze and go.
/// </summary>
internal sealed class FunctionPool(FunctionVersion function, WorkerStarter starter, SupervisorContext context, IdleHistory history) : IWorkerOwner
{
    private static readonly FunctionError ShuttingDown = new(ErrorCode.HostShutdown, "The host is shutting down.");

    private readonly Lock _gate = new();
    private readonly LinkedList<Waiter> _waiters = [];
    private readonly CrashLoop _crashes = new(function, context);
    private readonly CodeCache _codeCache = new(function, context.CodeCacheBudget);

    /// <summary>The last one is the one that was used last.</summary>
    private readonly List<Worker> _workers = [];

    private int _starting;
    private bool _isCurrent = true;
    private bool _stopped;

    public FunctionVersion Function => function;

    /// <summary>Nothing lives here and nobody waits.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (_gate)
            {
                return _workers.Count == 0 && _waiters.Count == 0 && _starting == 0;
            }
        }
    }

    /// <summary>A worker that takes work, whether or not it has a slot free; null when there is none.</summary>
    public Worker? AnyWorker
    {
        get
        {
            lock (_gate)
            {
                return _workers.FindLast(worker => !worker.IsLeaving);
            }
        }
    }

    /// <summary>How many workers there are, and the one that has been idle longest; null when none is.</summary>
    public (int Workers, Worker? LongestIdle) CountAndLongestIdle()
    {
        lock (_gate)
        {
            return (_workers.Count, _workers.Where(WorkerSlots.IsIdle).MinBy(worker => worker.IdleSince));
        }
    }

    /// <summary>Takes a worker away, to be ended. False when it is not idle any more.</summary>
    public bool TryTakeIdle(Worker worker)
    {
        lock (_gate)
        {
            return WorkerSlots.IsIdle(worker) && _waiters.Count == 0 && _workers.Remove(worker);
        }
    }

    /// <summary>What the next version should know. False when this one has no workers, or is not live any more.</summary>
    public bool TryHandOver([NotNullWhen(true)] out IdleHistory? copy)
    {
        lock (_gate)
        {
            copy = _isCurrent && _workers.Exists(worker => !worker.IsLeaving) ? history.Copy() : null;
            return copy is not null;
        }
    }

    /// <summary>The version is no longer live: workers finish what runs and go.</summary>
    public void Supersede()
    {
        lock (_gate)
        {
            _isCurrent = false;
        }

        Sweep();
    }

    /// <summary>Reserves a slot on a worker, at once or after waiting for one.</summary>
    public ValueTask<Lease> LeaseAsync(CancellationToken clientGone)
    {
        Waiter waiter;
        lock (_gate)
        {
            history.OnRequest();
            if (_waiters.Count == 0 && _workers.TakeSlot(function.Limits.Concurrency) is { } worker)
            {
                return new ValueTask<Lease>(new Lease(worker, null));
            }

            if (_stopped)
            {
                return new ValueTask<Lease>(new Lease(null, ShuttingDown));
            }

            if (_workers.Count == 0 && _crashes.Refusal is { } refusal)
            {
                return new ValueTask<Lease>(new Lease(null, refusal));
            }

            if (_waiters.Count >= function.Limits.QueueLength)
            {
                context.Metrics.RequestRefused();
                return new ValueTask<Lease>(new Lease(null, Overloaded("Too many requests wait for this function.")));
            }

            waiter = new Waiter(context.Clock.GetTimestamp());
            waiter.Node = _waiters.AddLast(waiter);
        }

        context.Metrics.RequestQueued(function.Kind);
        StartIfNeeded();
        return WaitAsync(waiter, clientGone);
    }

    /// <summary>Starts a worker if there is none. A frozen one is ready enough: it thaws within a millisecond.</summary>
    /// <returns>Ends when that start is over, well or not.</returns>
    public Task PrepareAsync()
    {
        lock (_gate)
        {
            if (_workers.Any(worker => !worker.IsLeaving) || _starting > 0 || _stopped || !_isCurrent || _crashes.Refusal is not null)
            {
                return Task.CompletedTask;
            }

            _starting++;
        }

        return context.Background.RunToEndAsync(StartWorkerAsync);
    }

    public void OnSlotFree(Worker worker, bool answered)
    {
        worker.LeaveIfMemoryIsHigh();
        bool retire;
        lock (_gate)
        {
            _crashes.OnOver(answered);
            worker.SlotsTaken--;
            worker.IdleSince = context.Clock.GetTimestamp();
            ServeWaiters();
            if (worker.SlotsTaken == 0 && !_workers.Exists(other => other.SlotsTaken > 0))
            {
                history.OnIdle();
            }

            retire = worker.SlotsTaken == 0 && (worker.IsLeaving || (!_isCurrent && _waiters.Count == 0)) && _workers.Remove(worker);
        }

        if (retire)
        {
            Retire(worker);
        }
    }

    public void OnWorkerLeaving(Worker worker) => StartIfNeeded();

    public void OnWorkerGone(Worker worker)
    {
        lock (_gate)
        {
            _workers.Remove(worker);
        }

        RefuseWaitersInCrashLoop();
        StartIfNeeded();
    }

    public void OnCrash(FunctionError how)
    {
        lock (_gate)
        {
            _crashes.OnDeath(how);
        }
    }

    /// <summary>Freezes what has been idle for a while and ends what has been idle for long. Called every second.</summary>
    public void Sweep()
    {
        List<Worker> retired = [];
        bool warm;
        lock (_gate)
        {
            warm = _workers.Count == 0 && history.TakeWarmUp();
            for (var i = _workers.Count - 1; i >= 0; i--)
            {
                var worker = _workers[i];
                if (worker.SlotsTaken > 0)
                {
                    continue;
                }

                var idle = context.Clock.GetElapsedTime(worker.IdleSince);
                if (PoolPolicy.ShouldRetire(idle, history.KeepAlive, _isCurrent && !worker.IsLeaving))
                {
                    _workers.RemoveAt(i);
                    retired.Add(worker);
                }
                else if (PoolPolicy.ShouldFreeze(idle, context.Options.FreezeAfter))
                {
                    worker.Freeze();
                }
            }
        }

        retired.ForEach(Retire);
        if (warm)
        {
            _ = PrepareAsync();
        }

        // Nobody else says when a function that crashed may have another worker.
        StartIfNeeded();
    }

    /// <summary>The version is gone, and nothing of it may be kept.</summary>
    public void Close() => _codeCache.Close();

    /// <summary>Refuses what comes, lets finish what runs, and ends every worker.</summary>
    public async Task StopAsync(TimeSpan drain)
    {
        List<Worker> workers;
        List<Waiter> waiters;
        lock (_gate)
        {
            _stopped = true;
            workers = [.. _workers];
            waiters = [.. _waiters];
            _waiters.Clear();
        }

        waiters.ForEach(waiter => waiter.Lease.TrySetResult(new Lease(null, ShuttingDown)));
        await Task.WhenAll(workers.Select(worker => worker.DrainAsync(drain)));
    }

    private async ValueTask<Lease> WaitAsync(Waiter waiter, CancellationToken clientGone)
    {
        try
        {
            return await waiter.Lease.Task.WaitAsync(function.Limits.QueueTime, context.Clock, clientGone);
        }
        catch (Exception ex) when (ex is TimeoutException or OperationCanceledException)
        {
            bool left;
            lock (_gate)
            {
                left = waiter.Node is { List: not null };
                if (left)
                {
                    _waiters.Remove(waiter.Node!);
                }
            }

            if (!left)
            {
                // A slot came at the same moment; whoever waits next may have it.
                var lease = await waiter.Lease.Task;
                if (lease.Worker is not null)
                {
                    OnSlotFree(lease.Worker, answered: false);
                }
            }

            context.Metrics.RequestRefused();
            return new Lease(null, ex is TimeoutException
                ? Overloaded($"No worker became free within {function.Limits.QueueTime.TotalSeconds:0} s.")
                : new FunctionError(ErrorCode.ClientGone, "The client went away."));
        }
        finally
        {
            context.Metrics.RequestLeftQueue(function.Kind, context.Clock.GetElapsedTime(waiter.Since));
        }
    }

    private async Task StartWorkerAsync()
    {
        try
        {
            var worker = await starter.StartAsync(function, _codeCache);
            // Before it gets work: an invocation that ends must find the pool, or its slot would never come back.
            worker.BelongsTo(this);
            lock (_gate)
            {
                _starting--;
                worker.IdleSince = context.Clock.GetTimestamp();
                if (!worker.IsEnding)
                {
                    _workers.Add(worker);
                    ServeWaiters();
                }
            }

            if (_stopped)
            {
                await worker.DisposeAsync();
            }
        }
        catch (WorkerStartException ex)
        {
            if (ex.Error.Code is not (ErrorCode.StartFailed or ErrorCode.HostShutdown or ErrorCode.Overloaded))
            {
                OnCrash(ex.Error);
            }

            FailWaiters(ex.Error.Code == ErrorCode.StartFailed ? ex.Error with { RetryAfter = TimeSpan.FromSeconds(1) } : ex.Error, startIsOver: true);
        }
        catch
        {
            // Nobody foresaw it, and who runs this logs it. It must cost the requests that wait, and not the function for good.
            FailWaiters(new FunctionError(ErrorCode.StartFailed, "No worker could be started.") { RetryAfter = TimeSpan.FromSeconds(1) }, startIsOver: true);
            throw;
        }

        // Single-flight: the next start, if the queue still needs one, begins when this one is over.
        StartIfNeeded();
    }

    private void FailWaiters(FunctionError error, bool startIsOver = false)
    {
        List<Waiter> failed;
        lock (_gate)
        {
            _starting -= startIsOver ? 1 : 0;
            // With other workers alive they are waited for; without, nobody would ever answer.
            failed = _workers.Count > 0 ? [] : [.. _waiters];
            foreach (var waiter in failed)
            {
                _waiters.Remove(waiter.Node!);
            }
        }

        failed.ForEach(waiter => waiter.Lease.TrySetResult(new Lease(null, error)));
    }

    private void RefuseWaitersInCrashLoop()
    {
        FunctionError? refusal;
        lock (_gate)
        {
            refusal = _starting == 0 ? _crashes.Refusal : null;
        }

        if (refusal is not null)
        {
            FailWaiters(refusal);
        }
    }

    private void StartIfNeeded()
    {
        bool start;
        lock (_gate)
        {
            start = ShouldStart();
        }

        if (start)
        {
            context.Background.Run(StartWorkerAsync);
        }
    }

    private bool ShouldStart()
    {
        var live = _workers.Count(worker => !worker.IsLeaving);
        if (_stopped || _crashes.Refusal is not null || !PoolPolicy.ShouldStart(new PoolState(_waiters.Count, _starting, live), function.Limits.MaxWorkers))
        {
            return false;
        }

        _starting++;
        return true;
    }

    private void ServeWaiters() => _workers.Serve(_waiters, function.Limits.Concurrency);

    private void Retire(Worker worker) => context.Background.Run(() => worker.DrainAsync(context.Options.DrainTimeout));

    private static FunctionError Overloaded(string message) =>
        new(ErrorCode.Overloaded, message) { RetryAfter = TimeSpan.FromSeconds(1) };
}
