using SandboxHost.Server;

namespace SandboxHost.Cli;

/// <summary>Where this installation lies: SANDBOXHOST_HOME, or the repository that the command was built in.</summary>
internal static class Installation
{
    public const string Missing = "The installation was not found; run ./sandboxhost from the repository, or set SANDBOXHOST_HOME.";

    /// <returns>Null when it is not found.</returns>
    public static HostFiles? Find() =>
        (Environment.GetEnvironmentVariable("SANDBOXHOST_HOME") ?? FindAbove(AppContext.BaseDirectory)) is { } home ? new HostFiles(home) : null;

    private static string? FindAbove(string start)
    {
        for (var directory = new DirectoryInfo(start); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "SandboxHost.sln")))
            {
                return directory.FullName;
            }
        }

        return null;
    }
}
