using System.Globalization;
using Microsoft.Extensions.Logging;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Runs;
using SandboxHost.Schedules;

namespace SandboxHost.Background;

/// <summary>
/// Makes a run of every tick of every schedule that is live. A tick is made once, also across a restart: the store moves the
/// schedule on and takes the run in one change. Ticks that were missed, because the host was down or its clock was set
/// forward, are made up by one run, for the last of them. A tick is skipped while the one before waits to begin.
/// </summary>
public sealed class Scheduler : IAsyncDisposable
{
    /// <summary>The clock is looked at this often: a timer does not notice that somebody sets it.</summary>
    private static readonly TimeSpan LongestSleep = TimeSpan.FromSeconds(1);

    /// <summary>A last tick so far in the future was made under a clock that was wrong.</summary>
    private static readonly TimeSpan WrongClock = TimeSpan.FromDays(1);

    private readonly IScheduleStore _store;
    private readonly RunQueue _queue;
    private readonly SnapshotSource _snapshots;
    private readonly IInvoker _invoker;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly WakeUp _wakeUp;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Dictionary<FunctionKey, LiveSchedule> _live = [];
    private readonly SchedulerOptions _options;
    private readonly Task _ticking;
    private volatile bool _changed = true;

    public Scheduler(
        IScheduleStore store, RunQueue queue, SnapshotSource snapshots, IInvoker invoker, SchedulerOptions options, TimeProvider clock, ILogger<Scheduler> logger)
    {
        ArgumentNullException.ThrowIfNull(snapshots);
        _store = store;
        _queue = queue;
        _snapshots = snapshots;
        _invoker = invoker;
        _clock = clock;
        _logger = logger;
        _options = options;
        _wakeUp = new WakeUp(clock);
        _snapshots.Published += OnPublished;
        // After a failure, what is known of the store may be wrong.
        _ticking = StoreLoop.RunAsync("ticking", TurnAsync, () => _changed = true, clock, logger, _stopping.Token);
    }

    public async ValueTask DisposeAsync()
    {
        _snapshots.Published -= OnPublished;
        await _stopping.CancelAsync();
        await _ticking;
        _stopping.Dispose();
    }

    /// <summary>A run of a schedule, as at a tick.</summary>
    /// <param name="next">What <c>next_run</c> says.</param>
    /// <param name="dueAt">Not before.</param>
    public static NewRun RunFor(FunctionVersion function, string id, DateTimeOffset now, DateTimeOffset dueAt, DateTimeOffset next)
    {
        ArgumentNullException.ThrowIfNull(function);
        return new NewRun
        {
            Id = id,
            Kind = RunKind.Scheduled,
            Function = new FunctionKey(function.Site.Id, function.Name),
            DeployId = function.Deploy.Id,
            CreatedAt = now,
            DueAt = dueAt,
            Request = new RunRequest(
                ScheduleTick.Method,
                $"{function.Site.Url}/.netlify/functions/{function.Name}",
                ScheduleTick.Headers,
                "127.0.0.1",
                null,
                ScheduleTick.BodyOf(next)),
        };
    }

    private void OnPublished(HostSnapshot snapshot)
    {
        _changed = true;
        _wakeUp.Call();
    }

    private async Task TurnAsync()
    {
        if (_changed)
        {
            _changed = false;
            await FollowSnapshotAsync();
        }

        await TickWhatIsDueAsync();
        await _wakeUp.SleepAsync(SleepTime(), _stopping.Token);
    }

    /// <summary>Brings store and memory to what is live.</summary>
    private async Task FollowSnapshotAsync()
    {
        var snapshot = _snapshots.Current;
        var stored = (await _store.ListAsync(_stopping.Token)).ToDictionary(schedule => schedule.Function);
        var now = _clock.GetUtcNow();
        _live.Clear();
        foreach (var function in snapshot.Sites.SelectMany(site => site.Functions).Where(Ticks))
        {
            if (!CronSchedule.TryParse(function.Schedule!, out var cron, out _) || cron.NextAfter(now) is not { } next)
            {
                continue;
            }

            var key = new FunctionKey(function.Site.Id, function.Name);
            var known = stored.GetValueOrDefault(key);
            if (known is not null && known.Cron == cron.Text && (known.Last is null || known.Last < now + WrongClock))
            {
                next = known.Next;
            }
            else
            {
                await _store.SetAsync(key, cron.Text, next, _stopping.Token);
            }

            _live[key] = new LiveSchedule(function, cron, next);
        }

        // Of a site that is not served now nothing is known, nor of a function that does not build.
        var sites = snapshot.Sites.Select(site => site.Identity.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var gone in stored.Keys.Where(key =>
            sites.Contains(key.SiteId) && !_live.ContainsKey(key) && snapshot.FindFunction(key)?.BuildError is null))
        {
            await _store.RemoveAsync(gone, _stopping.Token);
        }
    }

    private bool Ticks(FunctionVersion function) =>
        function is { Kind: FunctionKind.Scheduled, Schedule: not null, BuildError: null } && (function.Deploy.Published || _options.TicksUnpublished);

    private async Task TickWhatIsDueAsync()
    {
        var now = _clock.GetUtcNow();
        foreach (var schedule in _live.Values.Where(schedule => schedule.Next - _options.PrepareAhead <= now && !schedule.IsPrepared))
        {
            schedule.IsPrepared = true;
            _invoker.Prepare(schedule.Function);
        }

        var due = _live.Where(pair => pair.Value.Next <= now).OrderBy(pair => pair.Key.ToString(), StringComparer.Ordinal).ToList();
        for (var i = 0; i < due.Count; i++)
        {
            await TickAsync(due[i].Key, due[i].Value, now, _options.Spread * ((double)i / due.Count));
        }

        if (due.Count > 0)
        {
            _queue.Wake();
        }
    }

    private async Task TickAsync(FunctionKey key, LiveSchedule schedule, DateTimeOffset now, TimeSpan delay)
    {
        var tick = schedule.Cron.LastBetween(schedule.Next, now) ?? schedule.Next;
        var next = schedule.Cron.NextAfter(now) ?? DateTimeOffset.MaxValue;
        var run = RunFor(schedule.Function, RequestId.Create(now), now, now + delay, next) with
        {
            UniqueKey = string.Create(CultureInfo.InvariantCulture, $"schedule {key} {tick.ToUnixTimeSeconds()}"),
        };
        if (await _store.TickAsync(run, schedule.Next, tick, next, _stopping.Token) == TickResult.Skipped)
        {
            _logger.TickSkipped(key, tick);
        }

        schedule.Next = next;
        schedule.IsPrepared = false;
    }

    private TimeSpan SleepTime()
    {
        var now = _clock.GetUtcNow();
        var sleep = LongestSleep;
        foreach (var schedule in _live.Values)
        {
            var left = schedule.Next - (schedule.IsPrepared ? TimeSpan.Zero : _options.PrepareAhead) - now;
            sleep = left < sleep ? left : sleep;
        }

        return sleep > TimeSpan.Zero ? sleep : TimeSpan.Zero;
    }

    private sealed class LiveSchedule(FunctionVersion function, CronSchedule cron, DateTimeOffset next)
    {
        public FunctionVersion Function => function;

        public CronSchedule Cron => cron;

        public DateTimeOffset Next { get; set; } = next;

        /// <summary>A worker was asked for, for the next tick.</summary>
        public bool IsPrepared { get; set; }
    }
}
