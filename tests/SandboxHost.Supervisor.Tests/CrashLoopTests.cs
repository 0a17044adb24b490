using Microsoft.Extensions.Time.Testing;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Protocol.Worker.V1;
using SandboxHost.Sandboxes;
using SandboxHost.Workers;

namespace SandboxHost.Supervisor.Tests;

/// <summary>Functions whose workers die again and again, or fill up.</summary>
public sealed class CrashLoopTests
{
    [TimedFact]
    public async Task After_five_deaths_calls_are_refused_with_the_reason_until_the_pause_is_over()
    {
        var clock = new FakeTimeProvider();
        await using var host = await TestHost.StartAsync(clock, successors: 8);
        var (function, other) = (host.Add(), host.Add("other"));
        for (var i = 0; i < CrashCircuit.Deaths; i++)
        {
            await DieAsync(host, function, ErrorCode.WorkerExited);
        }

        await using (var refused = await host.InvokeAsync(function))
        {
            Assert.Equal(ErrorCode.CrashLoop, refused.Error?.Code);
            Assert.Contains("signal 11", refused.Error!.Message);
            Assert.Equal(CrashCircuit.FirstPause, refused.Error.RetryAfter);
        }

        await AnswerAsync(host, other);
        clock.Advance(CrashCircuit.FirstPause);
        await DieAsync(host, function, ErrorCode.WorkerExited);
        await using (var refused = await host.InvokeAsync(function))
        {
            Assert.Equal(2 * CrashCircuit.FirstPause, refused.Error?.RetryAfter);
        }

        clock.Advance(2 * CrashCircuit.FirstPause);
        await AnswerAsync(host, function);
        Assert.Equal(2, host.Log.Count(entry => entry.Event == "CrashLoop"));
    }

    [TimedFact]
    public async Task A_call_that_is_repeated_on_other_workers_is_not_repeated_into_a_pause()
    {
        await using var host = await TestHost.StartAsync(new FakeTimeProvider(), successors: 8);
        var function = host.Add();
        host.Launcher.Prepare = worker => worker.OnInvoke = (self, _) =>
        {
            self.Sandbox.Exit(new SandboxExit(SandboxExitReason.Signalled, Signal: 11));
            return Task.CompletedTask;
        };

        await using var first = await host.InvokeAsync(function);
        await using var second = await host.InvokeAsync(function);

        Assert.Equal(ErrorCode.WorkerExited, first.Error?.Code);
        Assert.Equal(ErrorCode.CrashLoop, second.Error?.Code);
        Assert.Equal(CrashCircuit.Deaths, host.Launcher.Workers.Count);
    }

    [TimedFact]
    public async Task What_the_host_ends_itself_is_no_crash()
    {
        var clock = new FakeTimeProvider();
        await using var host = await TestHost.StartAsync(clock, options => options with { KeepAlive = TimeSpan.FromSeconds(1) }, successors: 8);
        var function = host.Add();
        for (var i = 0; i < 2 * CrashCircuit.Deaths; i++)
        {
            var worker = await AnswerAsync(host, function);
            clock.Advance(TimeSpan.FromSeconds(2));
            await worker.Sandbox.Disposed.WaitAsync(TestHost.Limit);
        }
    }

    [TimedFact]
    public async Task A_worker_that_holds_too_much_memory_finishes_and_is_replaced()
    {
        var clock = new FakeTimeProvider();
        await using var host = await TestHost.StartAsync(clock, successors: 2);
        var function = host.Add();
        var (worker, invoke, exchange) = await host.BeginAsync(function);
        await worker.SendAsync(Frames.Answer(invoke.Id));
        await (await exchange).DisposeAsync();

        worker.Sandbox.HeldMemory = function.Limits.MemoryBytes - 1;
        clock.Advance(TimeSpan.FromMilliseconds(20));
        var (last, running) = (host.InvokeAsync(function), host.InvokeAsync(function));
        await worker.SendAsync(Frames.Answer((await worker.NextInvokeAsync()).Id));
        Assert.Equal(200, (await last).Response?.Status);
        var successor = await AnswerAsync(host, function);
        Assert.NotSame(worker, successor);

        await worker.SendAsync(Frames.Answer((await worker.NextInvokeAsync()).Id));
        Assert.Equal(200, (await running).Response?.Status);
        await worker.NextAsync(HostFrame.KindOneofCase.Drain);
        await worker.Sandbox.Disposed.WaitAsync(TestHost.Limit);
    }

    private static async Task DieAsync(TestHost host, FunctionVersion function, ErrorCode expected)
    {
        var (worker, invoke, exchange) = await host.BeginAsync(function, "POST");
        await worker.SendAsync(Frames.Accepted(invoke.Id));
        await host.FlushAsync(worker);
        worker.Sandbox.Exit(new SandboxExit(SandboxExitReason.Signalled, Signal: 11));
        await using var ended = await exchange;
        Assert.Equal(expected, ended.Error?.Code);
        await worker.Sandbox.Disposed.WaitAsync(TestHost.Limit);
    }

    private static async Task<ScriptedWorker> AnswerAsync(TestHost host, FunctionVersion function)
    {
        var (worker, invoke, exchange) = await host.BeginAsync(function);
        await worker.SendAsync(Frames.Answer(invoke.Id));
        await using var answered = await exchange;
        Assert.Equal(200, answered.Response?.Status);
        await host.FlushAsync(worker);
        return worker;
    }
}
