using Tomlyn;
using Tomlyn.Model;
using Tomlyn.Parsing;

namespace SandboxHost.Sites.Settings;

/// <summary>
/// What a netlify.toml says for one deploy context (reference §12). Keys that are nobody's here pass: builds, plugins,
/// edge functions and the like are not the host's business.
/// </summary>
public sealed class NetlifyToml
{
    public const string FileName = "netlify.toml";

    public static readonly NetlifyToml Empty = new();

    private static readonly string[] BuildKeys =
        ["base", "publish", "functions", "environment", "command", "ignore", "processing", "edge_functions", "extensions", "services"];

    private static readonly string[] DevKeys =
    [
        "functions", "publish", "port", "envFiles", "command", "targetPort", "functionsPort", "framework", "https", "autoLaunch",
        "jwtSecret", "jwtRolePath", "staticServerPort", "base", "edgeFunctions", "skipWaitPort", "waitTimeout", "processing",
    ];

    private static readonly string[] TopKeys =
    [
        "build", "dev", "functions", "context", "redirects", "headers", "plugins", "edge_functions", "images", "template",
        "integrations", "extensions", "skew_protection", "db", "agents", "graph", "settings", "forms",
    ];

    // What [context.NAME] may set directly, meaning [context.NAME.build].
    private static readonly HashSet<string> BuildKeysOfContexts = new(BuildKeys, StringComparer.Ordinal);

    /// <summary>Everything in the file, with the sections of the deploy context laid over the rest.</summary>
    public TomlTable Root { get; private init; } = [];

    /// <summary>[build] base, as written.</summary>
    public string? Base { get; private init; }

    /// <summary>[build] publish, as written.</summary>
    public string? Publish { get; private init; }

    /// <summary>[functions] directory, else the older [build] functions, as written.</summary>
    public string? FunctionsDirectory { get; private init; }

    /// <summary>[build.environment].</summary>
    public IReadOnlyDictionary<string, string> Environment { get; private init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>[dev] functions, as written.</summary>
    public string? DevFunctionsDirectory { get; private init; }

    /// <summary>[dev] publish, as written.</summary>
    public string? DevPublish { get; private init; }

    /// <summary>[dev] port.</summary>
    public int? DevPort { get; private init; }

    /// <summary>[dev] envFiles, the strongest first; null when it is not set.</summary>
    public IReadOnlyList<string>? EnvFiles { get; private init; }

    public FunctionSections Functions { get; private init; } = FunctionSections.Empty;

    /// <summary>Reads the text of a netlify.toml. Every mistake is reported with file, line, key, value and rule.</summary>
    /// <returns>Null when it is no TOML.</returns>
    public static NetlifyToml? Parse(string text, DeployContext context, ICollection<string> mistakes)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(mistakes);
        try
        {
            var written = TomlText.Read(text);

            // It takes a key twice. Netlify's parser does not, and which of the two counts nobody can see.
            SyntaxParser.ParseStrict(text);
            return new Reading(text, written, context, mistakes).Read();
        }
        catch (TomlException ex)
        {
            mistakes.Add($"{FileName}: {ex.Message}");
            return null;
        }
    }

    private sealed class Reading(string text, TomlTable written, DeployContext context, ICollection<string> mistakes)
    {
        private readonly Lazy<TomlLines> _lines = new(() => new TomlLines(text));

        public NetlifyToml Read()
        {
            var root = Merge();
            var (build, dev, functions) = (Table(root, "build"), Table(root, "dev"), Table(root, "functions"));
            WarnOfUnknown(root, [], TopKeys);
            WarnOfUnknown(build, ["build"], BuildKeys);
            WarnOfUnknown(dev, ["dev"], DevKeys);
            var sections = FunctionSections.Read(functions, (key, rule) => Mistake(["functions", .. key], rule));
            return new NetlifyToml
            {
                Root = root,
                Base = Text(build, "build", "base"),
                Publish = Text(build, "build", "publish"),
                FunctionsDirectory = sections.Directory ?? Text(build, "build", "functions"),
                Environment = ReadEnvironment(build),
                DevFunctionsDirectory = Text(dev, "dev", "functions"),
                DevPublish = Text(dev, "dev", "publish"),
                DevPort = ReadPort(dev),
                EnvFiles = ReadEnvFiles(dev),
                Functions = sections,
            };
        }

