using System.Runtime.InteropServices;

namespace SandboxHost.Server;

/// <summary>Where the parts of an installation lie, below its home directory. `./sandboxhost` puts them there.</summary>
/// <param name="Home">Absolute.</param>
public sealed record HostFiles(string Home)
{
    private static string Architecture => RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? "arm64" : "x64";

    public string Node => Path.Combine(Home, "runtimes", "node_modules", $"node-linux-{Architecture}", "bin", "node");

    public string Esbuild => Path.Combine(Home, "runtimes", "node_modules", "@esbuild", $"linux-{Architecture}", "bin", "esbuild");

    /// <summary>Holds runner.cjs.</summary>
    public string NodeRunner => Path.Combine(Home, "artifacts", "runners", "node");

    public string Launcher => Path.Combine(Home, "artifacts", "launcher", "sandboxhost-launcher");

    /// <summary>What is missing, as sentences.</summary>
    public IEnumerable<string> Missing() =>
        from part in new[] { ("Node", Node), ("esbuild", Esbuild), ("the Node runner", Path.Combine(NodeRunner, "runner.cjs")) }
        where !File.Exists(part.Item2)
        select $"{part.Item1} is not at {Path.GetRelativePath(Home, part.Item2)}: run ./sandboxhost from the repository, which sets it up.";
}
