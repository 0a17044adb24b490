using System.Text.Json;

namespace SandboxHost.Sites.Config;

/// <summary>JSON's values as the same plain ones that come from a module or a TOML file.</summary>
internal static class JsonValues
{
    /// <returns>Texts, doubles, bools, null, lists and maps of them.</returns>
    public static object? Plain(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number => value.GetDouble(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Array => value.EnumerateArray().Select(Plain).ToList(),
        JsonValueKind.Object => value.EnumerateObject().GroupBy(item => item.Name, StringComparer.Ordinal)
            .ToDictionary(items => items.Key, items => Plain(items.Last().Value), StringComparer.Ordinal),
        _ => null,
    };
}