        private TomlTable Merge()
        {
            var root = new TomlTable();
            foreach (var (key, value) in written.Where(item => item.Key != "context"))
            {
                root[key] = value;
            }

            var contexts = Table(written, "context");
            foreach (var name in context.SectionsAmong([.. contexts.Keys]))
            {
                if (contexts[name] is TomlTable section)
                {
                    root = Over(root, WithBuild(section));
                }
                else
                {
                    Mistake(["context", name], $"'{ValueText.Of(contexts[name])}' is not a table");
                }
            }

            return root;
        }

        private static TomlTable WithBuild(TomlTable section)
        {
            var build = new TomlTable();
            var rest = new TomlTable();
            foreach (var (key, value) in section)
            {
                // [context.NAME.functions] configures functions, `functions = "dir"` says where they lie.
                var isBuild = BuildKeysOfContexts.Contains(key) && !(key == "functions" && value is TomlTable) && !(key == "edge_functions" && value is not string);
                (isBuild ? build : rest)[key] = value;
            }

            return build.Count == 0 ? rest : Over(new TomlTable { ["build"] = build }, rest);
        }

        // Tables merge, everything else is replaced.
        private static TomlTable Over(TomlTable weaker, TomlTable stronger)
        {
            var merged = new TomlTable();
            foreach (var (key, value) in weaker)
            {
                merged[key] = value;
            }

            foreach (var (key, value) in stronger)
            {
                merged[key] = value is TomlTable table && merged.TryGetValue(key, out var below) && below is TomlTable other ? Over(other, table) : value;
            }

            return merged;
        }

        private TomlTable Table(TomlTable parent, string key)
        {
            if (!parent.TryGetValue(key, out var value) || value is TomlTable)
            {
                return value as TomlTable ?? [];
            }

            Mistake([key], $"'{ValueText.Of(value)}' is not a table");
            return [];
        }

        private string? Text(TomlTable table, string section, string key)
        {
            if (!table.TryGetValue(key, out var value) || value is string)
            {
                return value as string;
            }

            Mistake([section, key], $"'{ValueText.Of(value)}' is not a text");
            return null;
        }

        private Dictionary<string, string> ReadEnvironment(TomlTable build)
        {
            var variables = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var (name, value) in build.TryGetValue("environment", out var environment) && environment is TomlTable table ? table : [])
            {
                if (value is string or long or double or bool)
                {
                    variables[name] = ValueText.Of(value);
                }
                else
                {
                    Mistake(["build", "environment", name], $"'{ValueText.Of(value)}' is not a text");
                }
            }

            return variables;
        }

        private int? ReadPort(TomlTable dev)
        {
            if (!dev.TryGetValue("port", out var value))
            {
                return null;
            }

            if (value is long and >= 0 and <= ushort.MaxValue)
            {
                return (int)(long)value;
            }

            Mistake(["dev", "port"], $"'{ValueText.Of(value)}' is not a port from 0 to {ushort.MaxValue}");
            return null;
        }

        private List<string>? ReadEnvFiles(TomlTable dev)
        {
            if (!dev.TryGetValue("envFiles", out var value))
            {
                return null;
            }

            if (value is TomlArray list && list.All(item => item is string))
            {
                return [.. list.OfType<string>()];
            }

            Mistake(["dev", "envFiles"], $"'{ValueText.Of(value)}' is not a list of texts");
            return null;
        }

        // Many keys are other tools' own. Only what looks like a slip of the pen is worth a word.
        private void WarnOfUnknown(TomlTable table, IReadOnlyList<string> path, string[] known)
        {
            foreach (var key in table.Keys.Where(key => !known.Contains(key) && NearestName.Of(key, known) is not null))
            {
                Mistake([.. path, key], NearestName.Unknown(key, known));
            }
        }

        private void Mistake(IReadOnlyList<string> key, string rule) =>
            mistakes.Add($"{FileName}:{LineOf(key)}: {string.Join('.', key)}: {rule}");

        // The value may stand in the section of the context.
        private int LineOf(IReadOnlyList<string> key)
        {
            var line = _lines.Value.Of(key);
            var inContext = context.SectionsAmong([.. Table(written, "context").Keys])
                .SelectMany(name => new[] { _lines.Value.Exact(["context", name, .. key]), key[0] == "build" ? _lines.Value.Exact(["context", name, .. key.Skip(1)]) : null })
                .OfType<int>();
            return inContext.DefaultIfEmpty(line).Last();
        }
    }
}
