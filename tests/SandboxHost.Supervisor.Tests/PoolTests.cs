using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using SandboxHost.Invocations;
using SandboxHost.Protocol.Worker.V1;
using SandboxHost.Supervisor.Workers;

namespace SandboxHost.Supervisor.Tests;

/// <summary>Who waits, who starts, who sleeps and who goes.</summary>
public sealed class PoolTests
{
    [TimedFact]
    public async Task A_request_too_many_is_refused_with_a_time_to_come_again()
    {
        await using var host = await TestHost.StartAsync();
        var function = host.Add(limits: limits => limits with { Concurrency = 1, MaxWorkers = 1, QueueLength = 1 });
        var (_, _, running) = await host.BeginAsync(function);
        var waiting = host.InvokeAsync(function);

        await using var refused = await host.InvokeAsync(function);

        Assert.Equal(ErrorCode.Overloaded, refused.Error?.Code);
        Assert.NotNull(refused.Error?.RetryAfter);
        Assert.False(running.IsCompleted || waiting.IsCompleted);
    }

    [TimedFact]
    public async Task A_request_that_waits_too_long_is_refused()
    {
        var clock = new FakeTimeProvider();
        await using var host = await TestHost.StartAsync(clock);
        var function = host.Add(limits: limits => limits with { Concurrency = 1, MaxWorkers = 1 });
        await host.BeginAsync(function);
        var waiting = host.InvokeAsync(function);

        clock.Advance(function.Limits.QueueTime);

        await using var refused = await waiting;
        Assert.Equal(ErrorCode.Overloaded, refused.Error?.Code);
        Assert.NotNull(refused.Error?.RetryAfter);
    }

    [TimedFact]
    public async Task A_client_that_leaves_the_queue_takes_no_slot()
    {
        await using var host = await TestHost.StartAsync();
        var function = host.Add(limits: limits => limits with { Concurrency = 1, MaxWorkers = 1 });
        var (worker, invoke, running) = await host.BeginAsync(function);
        using var gone = new CancellationTokenSource();
        var leaver = host.InvokeAsync(function, clientGone: gone.Token);
        var stayer = host.InvokeAsync(function);

        await gone.CancelAsync();

        Assert.Equal(ErrorCode.ClientGone, (await leaver).Error?.Code);
        await worker.SendAsync(Frames.Answer(invoke.Id));
        Assert.Equal(200, (await running).Response?.Status);
        await worker.SendAsync(Frames.Answer((await worker.NextInvokeAsync()).Id));
        Assert.Equal(200, (await stayer).Response?.Status);
    }

