using Tomlyn.Model;

namespace SandboxHost.Sites.Settings;

/// <summary>TOML's values as the same plain ones that come from a module or a JSON file.</summary>
public static class TomlValues
{
    /// <returns>Texts, doubles, bools, lists and maps of them.</returns>
    public static object? Plain(object? value) => value switch
    {
        long number => (double)number,
        TomlTable table => table.ToDictionary(item => item.Key, item => Plain(item.Value), StringComparer.Ordinal),
        TomlArray list => list.Select(Plain).ToList(),
        TomlTableArray tables => tables.Select(Plain).ToList(),
        _ => value,
    };
}
