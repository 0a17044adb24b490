using System.Text.Json.Nodes;
using Tomlyn.Model;

namespace SandboxHost.Sites.Rules;

/// <summary>Reads the <c>[[redirects]]</c> of a netlify.toml. An entry that is wrong is reported and left out.</summary>
internal static class RedirectTables
{
    public static IEnumerable<RedirectDeclaration> Read(string file, TomlTable root, Action<string> mistake)
    {
        var number = 0;
        foreach (var entry in TomlJson.Entries(root, "redirects", $"{file}: ", mistake))
        {
            number++;
            var where = $"{file}: redirects[{number}]";
            RedirectDeclaration declaration;
            try
            {
                declaration = ReadEntry(where, entry);
            }
            catch (FormatException ex)
            {
                mistake($"{where}: {ex.Message}");
                continue;
            }

            yield return declaration;
        }
    }

    private static RedirectDeclaration ReadEntry(string where, JsonObject entry) => RedirectDeclaration.Create(
        where,
        Text(entry, "from", "origin"),
        Text(entry, "to", "destination"),
        entry["status"]?.ToString(),
        entry["force"] is JsonValue force && force.TryGetValue<bool>(out var isForced) && isForced,
        Table(entry, "query", "params", "parameters") ?? [],
        Table(entry, "conditions") ?? [],
        Text(entry, "signed", "signing", "sign"),
        Table(entry, "headers"),
        Table(entry, "rate_limit"));

    // The other names are what the first was called before.
    private static string? Text(JsonObject entry, params string[] names)
    {
        var name = names.FirstOrDefault(entry.ContainsKey);
        return name is null ? null
            : entry[name] is JsonValue value && value.TryGetValue<string>(out var text) ? text
            : throw new FormatException($"{name} = '{entry[name]}': a text");
    }

    private static JsonObject? Table(JsonObject entry, params string[] names)
    {
        var name = names.FirstOrDefault(entry.ContainsKey);
        return name is null ? null
            : entry[name] is JsonObject table ? (JsonObject)table.DeepClone()
            : throw new FormatException($"\"{name}\" field must be an object");
    }
}
