using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Protocol.Worker.V1;
using SandboxHost.Sandboxes;

namespace SandboxHost.Supervisor.Tests;

/// <summary>What a worker's death means for the invocations that it had.</summary>
public sealed class ReplayTests
{
    [TimedFact]
    public async Task A_post_that_no_user_code_saw_runs_on_another_worker()
    {
        await using var host = await TestHost.StartAsync(successors: 3);
        var (worker, invoke, begun) = await host.BeginAsync(host.Add(), "POST");
        Assert.True(invoke.Acknowledge);

        worker.Sandbox.Exit(new SandboxExit(SandboxExitReason.Exited, Code: 1));

        var second = await host.Launcher.NextAsync();
        await second.SendAsync(Frames.Answer((await second.NextInvokeAsync()).Id, "second"));
        await using var exchange = await begun;
        Assert.Equal(200, exchange.Response?.Status);
    }

    [TimedFact]
    public async Task A_post_that_was_accepted_is_not_replayed()
    {
        await using var host = await TestHost.StartAsync(successors: 3);
        var (worker, invoke, begun) = await host.BeginAsync(host.Add(), "POST");
        await worker.SendAsync(Frames.Accepted(invoke.Id));
        await host.FlushAsync(worker);

        worker.Sandbox.Exit(new SandboxExit(SandboxExitReason.Exited, Code: 1));

        await using var exchange = await begun;
        Assert.Equal(ErrorCode.WorkerExited, exchange.Error?.Code);
        Assert.Single(host.Launcher.Workers);
    }

    [TimedFact]
    public async Task A_get_is_given_three_workers_and_not_a_fourth()
    {
        await using var host = await TestHost.StartAsync(successors: 3);
        host.Launcher.Prepare = worker => worker.OnInvoke = async (self, invoke) =>
        {
            Assert.False(invoke.Acknowledge);
            await self.SendAsync(Frames.Accepted(invoke.Id));
            self.Sandbox.Exit(new SandboxExit(SandboxExitReason.Exited, Code: 1));
        };

        await using var exchange = await host.InvokeAsync(host.Add());

        Assert.Equal(ErrorCode.WorkerExited, exchange.Error?.Code);
        Assert.Equal(3, host.Launcher.Workers.Count);
    }

    [TimedTheory]
    [InlineData(SandboxExitReason.OutOfMemory, 0, 9, ErrorCode.OutOfMemory, "limit of 256 MB (peak 255 MB)")]
    [InlineData(SandboxExitReason.Signalled, 0, 11, ErrorCode.WorkerExited, "signal 11")]
    [InlineData(SandboxExitReason.Signalled, 0, 6, ErrorCode.WorkerExited, "SIGABRT")]
    [InlineData(SandboxExitReason.Exited, 42, 0, ErrorCode.WorkerExited, "code 42")]
    public async Task How_the_process_ended_is_what_its_invocations_say(SandboxExitReason reason, int code, int signal, ErrorCode expected, string text)
    {
        await using var host = await TestHost.StartAsync(successors: 3);
        var (worker, invoke, begun) = await host.BeginAsync(host.Add(), "POST");
        await worker.SendAsync(Frames.Accepted(invoke.Id));
        await host.FlushAsync(worker);

        worker.Sandbox.Exit(new SandboxExit(reason, code, signal, 256 * FunctionLimits.Megabyte, 255 * FunctionLimits.Megabyte));

        await using var exchange = await begun;
        Assert.Equal(expected, exchange.Error?.Code);
        Assert.Contains(text, exchange.Error!.Message, StringComparison.Ordinal);
    }

    [TimedFact]
    public async Task An_abort_after_v8_gave_up_on_its_heap_is_out_of_memory()
    {
        await using var host = await TestHost.StartAsync(successors: 3);
        var (worker, invoke, begun) = await host.BeginAsync(host.Add(), "POST");
        await worker.SendAsync(Frames.Accepted(invoke.Id));
        await host.FlushAsync(worker);

        worker.Sandbox.Spec.Output("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory");
        worker.Sandbox.Exit(new SandboxExit(SandboxExitReason.Signalled, Signal: 6, MemoryLimitBytes: 256 * FunctionLimits.Megabyte));

        await using var exchange = await begun;
        Assert.Equal(ErrorCode.OutOfMemory, exchange.Error?.Code);
        Assert.Contains("JavaScript heap", exchange.Error!.Message, StringComparison.Ordinal);
        Assert.Contains("256 MB", exchange.Error.Message, StringComparison.Ordinal);
        Assert.Contains(host.Output, line => line.Text.Contains("heap out of memory", StringComparison.Ordinal));
    }

