using Microsoft.Extensions.Time.Testing;
using SandboxHost.Invocations;
using SandboxHost.Protocol.Worker.V1;
using SandboxHost.Sandboxes;

namespace SandboxHost.Supervisor.Tests;

/// <summary>Sandboxes that stand ready, and those that are about to.</summary>
public sealed class PlaceholderTests
{
    [TimedFact]
    public async Task All_but_the_first_give_way_until_they_are_warm()
    {
        await using var host = await TestHost.StartAsync(change: options => options with { Placeholders = 2 });

        await host.PlaceholdersReady;

        var (first, second) = (host.Launcher.Workers[0].Sandbox, host.Launcher.Workers[1].Sandbox);
        Assert.Equal(TimeSpan.Zero, first.Spec.Patience);
        Assert.True(second.Spec.Patience > TimeSpan.Zero, "nobody waited for it");
        Assert.False(second.IsPatient, "from now on somebody may");
    }

    [TimedFact]
    public async Task A_function_that_finds_none_ready_takes_the_one_that_is_starting_which_then_gives_way_no_longer()
    {
        var mayDial = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var host = await WithSecondAsync(mayDial.Task, worker => worker.ServeAsync());
        var second = await TakeFirstAsync(host);

        var exchange = host.InvokeAsync(host.Add("second"));
        await Eventually.TrueAsync(() => !second.Sandbox.IsPatient, TestHost.Limit, "it gives way no longer");
        Assert.Equal(2, host.Launcher.Workers.Count);
        mayDial.SetResult();

        await second.NextAsync(HostFrame.KindOneofCase.Specialise);
        Assert.False(second.WasWarmed, "what waits for it would wait for that, too");
        await AnswerAsync(second, exchange);
    }

    [TimedFact]
    public async Task One_that_is_starting_is_taken_by_one_function()
    {
        var mayDial = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var host = await WithSecondAsync(mayDial.Task, worker => worker.ServeAsync());
        var second = await TakeFirstAsync(host);
        var taken = host.InvokeAsync(host.Add("second"));
        await Eventually.TrueAsync(() => !second.Sandbox.IsPatient, TestHost.Limit, "it is taken");

        var own = host.InvokeAsync(host.Add("third"));

        await AnswerAsync(await host.Launcher.NextAsync(), own);
        mayDial.SetResult();
        await AnswerAsync(second, taken);
    }

    [TimedFact]
    public async Task When_the_one_that_is_starting_does_not_come_up_the_function_starts_its_own()
    {
        var mayFail = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var host = await WithSecondAsync(mayFail.Task, worker =>
        {
            worker.Sandbox.Exit(new SandboxExit(SandboxExitReason.Exited, 1));
            return Task.CompletedTask;
        });
        var second = await TakeFirstAsync(host);
        var exchange = host.InvokeAsync(host.Add("second"));
        await Eventually.TrueAsync(() => !second.Sandbox.IsPatient, TestHost.Limit, "it is taken");

        mayFail.SetResult();

        await AnswerAsync(await host.Launcher.NextAsync(), exchange);
    }

    [TimedFact]
    public async Task A_failure_that_nobody_foresaw_costs_neither_the_function_nor_the_pool()
    {
        var mayLaunch = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var host = await TestHost.StartAsync(
            change: options => options with { Placeholders = 2 },
            prepare: launcher => launcher.Prepare = worker => launcher.MayLaunch = worker.Sandbox.Spec.Name == "w2" ? mayLaunch.Task : Task.CompletedTask);
        var second = await TakeFirstAsync(host);
        var exchange = host.InvokeAsync(host.Add("second"));

        mayLaunch.SetException(new InvalidOperationException("unforeseen"));

        await AnswerAsync(await host.Launcher.NextAsync(), exchange);
        exchange = host.InvokeAsync(host.Add("third"));
        await AnswerAsync(await host.Launcher.NextAsync(), exchange);
        await host.PlaceholdersReady;
        Assert.Contains(host.Log, entry => entry.Text.Contains("unforeseen", StringComparison.Ordinal));
        host.Log.Clear();
        await second.Sandbox.DisposeAsync();
    }

    [TimedFact]
    public async Task One_that_dies_while_it_stands_ready_is_replaced()
    {
        var clock = new FakeTimeProvider();
        await using var host = await TestHost.StartAsync(clock, options => options with { Placeholders = 1 });
        await AdvanceUntilAsync(clock, () => host.PlaceholdersReady.IsCompleted, "one stands ready");

        host.Launcher.Workers[0].Sandbox.Exit(new SandboxExit(SandboxExitReason.Signalled, 0, 9));

        await AdvanceUntilAsync(clock, () => host.Launcher.Workers.Count == 2 && Idle(host) == 1, "another one stands ready");
    }

    [TimedFact]
    public async Task After_a_burst_as_many_stand_ready_as_it_wanted_and_a_minute_later_as_many_as_before()
    {
        var clock = new FakeTimeProvider();
        await using var host = await TestHost.StartAsync(clock, options => options with { Placeholders = 1 });
        await AdvanceUntilAsync(clock, () => host.PlaceholdersReady.IsCompleted, "one stands ready");
        host.Launcher.Prepare = worker => worker.OnInvoke = (self, invoke) => self.SendAsync(Frames.Answer(invoke.Id));
        host.Launcher.Workers[0].OnInvoke = (self, invoke) => self.SendAsync(Frames.Answer(invoke.Id));
        await Task.WhenAll(Enumerable.Range(0, 3).Select(number => host.InvokeAsync(host.Add($"hello{number}"))));

        await AdvanceUntilAsync(clock, () => Idle(host) == 3, "three stand ready");

        clock.Advance(TimeSpan.FromMinutes(1));
        await AdvanceUntilAsync(clock, () => Idle(host) == 1, "one stands ready");
    }

    /// <summary>Placeholders that live: workers that were warmed and have no function.</summary>
    private static int Idle(TestHost host) => host.Launcher.Workers.Count(worker => worker is { WasWarmed: true, WasSpecialised: false, Sandbox.IsDead: false });

    /// <summary>Refills wait for the clock, too.</summary>
    private static async Task AdvanceUntilAsync(FakeTimeProvider clock, Func<bool> condition, string what) => await Eventually.TrueAsync(
        () =>
        {
            clock.Advance(TimeSpan.FromMilliseconds(50));
            return condition();
        },
        TestHost.Limit,
        what);

    /// <summary>A host with two placeholders, of which the second waits and then lives as the script says.</summary>
    private static Task<TestHost> WithSecondAsync(Task mayLive, Func<ScriptedWorker, Task> script) =>
        TestHost.StartAsync(
            change: options => options with { Placeholders = 2 },
            prepare: launcher => launcher.Script = async worker =>
            {
                if (worker.Sandbox.Spec.Name == "w2")
                {
                    await mayLive;
                    await script(worker);
                    return;
                }

                await worker.ServeAsync();
            });

    /// <summary>Has a function take the placeholder that is ready.</summary>
    /// <returns>The one that is starting.</returns>
    private static async Task<ScriptedWorker> TakeFirstAsync(TestHost host)
    {
        var (first, second) = (await host.Launcher.NextAsync(), await host.Launcher.NextAsync());
        await AnswerAsync(first, host.InvokeAsync(host.Add("first")));
        return second;
    }

    private static async Task AnswerAsync(ScriptedWorker worker, Task<IExchange> exchange)
    {
        await worker.SendAsync(Frames.Answer((await worker.NextInvokeAsync()).Id));
        Assert.Equal(200, (await exchange).Response?.Status);
    }
}
