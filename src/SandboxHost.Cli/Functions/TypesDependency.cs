using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace SandboxHost.Cli.Functions;

/// <summary>
/// Makes package.json ask for the package that has the types. Nothing of it runs, so a function without it works; only
/// editors and tsc miss it.
/// </summary>
internal static partial class TypesDependency
{
    public const string Package = "@netlify/functions";

    private const string Version = "^6.0.0";

    public enum Outcome
    {
        Added,
        WasThere,
        NoPackageFile,
        Unreadable,
    }

    public static Outcome Add(string site)
    {
        var file = Path.Combine(site, "package.json");
        if (!File.Exists(file))
        {
            return Outcome.NoPackageFile;
        }

        var text = File.ReadAllText(file);
        try
        {
            if (JsonNode.Parse(text) is not JsonObject package)
            {
                return Outcome.Unreadable;
            }

            if (Has(package, "dependencies") || Has(package, "devDependencies"))
            {
                return Outcome.WasThere;
            }

            if (package["devDependencies"] is not JsonObject dependencies)
            {
                package["devDependencies"] = dependencies = [];
            }

            Insert(dependencies);
            File.WriteAllText(file, Write(package, text));
            return Outcome.Added;
        }
        catch (JsonException)
        {
            return Outcome.Unreadable;
        }
    }

    private static bool Has(JsonObject package, string member) => package[member] is JsonObject dependencies && dependencies.ContainsKey(Package);

    // In the order of their names, as npm keeps them.
    private static void Insert(JsonObject dependencies)
    {
        var place = dependencies.Count(dependency => string.CompareOrdinal(dependency.Key, Package) < 0);
        dependencies.Insert(place, Package, Version);
    }

    // As its author indents it.
    private static string Write(JsonObject package, string before)
    {
        var indent = Indent().Match(before).Groups["indent"].Value;
        var options = new JsonSerializerOptions
        {
            WriteIndented = true,
            NewLine = before.Contains("\r\n", StringComparison.Ordinal) ? "\r\n" : "\n",
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            IndentCharacter = indent.StartsWith('\t') ? '\t' : ' ',
            IndentSize = indent.Length is > 0 and <= 8 ? indent.Length : 2,
        };
        return package.ToJsonString(options) + (before.EndsWith('\n') ? options.NewLine : "");
    }

    [GeneratedRegex("""^\{\r?\n(?<indent>[ \t]+)""", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Indent();
}
