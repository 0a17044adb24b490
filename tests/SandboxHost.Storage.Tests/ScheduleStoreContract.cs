using SandboxHost.Runs;

namespace SandboxHost.Storage.Tests;

/// <summary>What every store of schedules must do.</summary>
public abstract class ScheduleStoreContract
{
    private static readonly DateTimeOffset Noon = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);
    private static readonly FunctionKey Sweep = new("site", "sweep");
    private int _made;

    protected abstract IScheduleStore Schedules { get; }

    protected abstract IRunStore Runs { get; }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [TimedFact]
    public async Task A_schedule_is_kept_changed_and_removed()
    {
        await Schedules.SetAsync(Sweep, "@hourly", Noon, Stop);
        Assert.Equal([new StoredSchedule(Sweep, "@hourly", Noon, null)], await Schedules.ListAsync(Stop));

        await Schedules.SetAsync(Sweep, "@daily", Noon.AddHours(12), Stop);
        Assert.Equal([new StoredSchedule(Sweep, "@daily", Noon.AddHours(12), null)], await Schedules.ListAsync(Stop));

        await Schedules.RemoveAsync(Sweep, Stop);
        Assert.Empty(await Schedules.ListAsync(Stop));
    }

    [TimedFact]
    public async Task A_tick_makes_a_run_and_moves_on()
    {
        await Schedules.SetAsync(Sweep, "@hourly", Noon, Stop);

        Assert.Equal(TickResult.Queued, await TickAsync(Noon));

        Assert.Equal([new StoredSchedule(Sweep, "@hourly", Noon.AddHours(1), Noon)], await Schedules.ListAsync(Stop));
        Assert.Equal(RunState.Waiting, Assert.Single(await Runs.ListAsync(new RunQuery(), Stop)).State);
    }

    [TimedFact]
    public async Task A_tick_is_made_once_however_many_try()
    {
        await Schedules.SetAsync(Sweep, "@hourly", Noon, Stop);

        var results = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => TickAsync(Noon)));

        Assert.Single(results, TickResult.Queued);
        Assert.Equal(19, results.Count(result => result == TickResult.AlreadyMade));
        Assert.Single(await Runs.ListAsync(new RunQuery(), Stop));
    }

    [TimedFact]
    public async Task A_tick_that_was_made_before_the_schedule_was_set_back_is_not_made_again()
    {
        await Schedules.SetAsync(Sweep, "@hourly", Noon, Stop);
        await TickAsync(Noon);
        await Schedules.SetAsync(Sweep, "@hourly", Noon, Stop);

        Assert.Equal(TickResult.AlreadyMade, await TickAsync(Noon));
        Assert.Single(await Runs.ListAsync(new RunQuery(), Stop));
    }

    [TimedFact]
    public async Task A_tick_is_skipped_while_the_one_before_waits_and_the_record_says_so()
    {
        await Schedules.SetAsync(Sweep, "@hourly", Noon, Stop);
        await TickAsync(Noon);
        Assert.Equal(TickResult.Skipped, await TickAsync(Noon.AddHours(1)));
        Assert.Equal(TickResult.Skipped, await TickAsync(Noon.AddHours(2)));

        var first = (await Runs.ClaimAsync(Sweep, "me", Noon.AddHours(2), Stop))!;
        Assert.Equal(TickResult.Queued, await TickAsync(Noon.AddHours(3)));

        Assert.Equal(
            [RunState.Waiting, RunState.Skipped, RunState.Skipped, RunState.Running],
            (await Runs.ListAsync(new RunQuery(), Stop)).Select(run => run.State));
        Assert.Equal("tick-0001", first.Run.Id);
    }

    [TimedFact]
    public async Task A_tick_of_no_schedule_makes_nothing()
    {
        Assert.Equal(TickResult.AlreadyMade, await TickAsync(Noon));
        Assert.Empty(await Runs.ListAsync(new RunQuery(), Stop));
    }

    private Task<TickResult> TickAsync(DateTimeOffset tick)
    {
        var run = new NewRun
        {
            Id = $"tick-{Interlocked.Increment(ref _made):D4}",
            Kind = RunKind.Scheduled,
            Function = Sweep,
            DeployId = "deploy",
            Request = new RunRequest("POST", "http://localhost/", [], "127.0.0.1", null, default),
            CreatedAt = tick,
            DueAt = tick,
            UniqueKey = $"{Sweep}@{tick:O}",
        };
        return Schedules.TickAsync(run, tick, tick, tick.AddHours(1), Stop);
    }
}
