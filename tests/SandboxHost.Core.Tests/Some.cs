using SandboxHost.Deployments;
using SandboxHost.Routing;

namespace SandboxHost.Tests;

/// <summary>Values for tests that need one and don't care which.</summary>
internal static class Some
{
    public static readonly SiteIdentity Site = new("1", "site", "http://localhost", "2");

    public static FunctionVersion Function(string name, params FunctionRoute[] routes) => Function(name, [], routes);

    public static FunctionVersion Function(string name, string[] excluded, params FunctionRoute[] routes) => new()
    {
        Site = Site,
        Deploy = new DeployIdentity("0", "dev", Published: false),
        Name = name,
        Runtime = "node",
        ArtifactDirectory = "/nowhere",
        Entry = name + ".mjs",
        Routes = routes,
        ExcludedPaths = [.. excluded.Select(Pattern)],
        Environment = new Dictionary<string, string>(),
        Limits = FunctionLimits.Default,
    };

    public static FunctionRoute Route(string pattern, params string[] methods) => new(Pattern(pattern), methods);

    public static RoutePattern Pattern(string text)
    {
        Assert.True(RoutePattern.TryParse(text, out var pattern, out var mistake), mistake);
        return pattern;
    }

    public static SiteSnapshot SiteNamed(string name, string[] hosts, params FunctionVersion[] functions) => new()
    {
        Identity = Site with { Name = name },
        HostNames = hosts,
        Functions = functions,
        Routes = new RouteTable(functions),
    };
}
