using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace SandboxHost.Benchmarks;

/// <summary>
/// Without a generated project for each benchmark: that one would lie below this repository and inherit its build rules,
/// which BenchmarkDotNet's code does not follow.
/// </summary>
internal sealed class InThisProcess : ManualConfig
{
    public InThisProcess() => AddJob(Job.Default.WithToolchain(InProcessEmitToolchain.DontLogOutput).WithId("in this process"));
}
