using Tomlyn.Parsing;
using Tomlyn.Syntax;

namespace SandboxHost.Sites.Settings;

/// <summary>On which line of a TOML file a key stands, for messages.</summary>
internal sealed class TomlLines
{
    private readonly Dictionary<string, int> _lines = new(StringComparer.Ordinal);

    /// <param name="text">Must be TOML that was read already.</param>
    public TomlLines(string text)
    {
        var document = SyntaxParser.Parse(text);
        Add("", document.KeyValues);
        foreach (var table in document.Tables)
        {
            var name = NameOf("", table.Name);
            _lines.TryAdd(name, table.Span.Start.Line + 1);
            Add(name, table.Items);
        }
    }

    /// <summary>The line of a key, or of the nearest table around it; 1 is the first.</summary>
    public int Of(params IEnumerable<string> key)
    {
        var path = string.Concat(key.Select(part => part + "\0"));
        while (path.Length > 0)
        {
            if (_lines.TryGetValue(path, out var line))
            {
                return line;
            }

            path = path[..(path.LastIndexOf('\0', path.Length - 2) + 1)];
        }

        return 1;
    }

    /// <summary>The line of exactly this key; null when it does not stand by itself.</summary>
    public int? Exact(params IEnumerable<string> key) =>
        _lines.TryGetValue(string.Concat(key.Select(part => part + "\0")), out var line) ? line : null;

    private void Add(string table, IEnumerable<KeyValueSyntax> items)
    {
        foreach (var item in items)
        {
            _lines.TryAdd(NameOf(table, item.Key), item.Span.Start.Line + 1);
        }
    }

    private static string NameOf(string table, KeySyntax? key)
    {
        var parts = (key?.DotKeys ?? []).Select(item => item.Key).Prepend(key?.Key);
        return table + string.Concat(parts.Select(part => part switch
        {
            StringValueSyntax text => text.Value,
            BareKeySyntax bare => bare.Key?.Text,
            _ => "",
        } + "\0"));
    }
}
