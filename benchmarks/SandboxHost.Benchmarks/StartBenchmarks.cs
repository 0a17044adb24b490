using System.Globalization;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Engines;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Toolchains.InProcess.NoEmit;
using Perfolizer.Mathematics.OutlierDetection;

namespace SandboxHost.Benchmarks;

/// <summary>
/// Cold starts: one operation is one new worker, from sending an HTTP request to the first byte of its answer, through the
/// whole host with every layer of the sandbox.
/// </summary>
[Config(typeof(ColdStarts))]
public class StartBenchmarks
{
    /// <summary>Between the pool's being full and the request: the placeholder that came last goes to sleep.</summary>
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(50);

    /// <summary>Workers that leave while another starts would be measured with it; they stay, and all go at the end.</summary>
    private static readonly TimeSpan Forever = TimeSpan.FromHours(1);

    private static readonly TimeSpan Briefly = TimeSpan.FromSeconds(2);

    /// <summary>Until the last worker has sent what it compiled, was idle for <see cref="Briefly"/>, and is gone.</summary>
    private static readonly TimeSpan Goodbyes = TimeSpan.FromSeconds(6);

    private StartedSite? _site;

    [ParamsAllValues]
    public BundleSize Bundle { get; set; }

    [GlobalSetup(Target = nameof(PlaceholderTaken))]
    public async Task StartWithPlaceholdersAsync() => _site = await StartedSite.StartAsync(Bundle, ColdStarts.Functions, placeholders: 2, Forever);

    [GlobalSetup(Target = nameof(NoneReady))]
    public async Task StartWithoutPlaceholdersAsync() => _site = await StartedSite.StartAsync(Bundle, ColdStarts.Functions, placeholders: 0, Forever);

    [GlobalSetup(Target = nameof(PlaceholderTakenAgain))]
    public async Task StartWithCodeCachesAsync()
    {
        _site = await StartedSite.StartAsync(Bundle, ColdStarts.Functions, placeholders: 2, Briefly);
        await _site.CallEachOnceAsync(ColdStarts.Functions);
        await Task.Delay(Goodbyes);
    }

    [IterationSetup]
    public void WaitUntilQuiet() => WaitUntilQuietAsync().GetAwaiter().GetResult();

    [Benchmark]
    public Task<int> PlaceholderTaken() => _site!.CallNextAsync();

    /// <summary>Each function had a worker before, which left what it compiled.</summary>
    [Benchmark]
    public Task<int> PlaceholderTakenAgain() => _site!.CallNextAsync();

    [Benchmark]
    public Task<int> NoneReady() => _site!.CallNextAsync();

    [GlobalCleanup]
    public async Task StopAsync() => await _site!.DisposeAsync();

    private async Task WaitUntilQuietAsync()
    {
        await _site!.PlaceholdersReady;
        await Task.Delay(Settle);
    }

    /// <summary>Every start counts: no pilot, no overhead taken off, no outlier removed.</summary>
    internal sealed class ColdStarts : ManualConfig
    {
        /// <summary>The host's own code is compiled by then; what stays cold is the worker.</summary>
        private const int WarmUps = 6;

        private const string StartsVariable = "SANDBOXHOST_BENCHMARK_STARTS";

        private const int DefaultStarts = 60;

        private static readonly int Starts =
            int.TryParse(Environment.GetEnvironmentVariable(StartsVariable), CultureInfo.InvariantCulture, out var starts) ? starts : DefaultStarts;

        /// <summary>As many functions as will be called.</summary>
        public static int Functions => WarmUps + Starts;

        public ColdStarts() => AddJob(Job.Default
            .WithStrategy(RunStrategy.Monitoring)
            .WithToolchain(InProcessNoEmitToolchain.DontLogOutput)
            .WithLaunchCount(1)
            .WithWarmupCount(WarmUps)
            .WithIterationCount(Starts)
            .WithInvocationCount(1)
            .WithUnrollFactor(1)
            .WithOutlierMode(OutlierMode.DontRemove)
            .WithId("one worker each"));
    }
}
