using System.Globalization;
using CliWrap;
using CliWrap.Buffered;

namespace SandboxHost.Isolation;

/// <summary>Where the programs are that tests run.</summary>
internal static class TestPlaces
{
    public static string Artifacts { get; } = FindArtifacts();

    public static string Launcher { get; } = Path.Combine(Artifacts, "launcher", "sandboxhost-launcher");

    /// <summary>The host program that tests kill; copied beside the tests by the build.</summary>
    public static string HostProgram { get; } = Path.Combine(AppContext.BaseDirectory, "SandboxHost.Isolation.Tests.Host");

    public static string? Node { get; } = FindNode();

    public static async Task<bool> NodeHasProxyEnvironmentAsync()
    {
        var version = await Cli.Wrap(Node!).WithArguments("--version").ExecuteBufferedAsync();
        return int.Parse(version.StandardOutput.TrimStart('v').Split('.')[0], CultureInfo.InvariantCulture) >= 24;
    }

    private static string FindArtifacts()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && directory.Name != "artifacts")
        {
            directory = directory.Parent;
        }

        return directory?.FullName ?? AppContext.BaseDirectory;
    }

    private static string? FindNode()
    {
        if (Environment.GetEnvironmentVariable("SANDBOXHOST_NODE") is { Length: > 0 } chosen)
        {
            return chosen;
        }

        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .Select(directory => Path.Combine(directory, "node"))
            .FirstOrDefault(File.Exists);
    }
}
