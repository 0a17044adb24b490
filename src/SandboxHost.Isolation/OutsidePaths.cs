using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation;

/// <summary>Paths inside of a sandbox, for launchers that make none: arguments that begin with one get the host's, and the environment says the rest.</summary>
internal static class OutsidePaths
{
    public static IEnumerable<string> ArgumentsOf(SandboxSpec spec, string functionDirectory)
    {
        (string Inside, string Outside)[] places =
        [
            (SandboxLayout.FunctionDirectory, functionDirectory),
            (SandboxLayout.RunnerDirectory, spec.Runtime.RunnerDirectory),
            (SandboxLayout.HostDirectory, spec.HostDirectory),
        ];
        return spec.Runtime.Arguments(spec.Limits).Select(argument => Outside(argument, places));
    }

    public static Dictionary<string, string> EnvironmentOf(SandboxSpec spec, string functionDirectory) => new(spec.Environment)
    {
        [UnconfinedLauncher.FunctionDirectoryVariable] = functionDirectory,
        [UnconfinedLauncher.RunnerDirectoryVariable] = spec.Runtime.RunnerDirectory,
        [UnconfinedLauncher.HostDirectoryVariable] = spec.HostDirectory,
    };

    // "/runner/main.mjs" or "--import=/runner/hooks.mjs".
    private static string Outside(string argument, (string Inside, string Outside)[] places)
    {
        var start = argument.StartsWith('-') ? argument.IndexOf('=') + 1 : 0;
        var path = argument[start..];
        foreach (var (inside, outside) in places)
        {
            if (path == inside || path.StartsWith(inside + "/", StringComparison.Ordinal))
            {
                return argument[..start] + outside + path[inside.Length..];
            }
        }

        return argument;
    }
}
