using BenchmarkDotNet.Running;
using SandboxHost.Benchmarks;

// The host needs to know where its parts lie; ./benchmarks/run sets SANDBOXHOST_HOME.
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args, new BenchmarkSettings());
