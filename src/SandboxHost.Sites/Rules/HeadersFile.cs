using System.Text.Json.Nodes;
using Tomlyn.Model;

namespace SandboxHost.Sites.Rules;

/// <summary>Header fields for a path as a file declares them: what @netlify/headers-parser makes of the same text.</summary>
/// <param name="Where">File and line or number, for messages.</param>
internal sealed record HeaderDeclaration(string Where, string For, IReadOnlyDictionary<string, string> Values)
{
    /// <summary>The same for declarations that say the same, wherever they stand.</summary>
    public string Key => $"{For}\n{string.Join('\n', Values.OrderBy(value => value.Key, StringComparer.Ordinal).Select(value => $"{value.Key}\0{value.Value}"))}";
}

/// <summary>
/// Reads header rules: a <c>_headers</c> file (a path, then <c>Name: value</c> lines) and the <c>[[headers]]</c> of a
/// netlify.toml. What is wrong is reported and left out; the others hold.
/// </summary>
internal static class HeadersFile
{
    public const string Name = "_headers";

    private const int MaxLine = 16 * 1024;

    public static IEnumerable<HeaderDeclaration> Read(string file, string text, Action<string> mistake)
    {
        var blocks = new List<(string Where, string Path, Dictionary<string, string> Values)>();
        var number = 0;
        foreach (var raw in text.Split('\n'))
        {
            number++;
            var line = raw.Trim();
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            if (line.Length > MaxLine)
            {
                mistake($"{file}:{number}: The line is longer than {MaxLine} characters");
            }
            else if (line[0] == '/')
            {
                blocks.Add(($"{file}:{number}", line, new Dictionary<string, string>(StringComparer.Ordinal)));
            }
            else if (ReadField(line, blocks) is { } wrong)
            {
                mistake($"{file}:{number}: {wrong}");
            }
        }

        return blocks
            .Select(block => Normalized(block.Where, block.Path, block.Values.ToDictionary(value => value.Key, value => CommaSeparated(value.Value), StringComparer.Ordinal)))
            .OfType<HeaderDeclaration>();
    }

    public static IEnumerable<HeaderDeclaration> Read(string file, TomlTable root, Action<string> mistake)
    {
        var number = 0;
        foreach (var entry in TomlJson.Entries(root, "headers", $"{file}: ", mistake))
        {
            number++;
            var where = $"{file}: headers[{number}]";
            var wrong = ReadEntry(where, entry, out var declaration);
            if (wrong is not null)
            {
                mistake($"{where}: {wrong}");
            }
            else if (declaration is not null)
            {
                yield return declaration;
            }
        }
    }

    private static string? ReadField(string line, List<(string Where, string Path, Dictionary<string, string> Values)> blocks)
    {
        var colon = line.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0)
        {
            // Netlify's parser says nothing either.
            return null;
        }

        var (name, value) = (line[..colon].Trim(), line[(colon + 1)..].Trim());
        if (name.Length == 0 || value.Length == 0)
        {
            return name.Length == 0 ? "Missing header name" : "Missing header value";
        }

        if (blocks.Count == 0)
        {
            return $"Path should come before header \"{name}\"";
        }

        var values = blocks[^1].Values;
        values[name] = values.TryGetValue(name, out var before) ? $"{before}, {value}" : value;
        return null;
    }

    private static string? ReadEntry(string where, JsonObject entry, out HeaderDeclaration? declaration)
    {
        declaration = null;
        if (!entry.TryGetPropertyValue("for", out var path))
        {
            return "Missing \"for\" field";
        }

        if (path is not JsonValue pathValue || !pathValue.TryGetValue<string>(out var text))
        {
            return $"\"for\" must be a string not: {path}";
        }

        if (!entry.TryGetPropertyValue("values", out var values))
        {
            return null;
        }

        if (values is not JsonObject table)
        {
            return $"\"values\" must be an object not: {values}";
        }

        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in table)
        {
            if (TextOf(value) is not { } joined)
            {
                return $"Header \"{name}\" value must be a string not: {value}";
            }

            fields[name] = joined;
        }

        if (fields.Keys.Any(name => string.IsNullOrWhiteSpace(name)))
        {
            return "Empty header name";
        }

        declaration = Normalized(where, text, fields);
        return null;
    }

    private static string? TextOf(JsonNode? value) => value switch
    {
        JsonValue single when single.TryGetValue<string>(out var text) => CommaSeparated(text),
        JsonArray list when list.All(item => item is JsonValue entry && entry.TryGetValue<string>(out _)) =>
            string.Join(", ", list.Select(item => item!.GetValue<string>().Trim())),
        _ => null,
    };

    private static HeaderDeclaration? Normalized(string where, string path, Dictionary<string, string> values)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in values)
        {
            fields[name.Trim()] = value;
        }

        return fields.Count == 0 ? null : new HeaderDeclaration(where, path.Trim(), fields);
    }

    // A value may be spread over lines.
    private static string CommaSeparated(string value) => string.Join(", ", value.Trim().Split(',').Select((part, index) => index == 0 ? part.TrimEnd() : part.Trim()));
}
