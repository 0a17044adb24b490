using SandboxHost.Sites.Config;
using Tomlyn.Model;

namespace SandboxHost.Sites.Settings;

/// <summary>
/// The [functions] part of a netlify.toml: settings for all functions, for one by its name, and for those whose names match
/// a glob.
/// </summary>
public sealed class FunctionSections
{
    public static readonly FunctionSections Empty = new([], null);

    private const string Everything = "*";

    // As they are spelt here, and in a function's own config.
    private static readonly Dictionary<string, string> Names = new(StringComparer.Ordinal)
    {
        ["background"] = "background",
        ["external_node_modules"] = "externalNodeModules",
        ["ignored_node_modules"] = "ignoredNodeModules",
        ["included_files"] = "includedFiles",
        ["memory"] = "memory",
        ["node_bundler"] = "nodeBundler",
        ["region"] = "region",
        ["schedule"] = "schedule",
        ["timeout"] = "timeout",
        ["vcpu"] = "vcpu",
    };

    // Said of all functions at once, and nothing of any of them.
    private static readonly string[] OthersNames = ["directory", "deno_import_map"];

    private readonly List<(string Name, Dictionary<string, object?> Values)> _sections;

    private FunctionSections(List<(string Name, Dictionary<string, object?> Values)> sections, string? directory)
    {
        // The more characters a name spells out, the more it counts; without any wildcard it counts most.
        _sections = [.. sections.OrderBy(section => WeightOf(section.Name))];
        Directory = directory;
    }

    /// <summary>Where functions lie, as written.</summary>
    public string? Directory { get; }

    /// <param name="mistake">Takes the key below [functions] and the rule; the value is then left out.</param>
    internal static FunctionSections Read(TomlTable functions, Action<IReadOnlyList<string>, string> mistake)
    {
        var everything = new Dictionary<string, object?>(StringComparer.Ordinal);
        var sections = new List<(string, Dictionary<string, object?>)> { (Everything, everything) };
        string? directory = null;
        foreach (var (key, value) in functions)
        {
            if (value is TomlTable table && (!IsKnown(key) || table.Keys.All(IsKnown)))
            {
                if (key == Everything && table.TryGetValue("directory", out var own))
                {
                    directory = own as string ?? directory;
                }

                sections.Add((key, ReadSection(key, table, mistake)));
            }
            else if (key == "directory")
            {
                directory = value as string ?? directory;
                if (value is not string)
                {
                    mistake([key], $"'{ValueText.Of(value)}' is not a text");
                }
            }
            else if (Names.TryGetValue(key, out var property))
            {
                Add(everything, property, value, rule => mistake([key], rule));
            }
            else if (!OthersNames.Contains(key))
            {
                mistake([key], $"{NearestName.Unknown(key, Names.Keys)}, and settings of a function are a table");
            }
        }

        return new FunctionSections([.. sections.Where(section => section.Item2.Count > 0)], directory);
    }

    /// <summary>What holds for a function: of all sections that match, the stronger over the weaker.</summary>
    /// <param name="baseDirectory">What patterns of included files are relative to.</param>
    public FunctionConfig For(string functionName, string baseDirectory)
    {
        var config = FunctionConfig.Empty;
        foreach (var (name, values) in _sections)
        {
            if (name == functionName || GlobPattern.TryParse(name)?.IsMatch(functionName) == true)
            {
                config = FunctionConfigReader.Read(values, baseDirectory, new ConfigFindings((_, _) => { }, (_, _) => { })).Over(config);
            }
        }

        return config;
    }

    private static Dictionary<string, object?> ReadSection(string name, TomlTable table, Action<IReadOnlyList<string>, string> mistake)
    {
        var values = new Dictionary<string, object?>(StringComparer.Ordinal);
        if (GlobPattern.TryParse(name) is null)
        {
            mistake([name], $"'{name}' is neither a function's name nor a glob");
            return values;
        }

        foreach (var (key, value) in table)
        {
            if (Names.TryGetValue(key, out var property))
            {
                Add(values, property, value, rule => mistake([name, key], rule));
            }
            else if (!OthersNames.Contains(key))
            {
                mistake([name, key], NearestName.Unknown(key, Names.Keys));
            }
        }

        if (values.ContainsKey("memory") && values.Remove("vcpu"))
        {
            mistake([name, "vcpu"], "`memory` and `vcpu` cannot both be set.");
        }

        return values;
    }

    // Each value is checked once here, so that a mistake is told once and not for every function.
    private static void Add(Dictionary<string, object?> values, string property, object? value, Action<string> mistake)
    {
        var (plain, isLegal) = (TomlValues.Plain(value), true);
        void OnFinding(string name, string rule)
        {
            isLegal = false;
            mistake(rule);
        }

        FunctionConfigReader.Read(new Dictionary<string, object?>(StringComparer.Ordinal) { [property] = plain }, "/", new ConfigFindings(OnFinding, OnFinding));
        if (isLegal)
        {
            values[property] = plain;
        }
    }

    private static bool IsKnown(string key) => Names.ContainsKey(key) || OthersNames.Contains(key);

    private static int WeightOf(string name)
    {
        var wildcards = name.Count(c => c == '*');
        return name.Length - wildcards - (wildcards == 0 ? 0 : 1);
    }
}
