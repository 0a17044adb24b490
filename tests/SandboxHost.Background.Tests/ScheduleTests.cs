using System.Text;
using Microsoft.Extensions.Time.Testing;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Runs;

namespace SandboxHost.Background.Tests;

public sealed class ScheduleTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly FakeTimeProvider _clock = new(BackgroundHost.Noon);

    public void Dispose() => _folder.Dispose();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [TimedFact]
    public async Task A_tick_comes_at_its_minute_and_says_when_the_next_one_comes()
    {
        await using var host = await StartAsync(Function("1/15 * * * *"));

        await host.MoveUntilAsync(() => host.Invoker.Requests.Count == 1, TimeSpan.FromSeconds(1), "the tick");

        Assert.InRange(_clock.GetUtcNow(), BackgroundHost.Noon.AddMinutes(1), BackgroundHost.Noon.AddMinutes(2));
        var request = host.Invoker.Requests.Single();
        Assert.Equal((InvocationTrigger.Schedule, "POST", "http://localhost/.netlify/functions/tick"), (request.Trigger, request.Method, request.Url));
        Assert.Equal("""{"next_run":"2026-05-04T12:16:00.000Z"}""", Encoding.UTF8.GetString(request.Body.Complete.Span));
        Assert.Equal(["content-type", "application/json", "user-agent", "Netlify Clockwork", "x-nf-event", "schedule"], request.Headers.Take(6));
    }

    [TimedFact]
    public async Task A_worker_is_made_ready_two_seconds_ahead()
    {
        await using var host = await StartAsync(Function("1/15 * * * *"));
        _clock.Advance(TimeSpan.FromSeconds(57));
        await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Stop);
        Assert.Empty(host.Invoker.Prepared);

        await host.MoveUntilAsync(() => !host.Invoker.Prepared.IsEmpty, TimeSpan.FromSeconds(0.1), "the worker is asked for");

        Assert.Empty(host.Invoker.Requests);
    }

    [TimedFact]
    public async Task A_clock_that_is_set_forward_drops_no_tick_and_doubles_none()
    {
        await using var host = await StartAsync(Function("@hourly"));
        await host.MoveUntilAsync(() => host.Invoker.Requests.Count == 1, TimeSpan.FromMinutes(1), "the tick of one o'clock");

        // Over the tick of two o'clock.
        _clock.SetUtcNow(BackgroundHost.Noon.AddHours(2.5));
        await host.MoveUntilAsync(() => host.Invoker.Requests.Count == 2, TimeSpan.FromSeconds(1), "the tick that was jumped over");
        await host.MoveUntilAsync(() => _clock.GetUtcNow() > BackgroundHost.Noon.AddHours(2.9), TimeSpan.FromMinutes(1), "time passes");

        Assert.Equal(2, host.Invoker.Requests.Count);
        Assert.Equal("""{"next_run":"2026-05-04T15:00:00.000Z"}""", Encoding.UTF8.GetString(host.Invoker.Requests.Last().Body.Complete.Span));
    }

    [TimedFact]
    public async Task Ticks_that_were_missed_while_no_host_ran_are_made_up_by_one()
    {
        await using (var first = await StartAsync(Function("*/5 * * * *")))
        {
            await first.MoveUntilAsync(() => first.Invoker.Requests.Count == 1, TimeSpan.FromSeconds(5), "a tick");
            await EndedAsync(first, 1);
        }

        _clock.Advance(TimeSpan.FromHours(3));
        await using var second = await StartAsync(Function("*/5 * * * *"));
        await second.MoveUntilAsync(() => second.Invoker.Requests.Count == 1, TimeSpan.FromSeconds(1), "the tick that makes up for them");
        await EndedAsync(second, 2);
        await second.MoveUntilAsync(() => second.Invoker.Requests.Count == 2, TimeSpan.FromSeconds(5), "the next one");

        Assert.Equal(2, second.Invoker.Requests.Count);
        Assert.Equal(3, (await second.Runs.ListAsync(new RunQuery(), Stop)).Count);
    }

    [TimedFact]
    public async Task A_tick_is_not_made_again_by_the_next_host()
    {
        await using (var first = await StartAsync(Function("@hourly")))
        {
            await first.MoveUntilAsync(() => first.Invoker.Requests.Count == 1, TimeSpan.FromMinutes(1), "the tick");
            await EndedAsync(first, 1);
        }

        await using var second = await StartAsync(Function("@hourly"));
        await second.MoveUntilAsync(() => _clock.GetUtcNow() > BackgroundHost.Noon.AddHours(1.9), TimeSpan.FromMinutes(1), "time passes");

        Assert.Empty(second.Invoker.Requests);
    }

    [TimedFact]
    public async Task Of_two_hosts_one_makes_the_tick()
    {
        await using var first = await StartAsync(Function("@hourly"));
        await using var second = await StartAsync(Function("@hourly"));

        // In steps that leave a host on a busy machine the time to renew its lease: who loses it has its run begun twice.
        await first.MoveUntilAsync(() => _clock.GetUtcNow() > BackgroundHost.Noon.AddHours(1.5), TimeSpan.FromSeconds(5), "time passes");
        await Eventually.TrueAsync(() => first.Invoker.Requests.Count + second.Invoker.Requests.Count > 0, TimeSpan.FromSeconds(5), "the tick");

        Assert.Single(await first.Runs.ListAsync(new RunQuery(), Stop));
        Assert.Equal(1, first.Invoker.Requests.Count + second.Invoker.Requests.Count);
    }

    [TimedFact]
    public async Task Another_cron_text_holds_from_now_on()
    {
        await using var host = await StartAsync(Function("@hourly"));
        await host.MoveUntilAsync(() => host.Invoker.Requests.Count == 1, TimeSpan.FromSeconds(20), "the hour");

        host.Publish(Function("*/10 * * * *"));
        await host.MoveUntilAsync(() => host.Invoker.Requests.Count == 2, TimeSpan.FromSeconds(5), "the new tick");

        // By the old text there is none before two o'clock.
        Assert.InRange(_clock.GetUtcNow() - BackgroundHost.Noon, TimeSpan.FromMinutes(70), TimeSpan.FromMinutes(119));
    }

    [TimedFact]
    public async Task Only_the_published_deploy_ticks()
    {
        var preview = Copy(Function("* * * * *"), new DeployIdentity("preview", "deploy-preview", Published: false));
        await using var host = await StartAsync(preview);
        await host.MoveUntilAsync(() => _clock.GetUtcNow() > BackgroundHost.Noon.AddMinutes(5), TimeSpan.FromSeconds(5), "time passes");
        Assert.Empty(await host.Runs.ListAsync(new RunQuery(), Stop));
    }

    [TimedFact]
    public async Task A_failed_tick_is_not_tried_again()
    {
        await using var host = await StartAsync(Function("@hourly"));
        host.Invoker.Fails(ErrorCode.FunctionError);
        await host.MoveUntilAsync(() => host.Invoker.Requests.Count == 1, TimeSpan.FromMinutes(1), "the tick");
        await EndedAsync(host, 1);

        await host.MoveUntilAsync(() => _clock.GetUtcNow() > BackgroundHost.Noon.AddHours(1.5), TimeSpan.FromMinutes(1), "time passes");

        Assert.Equal(RunState.Dead, Assert.Single(await host.Runs.ListAsync(new RunQuery(), Stop)).State);
        Assert.Single(host.Invoker.Requests);
    }

    [TimedFact]
    public async Task A_thousand_schedules_of_one_minute_are_spread_and_all_run()
    {
        var functions = Enumerable.Range(0, 1000).Select(i => BackgroundHost.Function($"tick-{i:D4}", FunctionKind.Scheduled, schedule: "1 12 * * *")).ToArray();
        await using var host = await BackgroundHost.StartAsync(_folder, _clock, functions);
        host.Schedule(new SchedulerOptions());

        await host.MoveUntilAsync(() => host.Invoker.Requests.Count == 1000, TimeSpan.FromSeconds(1), "all of them ran");

        Assert.Equal(1000, host.Invoker.Requests.Select(request => request.Function.Name).Distinct().Count());
        var due = (await host.Runs.ListAsync(new RunQuery(Limit: 1000), Stop)).Select(run => run.DueAt).ToList();
        Assert.InRange(due.Max() - due.Min(), TimeSpan.FromSeconds(9), TimeSpan.FromSeconds(10));
    }

    private async Task<BackgroundHost> StartAsync(FunctionVersion function)
    {
        var host = await BackgroundHost.StartAsync(_folder, _clock, function);
        host.Schedule();
        return host;
    }

    private static Task<TimeSpan> EndedAsync(BackgroundHost host, int count) => Eventually.TrueAsync(
        async () => (await host.Runs.ListAsync(new RunQuery(), Stop)).Count(run => run.State >= RunState.Succeeded) == count, TimeSpan.FromSeconds(5), $"{count} ended");

    private static FunctionVersion Function(string cron) => BackgroundHost.Function("tick", FunctionKind.Scheduled, schedule: cron);

    private static FunctionVersion Copy(FunctionVersion function, DeployIdentity deploy) => new()
    {
        Site = function.Site,
        Deploy = deploy,
        Name = function.Name,
        Runtime = function.Runtime,
        ArtifactDirectory = function.ArtifactDirectory,
        Entry = function.Entry,
        Kind = function.Kind,
        Schedule = function.Schedule,
        Environment = function.Environment,
        Limits = function.Limits,
    };
}
