namespace SandboxHost.Isolation;

/// <summary>Where the programs are that tests run.</summary>
internal static class TestPlaces
{
    public static string Artifacts { get; } = FindArtifacts();

    public static string Launcher { get; } = Path.Combine(Artifacts, "launcher", "sandboxhost-launcher");

    public static string? Node { get; } = FindNode();

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
