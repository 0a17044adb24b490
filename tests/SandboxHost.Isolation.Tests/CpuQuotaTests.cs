using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;

namespace SandboxHost.Isolation;

/// <summary>How much of the processors workers get, measured by what the kernel counts.</summary>
[SupportedOSPlatform("linux")]
[Collection("alone")]
public sealed class CpuQuotaTests
{
    /// <summary>
    /// A worker that wants more than its quota gets its quota, within 10 %, and less only if somebody else had the
    /// processors: what nobody used counts as if it could have had it. So this holds on a busy machine, too.
    /// </summary>
    [LinuxTheory]
    [AlsoOnCgroup2]
    [InlineData(0.5)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Worker_gets_its_share_of_the_processors_within_ten_percent(double cpus)
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync(
            """
            const { Worker } = require('worker_threads');
            const spin = "require('worker_threads').parentPort.postMessage(0); for (;;) {}";
            let up = 0;
            for (let i = 0; i < 3; i++) new Worker(spin, { eval: true }).on('message', () => { if (++up === 3) console.log('up'); });
            """);
        await worker.Lines.WaitForAsync("up");
        worker.Sandbox.SetLimits(TestHost.DefaultLimits with { Cpus = cpus });
        await Task.Delay(TestMachine.Seconds(0.1));

        var (start, used, idle) = (Stopwatch.GetTimestamp(), worker.Sandbox.ReadUsage().Cpu, IdleTime());
        await Task.Delay(2000);
        var wall = Stopwatch.GetElapsedTime(start);
        var share = (worker.Sandbox.ReadUsage().Cpu - used) / wall;
        var unused = (IdleTime() - idle) / wall;

        var least = 0.9 * Math.Min(cpus, share + unused);
        Assert.True(share >= least && share <= 1.1 * cpus, $"used {share:0.000} vCPU of {cpus}, and nobody used {unused:0.000}");
        TestContext.Current.TestOutputHelper?.WriteLine($"{share:0.000} of {cpus} vCPU, {unused:0.000} unused");
    }

    [LinuxFact]
    [AlsoOnCgroup2]
    public async Task Worker_without_a_quota_starts_with_the_whole_machine_and_gets_its_quota_when_told()
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync("console.log('up'); setInterval(() => {}, 1e6)", TestHost.DefaultLimits with { Cpus = null });

        Assert.Contains(host.ReadOfGroup(worker, "cpu.max", "cpu.cfs_quota_us"), new[] { "max 20000", "-1" });
        await worker.Lines.WaitForAsync("up");
        worker.Sandbox.SetLimits(TestHost.DefaultLimits with { Cpus = 0.25 });

        Assert.Contains(host.ReadOfGroup(worker, "cpu.max", "cpu.cfs_quota_us"), new[] { "5000 20000", "5000" });
    }

    /// <summary>Processor time that nobody used since the machine started, over all processors.</summary>
    private static TimeSpan IdleTime()
    {
        const int TicksPerSecond = 100, Idle = 4, WaitsForDisk = 5;

        // "cpu  user nice system idle iowait …", see proc_stat(5).
        var words = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var ticks = long.Parse(words[Idle], CultureInfo.InvariantCulture) + long.Parse(words[WaitsForDisk], CultureInfo.InvariantCulture);
        return TimeSpan.FromSeconds((double)ticks / TicksPerSecond);
    }
}