    [TimedFact]
    public async Task A_connection_that_breaks_a_moment_before_the_exit_is_explained_by_the_exit()
    {
        await using var host = await TestHost.StartAsync(successors: 3);
        var (worker, invoke, begun) = await host.BeginAsync(host.Add(), "POST");
        await worker.SendAsync(Frames.Accepted(invoke.Id));
        await host.FlushAsync(worker);

        worker.Sandbox.Connection!.Sever();
        await worker.Sandbox.Watched;
        worker.Sandbox.Exit(new SandboxExit(SandboxExitReason.Exited, Code: 3));

        await using var exchange = await begun;
        Assert.Contains("code 3", exchange.Error!.Message, StringComparison.Ordinal);
    }

    [TimedFact]
    public async Task What_was_sent_before_the_exit_counts_though_the_exit_is_known_first()
    {
        await using var host = await TestHost.StartAsync(successors: 3);
        var (worker, invoke, begun) = await host.BeginAsync(host.Add(), "POST");
        await worker.SendAsync(Frames.Accepted(invoke.Id));
        await host.FlushAsync(worker);

        worker.Sandbox.ExitUnread(new SandboxExit(SandboxExitReason.Exited, Code: 7));
        await worker.SendAsync(Frames.Answer(invoke.Id));

        await using var exchange = await begun;
        Assert.Null(exchange.Error);
    }

    [TimedFact]
    public async Task A_worker_that_ends_its_half_is_told_that_all_was_read()
    {
        await using var host = await TestHost.StartAsync(successors: 3);
        var (worker, invoke, begun) = await host.BeginAsync(host.Add(), "POST");
        await worker.SendAsync(Frames.Answer(invoke.Id));
        await worker.EndHalfAsync();

        await using var exchange = await begun;
        Assert.Null(exchange.Error);
        await Assert.ThrowsAsync<InvalidOperationException>(() => worker.NextAsync(HostFrame.KindOneofCase.Warm));
        Assert.False(worker.Sandbox.IsDead, "The session ended with its process and not before.");
        worker.Sandbox.Exit(new SandboxExit(SandboxExitReason.Exited));
    }

    [TimedFact]
    public async Task A_process_exit_of_the_function_is_the_end_that_it_reports()
    {
        await using var host = await TestHost.StartAsync(successors: 3);
        var (worker, invoke, begun) = await host.BeginAsync(host.Add());

        await worker.SendAsync(new WorkerFrame { Ended = new Ended { Id = invoke.Id, Outcome = Outcome.Exited, ExitCode = 5 } });

        await using var exchange = await begun;
        Assert.Equal((ErrorCode.WorkerExited, true), (exchange.Error!.Code, exchange.Error.Message.Contains("process.exit(5)", StringComparison.Ordinal)));
        Assert.Single(host.Launcher.Workers);
    }

    [TimedFact]
    public async Task Ids_on_the_wire_count_up_by_one_whoever_calls()
    {
        await using var host = await TestHost.StartAsync(successors: 3);
        List<uint> ids = [];
        host.Launcher.Prepare = worker => worker.OnInvoke = (self, invoke) =>
        {
            ids.Add(invoke.Id);
            return self.SendAsync(Frames.Answer(invoke.Id));
        };
        var function = host.Add(limits: limits => limits with { Concurrency = 64, MaxWorkers = 1 });

        var exchanges = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => Task.Run(() => host.InvokeAsync(function))));

        Assert.All(exchanges, exchange => Assert.Equal(200, exchange.Response?.Status));
        Assert.Equal(Enumerable.Range(1, 64).Select(id => (uint)id), ids);
    }
}
