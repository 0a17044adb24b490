namespace SandboxHost.Sites.Settings;

/// <summary>Variables from one place.</summary>
/// <param name="Source">Where they stand, for messages: ".env", "netlify.toml".</param>
public sealed record VariableLayer(string Source, IReadOnlyDictionary<string, string> Variables);

/// <summary>
/// The variables that a site's files give its functions (reference §3.8). A variable that the files name takes its value
/// from the host's process, where that has one of the name; nothing else of the host's environment is passed on.
/// </summary>
public static class SiteEnvironment
{
    // Netlify's own bounds. Longer ones work here, but not there.
    private const int MaxName = 255;
    private const int MaxValue = 5000;

    // The sandbox's own. The host's values of these mean nothing inside, and say something of the host.
    private static readonly HashSet<string> NeverFromProcess = new(["PATH", "HOME", "TMPDIR", "LANG", "PWD", "USER", "SHELL"], StringComparer.Ordinal);

    private static readonly HashSet<string> Reserved = new(
        ["NODE_OPTIONS", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"], StringComparer.Ordinal);

    private static readonly string[] ReservedPrefixes = ["SANDBOXHOST_", "LD_", "DOTNET_", "COMPlus_", "CORECLR_"];

    /// <param name="layers">The weakest first.</param>
    /// <param name="mistakes">Takes a sentence for each variable that is left out, and for each that Netlify would refuse.</param>
    public static Dictionary<string, string> Merge(
        IEnumerable<VariableLayer> layers, IReadOnlyDictionary<string, string> process, ICollection<string> mistakes)
    {
        ArgumentNullException.ThrowIfNull(layers);
        ArgumentNullException.ThrowIfNull(process);
        ArgumentNullException.ThrowIfNull(mistakes);
        var merged = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var layer in layers)
        {
            foreach (var (name, value) in layer.Variables)
            {
                if (RuleAgainst(name, value) is { } rule)
                {
                    mistakes.Add($"{layer.Source}: {Shown(name)} is left out: {rule}");
                    continue;
                }

                WarnOfLength(layer.Source, name, value, mistakes);
                merged[name] = !NeverFromProcess.Contains(name) && process.TryGetValue(name, out var own) ? own : value;
            }
        }

        return merged;
    }

    private static string? RuleAgainst(string name, string value)
    {
        if (name.Length == 0 || name.Any(c => c == '=' || char.IsControl(c)))
        {
            return "this is no name for a variable";
        }

        if (value.Contains('\0', StringComparison.Ordinal))
        {
            return "its value holds a NUL character";
        }

        return Reserved.Contains(name) || ReservedPrefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal))
            ? "the sandbox sets it, or its runtime would act on it"
            : null;
    }

    private static void WarnOfLength(string source, string name, string value, ICollection<string> mistakes)
    {
        if (name.Length > MaxName)
        {
            mistakes.Add($"{source}: {Shown(name)} has a name of {name.Length} characters; Netlify takes {MaxName}");
        }

        if (value.Length > MaxValue)
        {
            mistakes.Add($"{source}: {Shown(name)} has a value of {value.Length} characters; Netlify takes {MaxValue}");
        }
    }

    private static string Shown(string name) =>
        "'" + string.Concat((name.Length > 60 ? name[..60] + "…" : name).Select(c => char.IsControl(c) ? '?' : c)) + "'";
}
