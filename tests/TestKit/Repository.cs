using System.Runtime.InteropServices;

namespace SandboxHost.TestKit;

/// <summary>Where things lie in the repository that the tests were built from.</summary>
public static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>Node 24, from the variable NODE or from runtimes/; skips the test when there is none.</summary>
    public static string Node => Runtime("NODE", "node-linux", "node");

    /// <summary>esbuild, from the variable ESBUILD or from runtimes/; skips the test when there is none.</summary>
    public static string Esbuild => Runtime("ESBUILD", "@esbuild/linux", "esbuild");

    /// <summary>
    /// `sandboxhost` with these arguments: as it was built with the tests, or of the unpacked package (./package) that the
    /// variable SANDBOXHOST_PACKAGE names.
    /// </summary>
    public static (string Program, string[] Arguments) SandboxHost(params IEnumerable<string> arguments) => Package is { } package
        ? (Path.Combine(package, "sandboxhost"), [.. arguments])
        : ("dotnet", [PathOf("artifacts/bin/SandboxHost.Cli/release/sandboxhost.dll"), .. arguments]);

    private static string? Package => Environment.GetEnvironmentVariable("SANDBOXHOST_PACKAGE") is { Length: > 0 } directory ? directory : null;

    public static string Example(string name) => PathOf("examples/" + name);

    public static string PathOf(string relative) => Path.Combine(Root, relative);

    private static string Runtime(string variable, string package, string executable)
    {
        var kind = RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? "arm64" : "x64";
        var own = PathOf($"runtimes/node_modules/{package}-{kind}/bin/{executable}");
        var path = Environment.GetEnvironmentVariable(variable) is { Length: > 0 } given ? given : own;
        Assert.SkipUnless(File.Exists(path), $"No {executable}: run `npm ci --prefix runtimes` or set {variable}.");
        return path;
    }

    private static string FindRoot()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "SandboxHost.sln")))
        {
            directory = Path.GetDirectoryName(directory) ?? throw new InvalidOperationException("The tests don't run from within the repository.");
        }

        return directory;
    }
}
