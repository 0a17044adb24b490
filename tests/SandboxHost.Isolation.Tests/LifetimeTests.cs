using System.Diagnostics;
using System.Runtime.Versioning;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation;

/// <summary>Freezing, limits that change, and ends of every kind.</summary>
[SupportedOSPlatform("linux")]
public sealed class LifetimeTests
{
    private const string Ticker = "let n = 0; setInterval(() => console.log('tick ' + n++), 5)";
    private const string Spinner = "console.log('up'); for (;;) {}";

    [LinuxFact]
    [AlsoOnCgroup2]
    public async Task Frozen_worker_uses_no_processor_and_goes_on_when_thawed()
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync(Spinner);
        await worker.Lines.WaitForAsync("up");

        worker.Sandbox.Freeze();
        worker.Sandbox.Freeze();
        await Task.Delay(TestMachine.Seconds(0.05));
        var before = worker.Sandbox.ReadUsage().Cpu;
        await Task.Delay(TestMachine.Seconds(0.15));
        var after = worker.Sandbox.ReadUsage().Cpu;
        worker.Sandbox.Thaw();
        worker.Sandbox.Thaw();
        await Task.Delay(TestMachine.Seconds(0.1));

        Assert.True(after - before < TimeSpan.FromMilliseconds(5), $"used {after - before} while frozen");
        Assert.True(worker.Sandbox.ReadUsage().Cpu - after > TimeSpan.FromMilliseconds(10));
    }

    [LinuxFact]
    public async Task Thawed_worker_goes_on_where_it_was()
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync(Ticker);
        await worker.Lines.WaitForAsync("tick 3");

        worker.Sandbox.Freeze();
        worker.Sandbox.Thaw();
        var seen = worker.Lines.All.Count;

        await worker.Lines.WaitForAsync($"tick {seen + 5}");
    }

    [LinuxFact]
    [AlsoOnCgroup2]
    public async Task Killed_worker_is_reported_as_killed_even_when_frozen()
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync(Spinner);
        await worker.Lines.WaitForAsync("up");
        worker.Sandbox.Freeze();

        var start = Stopwatch.GetTimestamp();
        worker.Sandbox.Kill();
        var exit = await worker.Sandbox.Exited;

        Assert.Equal(SandboxExitReason.Killed, exit.Reason);
        Assert.True(Stopwatch.GetElapsedTime(start) < TestMachine.Seconds(1));
    }

    [LinuxFact]
    public async Task Worker_that_signals_itself_is_reported_with_the_signal()
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync("process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000)");

        var exit = await worker.Sandbox.Exited;

        Assert.Equal((SandboxExitReason.Signalled, 15), (exit.Reason, exit.Signal));
    }

    [LinuxFact]
    [AlsoOnCgroup2]
    public async Task Memory_limit_can_be_raised_and_lowered_while_running()
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync(
            """
            console.log('up');
            const a = [];
            const wait = setInterval(() => {
                if (!require('fs').existsSync('/function/go')) return;
                clearInterval(wait);
                for (let i = 0; i < 20; i++) a.push(Buffer.alloc(8 << 20, 1));
                console.log('held');
                setInterval(() => {}, 1e6);
            }, 5);
            """,
            new SandboxLimits(96L << 20, null));
        await worker.Lines.WaitForAsync("up");

        worker.Sandbox.SetLimits(new SandboxLimits(300L << 20, null, Pids: 50));
        await File.WriteAllTextAsync(Path.Combine(worker.Sandbox.FunctionDirectory, "go"), "");
        await worker.Lines.WaitForAsync("held");
        Assert.InRange(worker.Sandbox.ReadUsage().MemoryBytes, 160L << 20, 300L << 20);

        // Lowering below what is used is refused or fatal, as the kernel likes; the limits stay readable either way.
        worker.Sandbox.SetLimits(new SandboxLimits(280L << 20, null, Pids: 50));
    }

    [LinuxFact]
    public async Task Worker_killed_at_any_moment_of_its_start_dies()
    {
        await using var host = await TestHost.StartAsync();

        // Before the launcher is in its groups, between bubblewrap and its child, and so on: the moment wanders, and several
        // starts at a time keep the machine from doing any of them in one go.
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async lane =>
        {
            for (var round = 0; round < 12; round++)
            {
                await using var worker = await host.StartAsync(Spinner);
                var moment = TimeSpan.FromMilliseconds((lane + (round * 8)) * 0.1);
                var start = Stopwatch.GetTimestamp();
                SpinWait.SpinUntil(() => Stopwatch.GetElapsedTime(start) >= moment);
                worker.Sandbox.Kill();

                Assert.Equal(SandboxExitReason.Killed, (await worker.Sandbox.Exited).Reason);
            }
        }));
    }

    [LinuxFact]
    public async Task Worker_outlives_the_thread_that_asked_for_it()
    {
        await using var host = await TestHost.StartAsync();
        TestWorker? worker = null;
        var asking = new Thread(() => worker = host.StartAsync("console.log('up'); process.stdin; setInterval(() => console.log('on'), 20)").GetAwaiter().GetResult());
        asking.Start();
        asking.Join();
        await using var disposed = worker!;
        await worker!.Lines.WaitForAsync("up");

        // A signal for the parent thread's end would have come by now.
        await worker.Lines.WaitForAsync("on");
        Assert.False(worker.Sandbox.Exited.IsCompleted);
    }

    [LinuxFact]
    public async Task Disposing_twice_and_after_the_end_is_fine()
    {
        await using var host = await TestHost.StartAsync();
        var worker = await host.StartAsync("");
        await worker.Sandbox.Exited;

        worker.Sandbox.Kill();
        worker.Sandbox.Freeze();
        await worker.DisposeAsync();
        await worker.DisposeAsync();
        worker.Sandbox.Thaw();
        worker.Sandbox.Kill();

        Assert.Equal(SandboxExitReason.Exited, (await worker.Sandbox.Exited).Reason);
    }

    [LinuxFact]
    public async Task Flood_of_output_is_bounded_and_does_not_block_the_worker()
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync(
            "const fs = require('fs'); const l = 'x'.repeat(1000) + '\\n'; for (let i = 0; i < 5000; i++) fs.writeSync(1, l); fs.writeSync(1, 'y'.repeat(100000) + '\\n');");

        var (exit, lines) = await worker.EndAsync();

        Assert.Equal(SandboxExitReason.Exited, exit.Reason);
        Assert.InRange(lines.Count, 1000, 1060);
        Assert.Contains("lines dropped", lines[^1]);
    }
}