    [TimedFact]
    public async Task A_worker_runs_no_more_than_its_concurrency_at_a_time()
    {
        await using var host = await TestHost.StartAsync();
        var (running, most) = (0, 0);
        var gate = new Lock();
        host.Launcher.Prepare = worker => worker.OnInvoke = async (self, invoke) =>
        {
            lock (gate)
            {
                most = Math.Max(most, ++running);
            }

            await Task.Yield();
            lock (gate)
            {
                running--;
            }

            await self.SendAsync(Frames.Answer(invoke.Id));
        };
        var function = host.Add(limits: limits => limits with { Concurrency = 3, MaxWorkers = 1 });

        var exchanges = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => host.InvokeAsync(function)));

        Assert.All(exchanges, exchange => Assert.Equal(200, exchange.Response?.Status));
        Assert.InRange(most, 1, 3);
        Assert.Single(host.Launcher.Workers);
    }

    [TimedFact]
    public async Task A_burst_starts_one_worker_at_a_time()
    {
        await using var host = await TestHost.StartAsync();
        host.Launcher.Prepare = worker => worker.AnswersSpecialise = false;
        var function = host.Add(limits: limits => limits with { Concurrency = 10 });
        var exchanges = Enumerable.Range(0, 20).Select(_ => host.InvokeAsync(function)).ToArray();

        var first = await host.Launcher.NextAsync();
        await first.NextAsync(HostFrame.KindOneofCase.Specialise);
        Assert.Single(host.Launcher.Workers);
        await first.SendAsync(Frames.Specialised());

        var second = await host.Launcher.NextAsync();
        await second.NextAsync(HostFrame.KindOneofCase.Specialise);
        await second.SendAsync(Frames.Specialised());
        // The second one's first: a slot that came free before it was ready would be taken by who waits for it.
        foreach (var worker in new[] { second, first })
        {
            for (var i = 0; i < 10; i++)
            {
                await worker.SendAsync(Frames.Answer((await worker.NextInvokeAsync()).Id));
            }
        }

        Assert.All(await Task.WhenAll(exchanges), exchange => Assert.Equal(200, exchange.Response?.Status));
        Assert.Equal(2, host.Launcher.Workers.Count);
    }

    [TimedFact]
    public async Task A_start_that_fails_as_nobody_foresaw_costs_the_requests_that_wait_and_not_the_function()
    {
        await using var host = await TestHost.StartAsync();
        var function = host.Add();
        host.Launcher.Failure = new InvalidDataException("a bug");

        await using (var failed = await host.InvokeAsync(function))
        {
            Assert.Equal(ErrorCode.StartFailed, failed.Error?.Code);
            Assert.NotNull(failed.Error?.RetryAfter);
        }

        host.Launcher.Failure = null;
        host.Launcher.Prepare = worker => worker.OnInvoke = (self, invoke) => self.SendAsync(Frames.Answer(invoke.Id));
        await using var served = await host.InvokeAsync(function);
        Assert.Equal(200, served.Response?.Status);

        // The bug is told of, once.
        Assert.Single(host.Log, entry => entry.Level == LogLevel.Error && entry.Text.Contains("a bug", StringComparison.Ordinal));
        host.Log.Clear();
    }

    [TimedFact]
    public async Task An_idle_worker_sleeps_until_the_next_call_and_goes_after_long()
    {
        var clock = new FakeTimeProvider();
        await using var host = await TestHost.StartAsync(clock, options => options with { FreezeAfter = TimeSpan.FromSeconds(5), KeepAlive = TimeSpan.FromMinutes(1) });
        var function = host.Add();
        var worker = await ServeOneAsync(host, function);

        clock.Advance(TimeSpan.FromSeconds(4));
        Assert.False(worker.Sandbox.IsFrozen);
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.True(worker.Sandbox.IsFrozen);

        var next = host.InvokeAsync(function);
        Assert.Equal((false, 1), (worker.Sandbox.IsFrozen, worker.Sandbox.Thaws));
        await AnswerAsync(host, worker, next);

        clock.Advance(TimeSpan.FromSeconds(59));
        Assert.False(worker.Sandbox.Disposed.IsCompleted);
        Assert.True(worker.Sandbox.IsFrozen);
        clock.Advance(TimeSpan.FromSeconds(2));
        await worker.Sandbox.Disposed.WaitAsync(TestHost.Limit);
        await worker.NextAsync(HostFrame.KindOneofCase.Drain);
    }

    [TimedFact]
    public async Task A_version_that_is_no_longer_live_goes_after_its_last_invocation()
    {
        await using var host = await TestHost.StartAsync();
        var function = host.Add();
        var (worker, invoke, exchange) = await host.BeginAsync(function);

        host.Remove(function);
        await host.FlushAsync(worker);
        Assert.False(worker.Sandbox.Disposed.IsCompleted);
        await worker.SendAsync(Frames.Answer(invoke.Id));

        Assert.Equal(200, (await exchange).Response?.Status);
        await worker.NextAsync(HostFrame.KindOneofCase.Drain);
        await worker.Sandbox.Disposed.WaitAsync(TestHost.Limit);
    }

    [TimedTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_module_loads_with_a_whole_vcpu_for_a_second_and_no_longer(bool loadsQuickly)
    {
        var clock = new FakeTimeProvider();
        await using var host = await TestHost.StartAsync(clock);
        host.Launcher.Prepare = worker => worker.AnswersSpecialise = false;
        var running = host.InvokeAsync(host.Add(limits: limits => limits with { Vcpu = 0.5 }));
        var worker = await host.Launcher.NextAsync();
        await worker.NextAsync(HostFrame.KindOneofCase.Specialise);
        Assert.Equal((1.0, StartWeight.Weight), (worker.Sandbox.LimitsSet?.Cpus, worker.Sandbox.LimitsSet?.Weight));

        if (!loadsQuickly)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            await Eventually.TrueAsync(() => worker.Sandbox.LimitsSet is { Cpus: 0.5, Weight: 1 }, TestHost.Limit, "the limit holds although the module still loads");
        }

        await worker.SendAsync(Frames.Specialised());
        await AnswerAsync(host, worker, running);
        Assert.Equal((0.5, 1), (worker.Sandbox.LimitsSet?.Cpus, worker.Sandbox.LimitsSet?.Weight));
    }

    [TimedFact]
    public async Task A_worker_that_starts_weighs_less_than_those_that_serve_for_half_a_second_and_no_longer()
    {
        var clock = new FakeTimeProvider();
        await using var host = await TestHost.StartAsync(clock);
        var mayDial = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        host.Launcher.Script = async worker =>
        {
            await mayDial.Task;
            await worker.ServeAsync();
        };
        var running = host.InvokeAsync(host.Add());
        var worker = await host.Launcher.NextAsync();
        Assert.Equal(StartWeight.Weight, worker.Sandbox.Spec.Limits.Weight);
        Assert.Null(worker.Sandbox.LimitsSet);

        await Eventually.TrueAsync(
            () =>
            {
                clock.Advance(TimeSpan.FromMilliseconds(50));
                return worker.Sandbox.LimitsSet is { Weight: 1, Cpus: null };
            },
            TestHost.Limit,
            "it has as much as all others");

        mayDial.SetResult();
        await AnswerAsync(host, worker, running);
    }

    [TimedFact]
    public async Task A_published_version_gets_a_worker_when_the_one_before_had_one()
    {
        await using var host = await TestHost.StartAsync(successors: 1);
        var function = host.Add(published: true);
        var cold = host.Add("cold", published: true);
        await ServeOneAsync(host, function);

        host.Replace(cold);
        var next = host.Replace(function);
        var worker = await host.Launcher.NextAsync();
        await worker.NextAsync(HostFrame.KindOneofCase.Specialise);

        await AnswerAsync(host, worker, host.InvokeAsync(next));
        Assert.Equal(2, host.Launcher.Workers.Count);
    }

    [TimedFact]
    public async Task A_deploy_is_swapped_in_when_it_has_a_worker_and_the_one_before_serves_until_then()
    {
        await using var host = await TestHost.StartAsync(successors: 1);
        var function = host.Add(published: true);
        var before = await ServeOneAsync(host, function);
        host.Launcher.Prepare = worker => worker.AnswersSpecialise = false;

        var (next, swapped) = host.Deploy(function);
        var after = await host.Launcher.NextAsync();
        await after.NextAsync(HostFrame.KindOneofCase.Specialise);
        Assert.Same(function, host.Live(function.Name));
        await AnswerAsync(host, before, host.InvokeAsync(function));
        await after.SendAsync(Frames.Specialised());

        await swapped;
        Assert.Same(next, host.Live(function.Name));
        await AnswerAsync(host, after, host.InvokeAsync(next));
        await before.Sandbox.Disposed.WaitAsync(TestHost.Limit);
    }

    [TimedFact]
    public async Task A_deploy_whose_function_does_not_load_is_swapped_in_all_the_same()
    {
        await using var host = await TestHost.StartAsync(successors: 1);
        var function = host.Add(published: true);
        await ServeOneAsync(host, function);
        host.Launcher.Prepare = worker => worker.AnswersSpecialise = false;

        var (next, swapped) = host.Deploy(function);
        var broken = await host.Launcher.NextAsync();
        await broken.NextAsync(HostFrame.KindOneofCase.Specialise);
        await broken.SendAsync(Frames.Specialised(new Error { Type = "Error", Message = "no such module" }));

        await swapped;
        Assert.Same(next, host.Live(function.Name));
    }

    [TimedFact]
    public async Task A_deploy_whose_function_loads_for_ever_is_swapped_in_after_three_seconds()
    {
        var clock = new FakeTimeProvider();
        await using var host = await TestHost.StartAsync(clock, successors: 1);
        var function = host.Add(published: true);
        await ServeOneAsync(host, function);
        host.Launcher.Prepare = worker => worker.AnswersSpecialise = false;

        var (next, swapped) = host.Deploy(function);
        var slow = await host.Launcher.NextAsync();
        await slow.NextAsync(HostFrame.KindOneofCase.Specialise);
        Assert.False(swapped.IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(3));

        await swapped;
        Assert.Same(next, host.Live(function.Name));
        var reply = host.InvokeAsync(next);
        await slow.SendAsync(Frames.Specialised());
        await AnswerAsync(host, slow, reply);
    }

    [TimedFact]
    public async Task On_a_developers_machine_saving_a_file_runs_nothing()
    {
        await using var host = await TestHost.StartAsync();
        var function = host.Add();
        var worker = await ServeOneAsync(host, function);

        host.Replace(function);

        await worker.Sandbox.Disposed.WaitAsync(TestHost.Limit);
        Assert.Single(host.Launcher.Workers);
    }

    [TimedFact]
    public async Task A_function_that_is_called_every_half_hour_has_its_worker_in_time_and_none_meanwhile()
    {
        var clock = new FakeTimeProvider();
        await using var host = await TestHost.StartAsync(clock, successors: 2);
        var function = host.Add();
        for (var i = 0; i < 11; i++)
        {
            var past = await ServeOneAsync(host, function);
            clock.Advance(TimeSpan.FromMinutes(30));
            await past.Sandbox.Disposed.WaitAsync(TestHost.Limit);
        }

        var last = await ServeOneAsync(host, function);
        clock.Advance(TimeSpan.FromMinutes(2));
        await last.Sandbox.Disposed.WaitAsync(TestHost.Limit);
        Assert.Equal(12, host.Launcher.Workers.Count);

        clock.Advance(TimeSpan.FromMinutes(26));
        var early = await host.Launcher.NextAsync();
        await early.NextAsync(HostFrame.KindOneofCase.Specialise);

        await AnswerAsync(host, early, host.InvokeAsync(function));
        Assert.Equal(13, host.Launcher.Workers.Count);
    }

    [TimedFact]
    public async Task A_worker_that_asks_to_leave_finishes_and_is_replaced()
    {
        await using var host = await TestHost.StartAsync();
        var function = host.Add();
        var (first, invoke, running) = await host.BeginAsync(function);
        await first.SendAsync(new WorkerFrame { Leaving = new Leaving { Reason = "uncaught" } });
        await host.FlushAsync(first);

        var (second, secondInvoke, other) = await host.BeginAsync(function);
        await second.SendAsync(Frames.Answer(secondInvoke.Id));
        Assert.Equal(200, (await other).Response?.Status);

        await first.SendAsync(Frames.Answer(invoke.Id));
        Assert.Equal(200, (await running).Response?.Status);
        await first.Sandbox.Disposed.WaitAsync(TestHost.Limit);
    }

    [TimedFact]
    public async Task A_host_that_stops_during_a_start_leaves_no_worker()
    {
        await using var host = await TestHost.StartAsync();
        var may = new TaskCompletionSource();
        host.Launcher.MayLaunch = may.Task;
        var exchange = host.InvokeAsync(host.Add());
        var worker = await host.Launcher.NextAsync();

        var stopping = host.StopAsync();
        may.SetResult();
        await stopping;

        Assert.Equal(ErrorCode.HostShutdown, (await exchange).Error?.Code);
        Assert.True(worker.Sandbox.Disposed.IsCompleted);
    }

    [TimedFact]
    public async Task A_host_that_stops_while_a_module_loads_leaves_no_worker()
    {
        await using var host = await TestHost.StartAsync();
        host.Launcher.Prepare = worker => worker.AnswersSpecialise = false;
        var exchange = host.InvokeAsync(host.Add());
        var worker = await host.Launcher.NextAsync();
        await worker.NextAsync(HostFrame.KindOneofCase.Specialise);

        await host.StopAsync();

        Assert.Equal(ErrorCode.HostShutdown, (await exchange).Error?.Code);
        Assert.True(worker.Sandbox.Disposed.IsCompleted);
    }

    private static async Task<ScriptedWorker> ServeOneAsync(TestHost host, Deployments.FunctionVersion function)
    {
        var exchange = host.InvokeAsync(function);
        var worker = await host.Launcher.NextAsync();
        await AnswerAsync(host, worker, exchange);
        return worker;
    }

    private static async Task AnswerAsync(TestHost host, ScriptedWorker worker, Task<IExchange> exchange)
    {
        await worker.SendAsync(Frames.Answer((await worker.NextInvokeAsync()).Id));
        await using var answer = await exchange;
        Assert.Equal(200, answer.Response?.Status);
        await host.FlushAsync(worker);
    }
}
