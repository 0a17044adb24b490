using System.Runtime.InteropServices;

namespace SandboxHost.Server;

/// <summary>Where the parts of an installation lie: in the repository, where `./sandboxhost` puts them, or in a package.</summary>
/// <param name="Home">Absolute.</param>
/// <param name="Built">What is built from this repository's sources: its `artifacts`, or a package's home. Absolute.</param>
public sealed record HostFiles(string Home, string Built)
{
    private static string Architecture => RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? "arm64" : "x64";

    public string Node => Path.Combine(Home, "runtimes", "node_modules", $"node-linux-{Architecture}", "bin", "node");

    public string Esbuild => Path.Combine(Home, "runtimes", "node_modules", "@esbuild", $"linux-{Architecture}", "bin", "esbuild");

    /// <summary>Holds runner.cjs.</summary>
    public string NodeRunner => Path.Combine(Built, "runners", "node");

    public string Launcher => Path.Combine(Built, "launcher", "sandboxhost-launcher");

    public static HostFiles InRepository(string home) => new(home, Path.Combine(home, "artifacts"));

    public static HostFiles InPackage(string home) => new(home, home);

    /// <summary>What is missing, as sentences.</summary>
    public IEnumerable<string> Missing() =>
        from part in new[] { ("Node", Node), ("esbuild", Esbuild), ("the Node runner", Path.Combine(NodeRunner, "runner.cjs")) }
        where !File.Exists(part.Item2)
        select $"{part.Item1} is not at {Path.GetRelativePath(Home, part.Item2)}: "
            + (Built == Home ? "unpack the package again." : "run ./sandboxhost from the repository, which sets it up.");
}
