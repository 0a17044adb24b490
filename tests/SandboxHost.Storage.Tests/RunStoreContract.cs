using System.Text;
using SandboxHost.Runs;

namespace SandboxHost.Storage.Tests;

/// <summary>What every store of runs must do. A further adapter passes by deriving from this.</summary>
public abstract class RunStoreContract
{
    private const int NoLimit = int.MaxValue;
    private static readonly DateTimeOffset Noon = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);
    private static readonly FunctionKey Work = new("site", "work");
    private int _made;

    protected abstract IRunStore Store { get; }

    protected static CancellationToken Stop => TestContext.Current.CancellationToken;

    [TimedFact]
    public async Task What_was_added_is_claimed_as_it_was()
    {
        var run = Run(Work) with
        {
            Request = new RunRequest("POST", "http://localhost/a?b=c", ["x-a", "1", "x-a", "2", "y", "\u00e9"], "10.0.0.1", "/a", Encoding.UTF8.GetBytes("payload\0\u00ff")),
        };
        Assert.Equal(AddResult.Added, await Store.AddAsync(run, NoLimit, Stop));

        var claimed = await ClaimAsync();

        Assert.NotNull(claimed);
        Assert.Equal(run.Id, claimed.Run.Id);
        Assert.Equal((RunKind.Background, Work, "deploy", RunState.Running, 1), (claimed.Run.Kind, claimed.Run.Function, claimed.Run.DeployId, claimed.Run.State, claimed.Run.Attempt));
        Assert.Equal((run.CreatedAt, run.DueAt, Noon), (claimed.Run.CreatedAt, claimed.Run.DueAt, claimed.Run.StartedAt));
        Assert.Equal(
            (run.Request.Method, run.Request.Url, run.Request.ClientIp, run.Request.Route),
            (claimed.Request.Method, claimed.Request.Url, claimed.Request.ClientIp, claimed.Request.Route));
        Assert.Equal(run.Request.Headers, claimed.Request.Headers);
        Assert.Equal(run.Request.Body.ToArray(), claimed.Request.Body.ToArray());
    }

    [TimedFact]
    public async Task A_run_is_claimed_once()
    {
        await AddAsync(Run(Work));

        var claims = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => ClaimAsync()));

        Assert.Single(claims, claim => claim is not null);
    }

    [TimedFact]
    public async Task A_run_is_not_claimed_before_it_is_due()
    {
        await AddAsync(Run(Work) with { DueAt = Noon.AddMinutes(1) });

        Assert.Null(await ClaimAsync(now: Noon.AddSeconds(59)));
        Assert.Equal(Noon.AddMinutes(1), await Store.NextDueAsync(Noon, Stop));
        Assert.NotNull(await ClaimAsync(now: Noon.AddMinutes(1)));
        Assert.Null(await Store.NextDueAsync(Noon, Stop));
    }

    [TimedFact]
    public async Task What_waits_for_a_time_can_be_brought_forward_but_not_before_now()
    {
        var soon = await AddAsync(Run(Work) with { DueAt = Noon.AddSeconds(30) });
        var later = await AddAsync(Run(Work) with { DueAt = Noon.AddMinutes(2) });
        var due = await AddAsync(Run(Work) with { DueAt = Noon.AddSeconds(-1) });

        await Store.AdvanceWaitingAsync(TimeSpan.FromMinutes(1), Noon, Stop);

        Assert.Equal(Noon, (await Store.FindAsync(soon.Id, Stop))!.DueAt);
        Assert.Equal(Noon.AddMinutes(1), (await Store.FindAsync(later.Id, Stop))!.DueAt);
        Assert.Equal(Noon.AddSeconds(-1), (await Store.FindAsync(due.Id, Stop))!.DueAt);
    }

    [TimedFact]
    public async Task The_oldest_goes_first()
    {
        var second = await AddAsync(Run(Work) with { DueAt = Noon.AddSeconds(-1) });
        var first = await AddAsync(Run(Work) with { DueAt = Noon.AddSeconds(-2) });

        Assert.Equal(first.Id, (await ClaimAsync())!.Run.Id);
        Assert.Equal(second.Id, (await ClaimAsync())!.Run.Id);
    }

    [TimedFact]
    public async Task Each_function_with_due_runs_is_listed_once_with_its_oldest()
    {
        for (var i = 0; i < 5; i++)
        {
            await AddAsync(Run(Work) with { DueAt = Noon.AddSeconds(-i) });
            await AddAsync(Run(new FunctionKey("other", "work")) with { DueAt = Noon.AddSeconds(-10 - i) });
            await AddAsync(Run(new FunctionKey("site", "later")) with { DueAt = Noon.AddSeconds(1) });
        }

        await AddAsync(Run(new FunctionKey("site", "a")));
        await ClaimAsync(new FunctionKey("site", "a"));

        Assert.Equal(
            [new DueFunction(new FunctionKey("other", "work"), Noon.AddSeconds(-14)), new DueFunction(Work, Noon.AddSeconds(-4))],
            await Store.ListDueAsync(Noon, Stop));
    }

    [TimedFact]
    public async Task Two_runs_with_one_unique_key_are_one()
    {
        await AddAsync(Run(Work) with { UniqueKey = "tick" });

        Assert.Equal(AddResult.Duplicate, await Store.AddAsync(Run(Work) with { UniqueKey = "tick" }, NoLimit, Stop));
        Assert.Single(await Store.ListAsync(new RunQuery(), Stop));
    }

    [TimedFact]
    public async Task A_queue_holds_as_many_as_it_may_and_what_runs_does_not_count()
    {
        await AddAsync(Run(Work));
        await AddAsync(Run(Work));
        Assert.Equal(AddResult.QueueFull, await Store.AddAsync(Run(Work), 2, Stop));
        Assert.Equal(AddResult.Added, await Store.AddAsync(Run(Work with { FunctionName = "other" }), 2, Stop));

        var claimed = (await ClaimAsync())!;
        Assert.Equal(AddResult.Added, await Store.AddAsync(Run(Work), 2, Stop));
        Assert.Equal(AddResult.QueueFull, await Store.AddAsync(Run(Work), 2, Stop));

        await Store.FailAsync(claimed.Run.Id, 1, new RunFailure("timeout", ""), Noon, Noon.AddMinutes(1), Stop);
        Assert.Equal(AddResult.QueueFull, await Store.AddAsync(Run(Work), 3, Stop));
    }

    [TimedFact]
    public async Task A_run_that_somebody_waited_for_leaves_a_record_and_no_more()
    {
        var well = Run(Work) with { Kind = RunKind.Event };
        var badly = Run(Work) with { Kind = RunKind.Event };
        await Store.AddEndedAsync(well, Noon.AddSeconds(1), null, Stop);
        await Store.AddEndedAsync(badly, Noon.AddSeconds(2), new RunFailure("timeout", "too slow"), Stop);

        var first = (await Store.FindAsync(well.Id, Stop))!;
        var second = (await Store.FindAsync(badly.Id, Stop))!;
        Assert.Equal((RunState.Succeeded, 1, Noon.AddSeconds(1)), (first.State, first.Attempt, first.EndedAt));
        Assert.Equal((RunState.Failed, "timeout", "too slow"), (second.State, second.Error, second.ErrorMessage));
        Assert.Equal([new RunAttempt(1, Noon, Noon.AddSeconds(2), "timeout", "too slow")], await Store.ListAttemptsAsync(badly.Id, Stop));
        Assert.Null(await ClaimAsync());
        Assert.False(await Store.RedriveAsync(badly.Id, Noon, Stop));
        Assert.Equal(2, await Store.RemoveEndedAsync(Noon.AddSeconds(3), Noon, Stop));
    }

    [TimedFact]
    public async Task A_success_ends_the_run_and_leaves_a_record()
    {
        var id = (await AddAsync(Run(Work))).Id;
        await ClaimAsync();

        Assert.True(await Store.SucceedAsync(id, 1, Noon.AddSeconds(3), Stop));

        var run = (await Store.FindAsync(id, Stop))!;
        Assert.Equal((RunState.Succeeded, Noon.AddSeconds(3), null), (run.State, run.EndedAt, run.Error));
        Assert.Equal([new RunAttempt(1, Noon, Noon.AddSeconds(3), "succeeded", null)], await Store.ListAttemptsAsync(id, Stop));
        Assert.Null(await ClaimAsync(now: Noon.AddDays(1)));
    }

    [TimedFact]
    public async Task A_failure_with_a_next_time_makes_it_wait_for_that()
    {
        var id = (await AddAsync(Run(Work))).Id;
        await ClaimAsync();

        Assert.True(await Store.FailAsync(id, 1, new RunFailure("timeout", "too slow"), Noon.AddSeconds(1), Noon.AddMinutes(1), Stop));

        var waiting = (await Store.FindAsync(id, Stop))!;
        Assert.Equal((RunState.Waiting, 1, 1, "timeout", "too slow"), (waiting.State, waiting.Attempt, waiting.Failures, waiting.Error, waiting.ErrorMessage));
        Assert.Null(await ClaimAsync(now: Noon.AddSeconds(59)));
        Assert.Equal(2, (await ClaimAsync(now: Noon.AddMinutes(1)))!.Run.Attempt);
    }

    [TimedFact]
    public async Task A_failure_without_a_next_time_kills_it_until_it_is_redriven()
    {
        var id = (await AddAsync(Run(Work))).Id;
        await ClaimAsync();
        await Store.FailAsync(id, 1, new RunFailure("function_error", "boom"), Noon, null, Stop);

        Assert.Equal(RunState.Dead, (await Store.FindAsync(id, Stop))!.State);
        Assert.Equal([id], (await Store.ListAsync(new RunQuery(State: RunState.Dead), Stop)).Select(run => run.Id));
        Assert.Null(await ClaimAsync(now: Noon.AddDays(1)));

        Assert.True(await Store.RedriveAsync(id, Noon.AddHours(1), Stop));
        Assert.False(await Store.RedriveAsync(id, Noon.AddHours(1), Stop));
        var again = (await ClaimAsync(now: Noon.AddHours(1)))!;
        Assert.Equal((2, 0), (again.Run.Attempt, again.Run.Failures));
        Assert.Equal(["function_error", null], (await Store.ListAttemptsAsync(id, Stop)).Select(attempt => attempt.Outcome));
    }

    [TimedFact]
    public async Task Who_lost_an_attempt_can_no_longer_end_it()
    {
        var id = (await AddAsync(Run(Work))).Id;
        await Store.RenewLeaseAsync("slow", Noon.AddSeconds(10), Stop);
        await ClaimAsync(owner: "slow");
        Assert.Equal(1, await Store.ReclaimAsync("quick", Noon.AddSeconds(11), Stop));
        await ClaimAsync(owner: "quick", now: Noon.AddSeconds(11));

        Assert.False(await Store.SucceedAsync(id, 1, Noon.AddSeconds(12), Stop));
        Assert.False(await Store.FailAsync(id, 1, new RunFailure("timeout", ""), Noon.AddSeconds(12), null, Stop));
        Assert.False(await Store.ReleaseAsync(id, 1, Noon.AddSeconds(12), Stop));
        Assert.False(await Store.PostponeAsync(id, 1, new RunFailure("overloaded", ""), Noon.AddSeconds(12), Stop));

        Assert.True(await Store.SucceedAsync(id, 2, Noon.AddSeconds(13), Stop));
        Assert.Equal(["interrupted", "succeeded"], (await Store.ListAttemptsAsync(id, Stop)).Select(attempt => attempt.Outcome));
    }

    [TimedFact]
    public async Task An_attempt_ends_once()
    {
        var id = (await AddAsync(Run(Work))).Id;
        await ClaimAsync();

        Assert.True(await Store.SucceedAsync(id, 1, Noon, Stop));
        Assert.False(await Store.FailAsync(id, 1, new RunFailure("timeout", ""), Noon, Noon, Stop));
        Assert.False(await Store.SucceedAsync(id, 1, Noon, Stop));
    }

    [TimedFact]
    public async Task A_lease_that_is_renewed_is_not_reclaimed()
    {
        await AddAsync(Run(Work));
        await Store.RenewLeaseAsync("me", Noon.AddSeconds(10), Stop);
        await ClaimAsync(owner: "me");
        await Store.RenewLeaseAsync("me", Noon.AddSeconds(30), Stop);

        Assert.Equal(0, await Store.ReclaimAsync("other", Noon.AddSeconds(20), Stop));
        Assert.Equal(1, await Store.ReclaimAsync("other", Noon.AddSeconds(31), Stop));
    }

    [TimedFact]
    public async Task Nobody_reclaims_their_own_whatever_the_clock_says()
    {
        await AddAsync(Run(Work));
        await Store.RenewLeaseAsync("me", Noon.AddSeconds(10), Stop);
        await ClaimAsync(owner: "me");

        Assert.Equal(0, await Store.ReclaimAsync("me", Noon.AddYears(1), Stop));
    }

    [TimedFact]
    public async Task What_a_dead_owner_held_is_due_at_once_and_counts_as_no_failure()
    {
        var id = (await AddAsync(Run(Work))).Id;
        await Store.RenewLeaseAsync("dead", Noon.AddHours(1), Stop);
        await ClaimAsync(owner: "dead");
        Assert.Equal(0, await Store.ReclaimAsync("me", Noon.AddSeconds(1), Stop));

        await Store.EndLeaseAsync("dead", Stop);
        Assert.Equal(1, await Store.ReclaimAsync("me", Noon.AddSeconds(1), Stop));

        var run = (await Store.FindAsync(id, Stop))!;
        Assert.Equal((RunState.Waiting, 0, 1), (run.State, run.Failures, run.Interruptions));
        Assert.Equal(2, (await ClaimAsync(now: Noon.AddSeconds(1)))!.Run.Attempt);
    }

    [TimedFact]
    public async Task A_run_that_always_ends_with_its_host_dies()
    {
        var id = (await AddAsync(Run(Work))).Id;
        for (var i = 0; i <= RetryPolicy.MaxInterruptions; i++)
        {
            Assert.NotNull(await ClaimAsync(owner: "dead"));
            Assert.Equal(1, await Store.ReclaimAsync("me", Noon, Stop));
        }

        var run = (await Store.FindAsync(id, Stop))!;
        Assert.Equal((RunState.Dead, "interrupted"), (run.State, run.Error));
    }

    [TimedFact]
    public async Task A_failure_of_the_hosts_counts_as_an_interruption()
    {
        var id = (await AddAsync(Run(Work))).Id;
        await ClaimAsync();

        await Store.FailAsync(id, 1, new RunFailure("overloaded", "", IsInterruption: true), Noon, Noon.AddSeconds(5), Stop);

        var run = (await Store.FindAsync(id, Stop))!;
        Assert.Equal((RunState.Waiting, 0, 1, "overloaded"), (run.State, run.Failures, run.Interruptions, run.Error));
    }

    [TimedFact]
    public async Task What_is_given_back_is_due_at_once()
    {
        var id = (await AddAsync(Run(Work))).Id;
        await ClaimAsync();

        Assert.True(await Store.ReleaseAsync(id, 1, Noon.AddSeconds(5), Stop));

        var again = (await ClaimAsync(now: Noon.AddSeconds(5)))!;
        Assert.Equal((2, 0), (again.Run.Attempt, again.Run.Failures));
    }

    [TimedFact]
    public async Task What_is_postponed_is_due_later_as_if_it_had_not_been_claimed()
    {
        var id = (await AddAsync(Run(Work))).Id;
        await ClaimAsync();
        await Store.FailAsync(id, 1, new RunFailure("timeout", ""), Noon.AddSeconds(1), Noon.AddSeconds(2), Stop);
        await ClaimAsync(now: Noon.AddSeconds(3));

        Assert.True(await Store.PostponeAsync(id, 2, new RunFailure("crash_loop", "It rests."), Noon.AddSeconds(9), Stop));

        var run = (await Store.FindAsync(id, Stop))!;
        Assert.Equal((RunState.Waiting, 1, 1, 0, "crash_loop"), (run.State, run.Attempt, run.Failures, run.Interruptions, run.Error));
        Assert.Equal((Noon, Noon.AddSeconds(9)), (run.StartedAt, run.DueAt));
        Assert.Equal(["timeout"], (await Store.ListAttemptsAsync(id, Stop)).Select(attempt => attempt.Outcome));
        Assert.Null(await ClaimAsync(now: Noon.AddSeconds(8)));
        Assert.Equal(2, (await ClaimAsync(now: Noon.AddSeconds(9)))!.Run.Attempt);
    }

    [TimedFact]
    public async Task Listing_filters_and_pages_newest_first()
    {
        var ids = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            ids.Add((await AddAsync(Run(Work) with { Kind = i % 2 == 0 ? RunKind.Background : RunKind.Event })).Id);
        }

        await AddAsync(Run(new FunctionKey("other", "work")));
        ids.Reverse();

        Assert.Equal(ids, (await Store.ListAsync(new RunQuery(SiteId: "site"), Stop)).Select(run => run.Id));
        Assert.Equal(ids[1..3], (await Store.ListAsync(new RunQuery(SiteId: "site", Before: ids[0], Limit: 2), Stop)).Select(run => run.Id));
        Assert.Equal([ids[1], ids[3]], (await Store.ListAsync(new RunQuery(Kind: RunKind.Event), Stop)).Select(run => run.Id));
        Assert.Empty(await Store.ListAsync(new RunQuery(FunctionName: "no"), Stop));
    }

    [TimedFact]
    public async Task Only_what_has_ended_can_be_purged_and_its_attempts_go_too()
    {
        var id = (await AddAsync(Run(Work))).Id;
        Assert.False(await Store.PurgeAsync(id, Stop));
        await ClaimAsync();
        Assert.False(await Store.PurgeAsync(id, Stop));
        await Store.FailAsync(id, 1, new RunFailure("timeout", ""), Noon, null, Stop);

        Assert.True(await Store.PurgeAsync(id, Stop));
        Assert.False(await Store.PurgeAsync(id, Stop));
        Assert.Null(await Store.FindAsync(id, Stop));
        Assert.Empty(await Store.ListAttemptsAsync(id, Stop));
    }

    [TimedFact]
    public async Task Records_go_after_their_time_and_dead_ones_after_theirs()
    {
        var succeeded = (await AddAsync(Run(Work))).Id;
        await ClaimAsync();
        await Store.SucceedAsync(succeeded, 1, Noon, Stop);
        var dead = (await AddAsync(Run(Work))).Id;
        await ClaimAsync();
        await Store.FailAsync(dead, 1, new RunFailure("timeout", ""), Noon, null, Stop);
        await AddAsync(Run(Work));

        Assert.Equal(0, await Store.RemoveEndedAsync(Noon, Noon, Stop));
        Assert.Equal(1, await Store.RemoveEndedAsync(Noon.AddSeconds(1), Noon, Stop));
        Assert.Null(await Store.FindAsync(succeeded, Stop));
        Assert.Equal(1, await Store.RemoveEndedAsync(Noon.AddSeconds(1), Noon.AddSeconds(1), Stop));
        Assert.Single(await Store.ListAsync(new RunQuery(), Stop));
    }

    [TimedFact]
    public async Task Hundreds_of_callers_at_once_lose_nothing()
    {
        await Task.WhenAll(Enumerable.Range(0, 500).Select(_ => AddAsync(Run(Work))));

        var claimed = await Task.WhenAll(Enumerable.Range(0, 600).Select(_ => ClaimAsync()));

        Assert.Equal(500, claimed.OfType<ClaimedRun>().Select(claim => claim.Run.Id).Distinct().Count());
        Assert.Equal(100, claimed.Count(claim => claim is null));
    }

    private NewRun Run(FunctionKey function) => new()
    {
        Id = $"run-{Interlocked.Increment(ref _made):D6}",
        Kind = RunKind.Background,
        Function = function,
        DeployId = "deploy",
        Request = new RunRequest("POST", "http://localhost/", [], "127.0.0.1", null, default),
        CreatedAt = Noon,
        DueAt = Noon,
    };

    private async Task<NewRun> AddAsync(NewRun run)
    {
        Assert.Equal(AddResult.Added, await Store.AddAsync(run, NoLimit, Stop));
        return run;
    }

    private Task<ClaimedRun?> ClaimAsync(FunctionKey? function = null, string owner = "me", DateTimeOffset? now = null) =>
        Store.ClaimAsync(function ?? Work, owner, now ?? Noon, Stop);
}
