using System.Collections.Concurrent;
using SandboxHost.Invocations;
using SandboxHost.Output;
using SandboxHost.Runs;

namespace SandboxHost.Background.Tests;

public sealed class RunTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [TimedFact]
    public async Task A_run_is_run_once_and_recorded()
    {
        await using var host = await BackgroundHost.StartAsync(_folder, BackgroundHost.Function("work"));

        var run = await host.WaitForAsync(await host.AddAsync(), RunState.Succeeded);

        Assert.Equal(1, run.Attempt);
        var request = Assert.Single(host.Invoker.Requests);
        Assert.Equal((run.Id, InvocationTrigger.Background, "POST"), (request.RequestId, request.Trigger, request.Method));
        Assert.Equal(["x-sandboxhost-attempt", "1"], request.Headers);
        Assert.Equal("Done executing background function work", Assert.Single(host.Output).Text);
    }

    [TimedFact]
    public async Task A_failure_is_tried_again_after_one_minute_and_after_two_and_then_given_up()
    {
        await using var host = await BackgroundHost.StartAsync(_folder, BackgroundHost.Function("work"));
        host.Invoker.Fails(ErrorCode.FunctionError);
        var id = await host.AddAsync();

        Assert.Equal(BackgroundHost.Noon.AddMinutes(1), (await FailureAsync(host, id, 1)).DueAt);
        await host.MoveUntilAsync(() => host.Invoker.Requests.Count == 2, TimeSpan.FromSeconds(1), "the second attempt");
        Assert.InRange(host.Clock.GetUtcNow() - BackgroundHost.Noon, TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(90));
        var second = await FailureAsync(host, id, 2);
        Assert.Equal(TimeSpan.FromMinutes(2), second.DueAt - host.Clock.GetUtcNow());
        await host.MoveUntilAsync(() => host.Invoker.Requests.Count == 3, TimeSpan.FromSeconds(1), "the third attempt");
        var dead = await host.WaitForAsync(id, RunState.Dead);

        Assert.Equal((3, 3, "function_error", "As the test says."), (dead.Attempt, dead.Failures, dead.Error, dead.ErrorMessage));
        Assert.Equal(["1", "2", "3"], host.Invoker.Requests.Select(request => request.Headers[^1]));
        Assert.Single(host.Invoker.Requests.Select(request => request.RequestId).Distinct());
        Assert.Contains("given up", host.Output.Last(line => line.Level == OutputLevel.Error).Text);
    }

    [TimedFact]
    public async Task A_dead_run_that_is_redriven_runs_again()
    {
        await using var host = await BackgroundHost.StartAsync(_folder, BackgroundHost.Function("work"));
        host.Invoker.Fails(ErrorCode.Timeout);
        var id = await host.AddAsync();
        await host.MoveUntilAsync(() => host.Invoker.Requests.Count == 3, TimeSpan.FromSeconds(5), "three attempts");
        await host.WaitForAsync(id, RunState.Dead);

        host.Invoker.Run = (_, _) => Task.FromResult<FunctionError?>(null);
        Assert.True(await host.Runs.RedriveAsync(id, host.Clock.GetUtcNow(), Stop));
        host.Queue.Wake();

        Assert.Equal(4, (await host.WaitForAsync(id, RunState.Succeeded)).Attempt);
    }

    [TimedFact]
    public async Task A_clock_that_is_set_back_keeps_nothing_waiting()
    {
        var clock = new WallClock(BackgroundHost.Noon);
        await using var host = await BackgroundHost.StartAsync(_folder, clock, BackgroundHost.Function("work"), BackgroundHost.Function("busy", maxWorkers: 1));
        host.Invoker.Fails(ErrorCode.FunctionError);
        var failed = await host.AddAsync();
        await FailureAsync(host, failed, 1);
        var release = new TaskCompletionSource<FunctionError?>();
        host.Invoker.Run = (request, _) => request.Function.Name == "busy" ? release.Task : Task.FromResult<FunctionError?>(null);
        var first = await host.AddAsync("busy");
        await host.WaitForAsync(first, RunState.Running);
        var second = await host.AddAsync("busy");

        clock.SetBy = TimeSpan.FromDays(-1);
        release.SetResult(null);

        await host.WaitForAsync(second, RunState.Succeeded);
        Assert.Equal(BackgroundHost.Noon.AddDays(-1).AddMinutes(1), (await host.Runs.FindAsync(failed, Stop))!.DueAt);
        await host.MoveUntilAsync(() => host.Invoker.Requests.Count == 4, TimeSpan.FromSeconds(1), "the second attempt");
        Assert.InRange(host.Clock.GetUtcNow() - BackgroundHost.Noon.AddDays(-1), TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(90));
    }

    [TimedTheory]
    [InlineData(ErrorCode.Overloaded, null, 1)]
    [InlineData(ErrorCode.CrashLoop, 30, 30)]
    [InlineData(ErrorCode.StartFailed, 1, 5)]
    public async Task Runs_that_get_no_worker_have_not_begun_and_wait_until_there_may_be_one(ErrorCode code, int? retryAfter, int rest)
    {
        await using var host = await BackgroundHost.StartAsync(_folder, BackgroundHost.Function("work", maxWorkers: 2), BackgroundHost.Function("other"));
        var error = new FunctionError(code, "No worker.") { RetryAfter = retryAfter is { } seconds ? TimeSpan.FromSeconds(seconds) : null };
        host.Invoker.Run = (request, _) => Task.FromResult(request.Function.Name == "work" ? error : null);
        for (var i = 0; i < 10; i++)
        {
            await host.AddAsync();
        }

        await Eventually.TrueAsync(() => !host.Invoker.Requests.IsEmpty, TimeSpan.FromSeconds(5), "one was refused");
        await host.WaitForAsync(await host.AddAsync("other"), RunState.Succeeded);
        var refused = host.Invoker.Requests.Where(request => request.Function.Name == "work").Select(request => request.RequestId).ToList();
        // One that had been claimed already when the first was refused.
        Assert.InRange(refused.Count, 1, 2);
        var waiting = (await host.Runs.FindAsync(refused[0], Stop))!;
        Assert.Equal((RunState.Waiting, 0, "No worker."), (waiting.State, waiting.Attempt, waiting.ErrorMessage));
        Assert.Equal(BackgroundHost.Noon.AddSeconds(rest), waiting.DueAt);

        host.Invoker.Run = (_, _) => Task.FromResult<FunctionError?>(null);
        await host.MoveUntilAsync(() => host.Invoker.Requests.Count(request => request.Function.Name == "work") >= 10 + refused.Count, TimeSpan.FromSeconds(1), "all run");

        Assert.InRange(host.Clock.GetUtcNow() - BackgroundHost.Noon, TimeSpan.FromSeconds(rest), TimeSpan.FromSeconds(rest + 30));
        foreach (var id in host.Ids)
        {
            var run = await host.WaitForAsync(id, RunState.Succeeded);
            Assert.Equal((1, 0, 0), (run.Attempt, run.Failures, run.Interruptions));
            Assert.Equal(["succeeded"], (await host.Runs.ListAttemptsAsync(id, Stop)).Select(attempt => attempt.Outcome));
        }
    }

    [TimedFact]
    public async Task The_crash_loop_of_a_preview_keeps_no_run_of_what_is_live_back()
    {
        await using var host = await BackgroundHost.StartAsync(_folder);
        var (live, preview) = (BackgroundHost.Function("work"), BackgroundHost.Function("work"));
        host.PublishWithPreview(live, preview);
        host.Invoker.Run = (request, _) =>
            Task.FromResult(request.Function == preview ? new FunctionError(ErrorCode.CrashLoop, "No worker.") { RetryAfter = TimeSpan.FromSeconds(60) } : null);
        var refused = await host.AddAsync(deploy: "preview");
        await Eventually.TrueAsync(async () => (await host.Runs.FindAsync(refused, Stop))!.ErrorMessage is not null, TimeSpan.FromSeconds(5), "the preview's run was refused");

        await host.WaitForAsync(await host.AddAsync(), RunState.Succeeded);

        Assert.Equal(BackgroundHost.Noon.AddSeconds(60), (await host.Runs.FindAsync(refused, Stop))!.DueAt);
    }

    [TimedFact]
    public async Task The_hosts_own_failures_are_not_held_against_the_function()
    {
        await using var host = await BackgroundHost.StartAsync(_folder, BackgroundHost.Function("work"));
        host.Invoker.Fails(ErrorCode.InternalError);
        var id = await host.AddAsync();
        await host.MoveUntilAsync(() => host.Invoker.Requests.Count == 4, TimeSpan.FromSeconds(1), "four attempts");
        host.Invoker.Run = (_, _) => Task.FromResult<FunctionError?>(null);

        await host.MoveUntilAsync(() => host.Invoker.Requests.Count == 5, TimeSpan.FromSeconds(5), "another attempt");

        var run = await host.WaitForAsync(id, RunState.Succeeded);
        Assert.Equal((0, 4), (run.Failures, run.Interruptions));
    }

    [TimedFact]
    public async Task A_function_that_is_gone_is_an_error_with_a_name()
    {
        await using var host = await BackgroundHost.StartAsync(_folder, BackgroundHost.Function("work"));

        var id = await host.AddAsync("gone");

        Assert.Equal("not_found", (await FailureAsync(host, id, 1)).Error);
        Assert.Empty(host.Invoker.Requests);
    }

    [TimedFact]
    public async Task A_bug_of_the_hosts_costs_an_attempt_and_not_the_dispatcher()
    {
        await using var host = await BackgroundHost.StartAsync(_folder, BackgroundHost.Function("work"));
        host.Invoker.Run = (_, _) => throw new InvalidOperationException("a bug");
        var broken = await host.AddAsync();
        await Eventually.TrueAsync(async () => (await host.Runs.FindAsync(broken, Stop))!.Interruptions == 1, TimeSpan.FromSeconds(5), "it failed");

        host.Invoker.Run = (_, _) => Task.FromResult<FunctionError?>(null);

        await host.WaitForAsync(await host.AddAsync(), RunState.Succeeded);
        Assert.Equal("internal_error", (await host.Runs.FindAsync(broken, Stop))!.Error);
    }

    [TimedFact]
    public async Task No_more_run_at_a_time_than_the_caps_say()
    {
        await using var host = await BackgroundHost.OpenAsync(
            _folder,
            new(BackgroundHost.Noon),
            BackgroundHost.Function("work"),
            BackgroundHost.Function("narrow", maxWorkers: 1),
            BackgroundHost.Function("work", site: "other"));
        var running = new ConcurrentDictionary<string, int>();
        var most = new ConcurrentDictionary<string, int>();
        var release = new SemaphoreSlim(0);
        host.Invoker.Run = async (request, token) =>
        {
            var keys = new[] { "all", request.Function.Site.Id, request.Function.ToString() };
            foreach (var key in keys)
            {
                var count = running.AddOrUpdate(key, 1, (_, n) => n + 1);
                most.AddOrUpdate(key, count, (_, n) => Math.Max(n, count));
            }

            await release.WaitAsync(token);
            foreach (var key in keys)
            {
                running.AddOrUpdate(key, 0, (_, n) => n - 1);
            }

            return null;
        };
        for (var i = 0; i < 10; i++)
        {
            await host.AddAsync();
            await host.AddAsync("narrow");
        }

        host.Dispatch(new RunCaps(Total: 6, Site: 4));
        await Eventually.TrueAsync(() => running.GetValueOrDefault("all") == 4, TimeSpan.FromSeconds(5), "a site's cap is reached");
        for (var i = 0; i < 10; i++)
        {
            await host.AddAsync(site: "other");
        }

        await Eventually.TrueAsync(() => running.GetValueOrDefault("all") == 6, TimeSpan.FromSeconds(5), "the total cap is reached");
        release.Release(100);
        foreach (var id in host.Ids)
        {
            await host.WaitForAsync(id, RunState.Succeeded);
        }

        Assert.Equal(6, most["all"]);
        Assert.Equal(4, most["site"]);
        Assert.Equal(1, most["site/narrow"]);
    }

    [TimedFact]
    public async Task Requests_that_wait_for_workers_go_first()
    {
        await using var host = await BackgroundHost.OpenAsync(_folder, new(BackgroundHost.Noon), BackgroundHost.Function("work"));
        var running = 0;
        var release = new SemaphoreSlim(0);
        host.Invoker.Run = async (_, token) =>
        {
            Interlocked.Increment(ref running);
            await release.WaitAsync(token);
            return null;
        };
        host.Invoker.RequestsWaiting = 3;
        for (var i = 0; i < 10; i++)
        {
            await host.AddAsync();
        }

        host.Dispatch(new RunCaps(Total: 8, Site: 8));
        await Eventually.TrueAsync(() => running == 2, TimeSpan.FromSeconds(5), "a quarter runs");
        host.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(2, running);

        host.Invoker.RequestsWaiting = 0;
        await host.MoveUntilAsync(() => running == 8, TimeSpan.FromMilliseconds(100), "all of them may run");
        release.Release(10);
        foreach (var id in host.Ids)
        {
            await host.WaitForAsync(id, RunState.Succeeded);
        }
    }

    [TimedFact]
    public async Task A_host_that_stops_gives_back_what_runs_and_the_next_one_goes_on()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(BackgroundHost.Noon);
        string id;
        await using (var first = await BackgroundHost.StartAsync(_folder, clock, BackgroundHost.Function("work")))
        {
            first.Invoker.Run = async (_, token) =>
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
                return null;
            };
            id = await first.AddAsync();
            await first.WaitForAsync(id, RunState.Running);
        }

        await using var second = await BackgroundHost.StartAsync(_folder, clock, BackgroundHost.Function("work"));
        var run = await second.WaitForAsync(id, RunState.Succeeded);

        Assert.Equal((2, 0, 0), (run.Attempt, run.Failures, run.Interruptions));
        Assert.Equal(["interrupted", "succeeded"], (await second.Runs.ListAttemptsAsync(id, Stop)).Select(attempt => attempt.Outcome));
    }

    [TimedFact]
    public async Task A_live_hosts_runs_are_left_to_it()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(BackgroundHost.Noon);
        await using var first = await BackgroundHost.StartAsync(_folder, clock, BackgroundHost.Function("work"));
        var go = new TaskCompletionSource<FunctionError?>();
        first.Invoker.Run = (_, token) => go.Task.WaitAsync(token);
        var id = await first.AddAsync();
        await first.WaitForAsync(id, RunState.Running);

        await using var second = await BackgroundHost.StartAsync(_folder, clock, BackgroundHost.Function("work"));
        for (var i = 0; i < 12; i++)
        {
            clock.Advance(TimeSpan.FromSeconds(10));
            await Eventually.TrueAsync(
                () => first.ReadLeases().Min() == clock.GetUtcNow() + TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(5), "both leases are renewed");
        }

        go.SetResult(null);
        Assert.Equal(1, (await first.WaitForAsync(id, RunState.Succeeded)).Attempt);
        Assert.Empty(second.Invoker.Requests);
    }

    private static async Task<FunctionRun> FailureAsync(BackgroundHost host, string id, int failures)
    {
        await Eventually.TrueAsync(async () => (await host.Runs.FindAsync(id, Stop))!.Failures == failures, TimeSpan.FromSeconds(5), $"{failures} failures");
        return (await host.Runs.FindAsync(id, Stop))!;
    }
}
