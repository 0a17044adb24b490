using SandboxHost.Deployments;
using SandboxHost.Invocations;

namespace SandboxHost.Supervisor.Tests;

/// <summary>How many workers live, over all functions.</summary>
public sealed class WorkerCapTests
{
    [TimedFact]
    public async Task For_one_more_the_worker_that_has_been_idle_longest_goes()
    {
        await using var host = await StartAsync(maxWorkers: 2);
        var (first, _) = await AnsweredAsync(host, "first");
        var (second, _) = await AnsweredAsync(host, "second");

        var (third, function) = await AnsweredAsync(host, "third");

        await first.Sandbox.Disposed.WaitAsync(TestHost.Limit);
        Assert.Equal(3, host.Launcher.Workers.Count);
        var again = host.InvokeAsync(function);
        await third.SendAsync(Frames.Answer((await third.NextInvokeAsync()).Id));
        Assert.Equal(200, (await again).Response?.Status);
        Assert.False(second.Sandbox.IsDead);
    }

    [TimedFact]
    public async Task While_all_work_another_is_refused_and_the_function_is_not_blamed()
    {
        await using var host = await StartAsync(maxWorkers: 1);
        var (worker, invoke, running) = await host.BeginAsync(host.Add("busy"));
        var other = host.Add("other");

        for (var i = 0; i < 8; i++)
        {
            await using var refused = await host.InvokeAsync(other);
            Assert.Equal(ErrorCode.Overloaded, refused.Error?.Code);
            Assert.NotNull(refused.Error?.RetryAfter);
        }

        await worker.SendAsync(Frames.Answer(invoke.Id));
        Assert.Equal(200, (await running).Response?.Status);
        var served = host.InvokeAsync(other);
        var successor = await host.Launcher.NextAsync();
        await successor.SendAsync(Frames.Answer((await successor.NextInvokeAsync()).Id));
        Assert.Equal(200, (await served).Response?.Status);
    }

    [TimedFact]
    public async Task A_placeholder_that_does_not_fit_makes_room_for_a_worker_that_does()
    {
        await using var host = await TestHost.StartAsync(change: options => options with { MaxWorkers = 2, Placeholders = 1 });
        await host.PlaceholdersReady;
        var placeholder = await host.Launcher.NextAsync();
        host.Launcher.Decoys = 1;
        static FunctionLimits Large(FunctionLimits limits) => limits with { MemoryBytes = limits.MemoryBytes * 2, QueueTime = TimeSpan.FromDays(2) };
        var starting = host.InvokeAsync(host.Add("starting", Large));

        var (worker, invoke, exchange) = await host.BeginAsync(host.Add("large", Large));

        await placeholder.Sandbox.Disposed.WaitAsync(TestHost.Limit);
        await worker.SendAsync(Frames.Answer(invoke.Id));
        Assert.Equal(200, (await exchange).Response?.Status);
        await host.StopAsync();
        Assert.Equal(ErrorCode.HostShutdown, (await starting).Error?.Code);
    }

    // One more lives and never dials: see FakeLauncher.Decoys.
    private static Task<TestHost> StartAsync(int maxWorkers) => TestHost.StartAsync(change: options => options with { MaxWorkers = maxWorkers + 1 }, successors: 1);

    private static async Task<(ScriptedWorker Worker, FunctionVersion Function)> AnsweredAsync(TestHost host, string name)
    {
        var function = host.Add(name);
        var (worker, invoke, exchange) = await host.BeginAsync(function);
        await worker.SendAsync(Frames.Answer(invoke.Id));
        Assert.Equal(200, (await exchange).Response?.Status);
        return (worker, function);
    }
}
