using SandboxHost.Invocations;
using SandboxHost.Supervisor.Workers;
using SandboxHost.Workers;

namespace SandboxHost.Supervisor.Pools;

/// <summary>
/// Whose process starts next. Sites take turns: of those that wait, the one that starts least now goes first, so that a
/// flood of one site's starts waits for itself, and a site has half of the turns at most. Each site's starts are also held to a rate.
/// </summary>
/// <remarks>The queue has a bound: a function has one start on its way, and the placeholders together one.</remarks>
internal sealed class StartTurns(SupervisorOptions options, SupervisorMetrics metrics, TimeProvider clock) : IAsyncDisposable
{
    /// <summary>Placeholders are nobody's yet.</summary>
    public const string NoSite = "";

    private readonly Lock _gate = new();
    private readonly Dictionary<string, SiteStarts> _sites = new(StringComparer.Ordinal);
    private readonly LinkedList<(string Site, TaskCompletionSource Turn)> _waiting = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly long _origin = clock.GetTimestamp();
    private readonly int _siteStarts = Math.Max(1, options.ConcurrentStarts / 2);
    private int _running;

    /// <summary>Waits until the site may start one more worker, whether that takes a process or a placeholder.</summary>
    /// <exception cref="WorkerStartException">The host is shutting down.</exception>
    public async ValueTask RespectRateAsync(string site)
    {
        TimeSpan wait;
        lock (_gate)
        {
            wait = Of(site).Rate.Take(Now);
        }

        if (wait > TimeSpan.Zero)
        {
            metrics.StartDelayed(wait);
            await OrStoppedAsync(Task.Delay(wait, clock, _stopping.Token));
        }
    }

    /// <summary>Waits for a turn to start a process; <see cref="Leave"/> ends it.</summary>
    /// <exception cref="WorkerStartException">The host is shutting down.</exception>
    /// <exception cref="OperationCanceledException">The caller no longer wants it.</exception>
    public async ValueTask EnterAsync(string site, CancellationToken cancellationToken)
    {
        LinkedListNode<(string Site, TaskCompletionSource Turn)> place;
        lock (_gate)
        {
            if (MayBegin(site) && !_stopping.IsCancellationRequested)
            {
                Begin(site);
                return;
            }

            place = _waiting.AddLast((site, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)));
        }

        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
        try
        {
            await place.Value.Turn.Task.WaitAsync(either.Token);
        }
        catch (OperationCanceledException)
        {
            GiveUp(place);
            cancellationToken.ThrowIfCancellationRequested();
            throw Stopped();
        }
    }

    /// <summary>The process has come up, or has not; the next may start.</summary>
    public void Leave(string site)
    {
        lock (_gate)
        {
            _running--;
            var starts = Of(site);
            starts.Running--;
            if (starts.Running == 0 && starts.Rate.IsFull(Now))
            {
                _sites.Remove(site);
            }

            BeginNext();
        }
    }

    /// <summary>Nothing starts any more; who waits is told so.</summary>
    public async ValueTask DisposeAsync() => await _stopping.CancelAsync();

    private TimeSpan Now => clock.GetElapsedTime(_origin);

    private SiteStarts Of(string site)
    {
        if (!_sites.TryGetValue(site, out var starts))
        {
            _sites.Add(site, starts = new SiteStarts(new StartRate(options.SiteStartBurst, options.SiteStartsPerSecond)));
        }

        return starts;
    }

    private void Begin(string site)
    {
        _running++;
        Of(site).Running++;
    }

    private bool MayBegin(string site) => _running < options.ConcurrentStarts && Of(site).Running < _siteStarts;

    private void BeginNext()
    {
        while (Next() is { } next)
        {
            _waiting.Remove(next);
            Begin(next.Value.Site);
            next.Value.Turn.SetResult();
        }
    }

    // Of those that may, the one whose site starts least now; among equals the one that waits longest.
    private LinkedListNode<(string Site, TaskCompletionSource Turn)>? Next()
    {
        LinkedListNode<(string Site, TaskCompletionSource Turn)>? next = null;
        for (var other = _waiting.First; other is not null; other = other.Next)
        {
            if (MayBegin(other.Value.Site) && (next is null || Of(other.Value.Site).Running < Of(next.Value.Site).Running))
            {
                next = other;
            }
        }

        return next;
    }

    private void GiveUp(LinkedListNode<(string Site, TaskCompletionSource Turn)> place)
    {
        lock (_gate)
        {
            if (place.List is not null)
            {
                _waiting.Remove(place);
                return;
            }
        }

        // Its turn came at the same moment.
        Leave(place.Value.Site);
    }

    private static async Task OrStoppedAsync(Task wait)
    {
        try
        {
            await wait;
        }
        catch (OperationCanceledException)
        {
            throw Stopped();
        }
    }

    private static WorkerStartException Stopped() => new(new FunctionError(ErrorCode.HostShutdown, "The host is shutting down."));

    private sealed class SiteStarts(StartRate rate)
    {
        public StartRate Rate => rate;

        public int Running { get; set; }
    }
}
