using BenchmarkDotNet.Attributes;
using CliWrap;

namespace SandboxHost.Benchmarks;

/// <summary>What a cold start is held against: Node by itself, from start to exit, without a script or a sandbox.</summary>
[Config(typeof(StartBenchmarks.ColdStarts))]
public class BareStartBenchmarks
{
    private readonly Command _node = Cli.Wrap(StartedSite.Files.Node).WithArguments(["-e", "0"]);

    [Benchmark]
    public async Task<int> BareNode() => (await _node.ExecuteAsync()).ExitCode;
}
