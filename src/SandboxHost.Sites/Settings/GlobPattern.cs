using DotNet.Globbing;

namespace SandboxHost.Sites.Settings;

/// <summary>
/// A glob as Netlify's tools read it: * and ? within a segment, ** over segments, [abc], {a,b}. Names that begin with a dot
/// match like any others.
/// </summary>
public sealed class GlobPattern
{
    /// <summary>Braces multiply: {a,b}{c,d} is four patterns.</summary>
    private const int MaxAlternatives = 1000;

    private readonly List<Glob> _alternatives;

    private GlobPattern(List<Glob> alternatives) => _alternatives = alternatives;

    /// <returns>Null when the text is no glob.</returns>
    public static GlobPattern? TryParse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var alternatives = ExpandBraces(text).Take(MaxAlternatives + 1).ToList();
        if (text.Length == 0 || alternatives.Count > MaxAlternatives)
        {
            return null;
        }

        try
        {
            return new GlobPattern([.. alternatives.Select(Glob.Parse)]);
        }
        catch (Exception ex) when (ex is FormatException or ArgumentException or InvalidOperationException)
        {
            return null;
        }
    }

    public bool IsMatch(string text) => _alternatives.Exists(glob => glob.IsMatch(text));

    /// <summary>The directory that every match lies in: the segments before the first with a special character.</summary>
    public static string DirectoryOf(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var special = text.AsSpan().IndexOfAny("*?[{");
        var end = text.LastIndexOf('/', special < 0 ? text.Length - 1 : special);
        return end < 0 ? "" : text[..end];
    }

    private static IEnumerable<string> ExpandBraces(string text)
    {
        var open = text.IndexOf('{', StringComparison.Ordinal);
        if (open < 0 || ClosingBrace(text, open) is not { } close)
        {
            return [text];
        }

        var parts = SplitAlternatives(text[(open + 1)..close]);
        return parts.Count < 2
            ? ExpandBraces(text[(close + 1)..]).Select(rest => text[..(close + 1)] + rest)
            : parts.SelectMany(part => ExpandBraces(text[..open] + part + text[(close + 1)..]));
    }

    private static int? ClosingBrace(string text, int open)
    {
        var depth = 0;
        for (var i = open; i < text.Length; i++)
        {
            depth += text[i] switch { '{' => 1, '}' => -1, _ => 0 };
            if (depth == 0)
            {
                return i;
            }
        }

        return null;
    }

    private static List<string> SplitAlternatives(string text)
    {
        var (parts, start, depth) = (new List<string>(), 0, 0);
        for (var i = 0; i < text.Length; i++)
        {
            depth += text[i] switch { '{' => 1, '}' => -1, _ => 0 };
            if (text[i] == ',' && depth == 0)
            {
                parts.Add(text[start..i]);
                start = i + 1;
            }
        }

        return [.. parts, text[start..]];
    }
}
