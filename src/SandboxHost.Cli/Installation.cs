using SandboxHost.Server;

namespace SandboxHost.Cli;

/// <summary>Where this installation lies: SANDBOXHOST_HOME, the package that the command is part of, or the repository that it was built in.</summary>
internal static class Installation
{
    public const string Missing = "The installation was not found; run ./sandboxhost from the repository, or set SANDBOXHOST_HOME.";

    /// <returns>Null when it is not found.</returns>
    public static HostFiles? Find() => Find(Environment.GetEnvironmentVariable("SANDBOXHOST_HOME"), AppContext.BaseDirectory);

    /// <param name="home">What the user says; null: nothing.</param>
    /// <param name="program">The directory of the command's own files.</param>
    internal static HostFiles? Find(string? home, string program)
    {
        if (home is not null)
        {
            return IsRepository(home) ? HostFiles.InRepository(home) : HostFiles.InPackage(home);
        }

        // Only there: `artifacts` in the repository has a runner, too, but no runtimes.
        if (Directory.GetParent(Path.TrimEndingDirectorySeparator(program))?.FullName is { } above
            && HostFiles.InPackage(above) is var package && Directory.Exists(package.NodeRunner) && File.Exists(package.Launcher))
        {
            return package;
        }

        for (var directory = new DirectoryInfo(program); directory is not null; directory = directory.Parent)
        {
            if (IsRepository(directory.FullName))
            {
                return HostFiles.InRepository(directory.FullName);
            }
        }

        return null;
    }

    private static bool IsRepository(string directory) => File.Exists(Path.Combine(directory, "SandboxHost.sln"));
}
