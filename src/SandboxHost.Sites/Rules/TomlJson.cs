using System.Text.Json.Nodes;
using SandboxHost.Sites.Settings;
using Tomlyn.Model;

namespace SandboxHost.Sites.Rules;

/// <summary>TOML values as JSON ones, so that rules from files of both kinds are read in one way.</summary>
internal static class TomlJson
{
    /// <summary>The tables of an array of tables; one that is none is reported.</summary>
    public static IEnumerable<JsonObject> Entries(TomlTable root, string name, string prefix, Action<string> mistake)
    {
        if (!root.TryGetValue(name, out var value))
        {
            return [];
        }

        if (value is not IEnumerable<object?> list || value is TomlTable)
        {
            mistake($"{prefix}\"{name}\" must be an array");
            return [];
        }

        var entries = new List<JsonObject>();
        foreach (var item in list)
        {
            if (item is TomlTable table)
            {
                entries.Add(Of(table));
            }
            else
            {
                mistake($"{prefix}{name} = '{ValueText.Of(item)}': tables, written as [[{name}]]");
            }
        }

        return entries;
    }

    private static JsonObject Of(TomlTable table)
    {
        var json = new JsonObject();
        foreach (var (key, value) in table)
        {
            json[key] = Of(value);
        }

        return json;
    }

    private static JsonNode? Of(object? value) => value switch
    {
        TomlTable table => Of(table),
        string text => text,
        bool truth => truth,
        long number => number,
        double number when double.IsFinite(number) => number,
        IEnumerable<object?> list => new JsonArray([.. list.Select(Of)]),
        _ => ValueText.Of(value),
    };
}
