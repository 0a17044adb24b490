using BenchmarkDotNet.Running;
using SandboxHost.Benchmarks;

// The host needs to know where its parts lie; ./benchmarks/run sets SANDBOXHOST_HOME.
if (args is [KestrelHello.Command, var port])
{
    await KestrelHello.ServeAsync(port);
    return;
}

if (args is [CollectionReport.Command, var trace])
{
    CollectionReport.Print(trace);
    return;
}

BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args, new BenchmarkSettings());
