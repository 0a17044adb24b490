using System.Globalization;
using BenchmarkDotNet.Attributes;
using SandboxHost.Deployments;
using SandboxHost.Routing;

namespace SandboxHost.Benchmarks;

/// <summary>Finding the function for a path, as every request does. A site of fifty functions; every second one has a pattern.</summary>
[MemoryDiagnoser]
[Config(typeof(InThisProcess))]
public class RouteTableBenchmarks
{
    private const int Functions = 50;

    private readonly RouteTable _table = new([.. Enumerable.Range(0, Functions).Select(NewFunction)]);

    [Benchmark(Baseline = true)]
    public RouteMatch DefaultUrl() => _table.Match("GET", "/.netlify/functions/f42");

    [Benchmark]
    public RouteMatch Literal() => _table.Match("GET", "/pages/41");

    [Benchmark]
    public RouteMatch FirstPattern() => _table.Match("GET", "/items/0/17");

    [Benchmark]
    public RouteMatch LastPattern() => _table.Match("GET", "/items/48/17");

    [Benchmark]
    public RouteMatch Nothing() => _table.Match("GET", "/favicon.ico");

    private static FunctionVersion NewFunction(int index)
    {
        var number = index.ToString(CultureInfo.InvariantCulture);
        var path = index % 2 == 0 ? $"/items/{number}/:id" : $"/pages/{number}";
        return RoutePattern.TryParse(path, out var pattern, out var mistake)
            ? new FunctionVersion
            {
                Site = new SiteIdentity("s", "site", "http://localhost", "a"),
                Deploy = new DeployIdentity("0", "dev", Published: false),
                Name = "f" + number,
                Runtime = "node",
                ArtifactDirectory = "/",
                Entry = "index.mjs",
                Routes = [new FunctionRoute(pattern, [])],
                Environment = new Dictionary<string, string>(),
                Limits = FunctionLimits.Default,
            }
            : throw new InvalidOperationException(mistake);
    }
}
