using System.Buffers;

namespace SandboxHost.Sites.Settings;

/// <summary>
/// Reads the text of a .env file by the rules of the npm package dotenv, which Netlify's tools use: NAME=value, an
/// "export" before it, comments, three kinds of quotes that may hold line breaks, \n and \r in double quotes. Variables in
/// values are not expanded. A line that is nothing of this is passed over.
/// </summary>
public static class DotEnvParser
{
    private static readonly SearchValues<char> NameCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

    /// <returns>The last of two values for one name wins.</returns>
    public static Dictionary<string, string> Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        text = text.ReplaceLineEndings("\n");
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        var position = 0;
        while (position < text.Length)
        {
            position = TryReadVariable(text, position, variables) ?? EndOfLine(text, position) + 1;
        }

        return variables;
    }

    /// <returns>Where the next line begins; null when no variable stands here.</returns>
    private static int? TryReadVariable(string text, int position, Dictionary<string, string> variables)
    {
        const string Export = "export";
        position = SkipSpaces(text, position);
        var afterExport = string.CompareOrdinal(text, position, Export, 0, Export.Length) == 0 ? SkipSpaces(text, position + Export.Length) : position;

        // "export = 1" is a variable of that name.
        return (afterExport > position + Export.Length ? TryReadNamed(text, afterExport, variables) : null) ?? TryReadNamed(text, position, variables);
    }

    private static int? TryReadNamed(string text, int position, Dictionary<string, string> variables)
    {
        var end = position;
        while (end < text.Length && NameCharacters.Contains(text[end]))
        {
            end++;
        }

        if (end == position || SkipSeparator(text, end) is not { } start)
        {
            return null;
        }

        // A quoted value may begin on a later line; a plain one stands on this.
        var (value, next) = ReadQuoted(text, SkipSpaces(text, start)) ?? ReadPlain(text, start);
        variables[text[position..end]] = value;
        return next;
    }

    // "NAME=", "NAME =" or "NAME: ".
    private static int? SkipSeparator(string text, int position)
    {
        if (position + 1 < text.Length && text[position] == ':' && char.IsWhiteSpace(text[position + 1]))
        {
            // A line break is the space after the colon, and the value's line is the next.
            return position + 2;
        }

        position = SkipSpaces(text, position);
        return position < text.Length && text[position] == '=' ? position + 1 : null;
    }

    private static (string Value, int Next)? ReadQuoted(string text, int start)
    {
        if (start >= text.Length || text[start] is not ('"' or '\'' or '`'))
        {
            return null;
        }

        var quote = text[start];
        var escaped = new Stack<int>();
        for (var i = start + 1; i < text.Length; i++)
        {
            if (text[i] != quote)
            {
                continue;
            }

            if (text[i - 1] == '\\')
            {
                escaped.Push(i);
                continue;
            }

            if (RestAfter(text, i) is { } rest)
            {
                return (Unescape(text[(start + 1)..i], quote), rest);
            }

            break;
        }

        // "C:\" ends with a backslash after all.
        foreach (var close in escaped)
        {
            if (RestAfter(text, close) is { } rest)
            {
                return (Unescape(text[(start + 1)..close], quote), rest);
            }
        }

        return null;
    }

    private static (string Value, int Next) ReadPlain(string text, int start)
    {
        var end = EndOfLine(text, start);
        var value = text[start..end];
        var comment = value.IndexOf('#', StringComparison.Ordinal);
        value = (comment < 0 ? value : value[..comment]).Trim();
        var quote = value.Length > 0 ? value[0] : '\0';
        if (value.Length > 1 && quote is '"' or '\'' or '`' && value[^1] == quote)
        {
            value = value[1..^1];
        }

        return (quote == '"' ? Unescape(value, quote) : value, end + 1);
    }

    // After the closing quote only a comment may follow on its line.
    private static int? RestAfter(string text, int close)
    {
        var position = close + 1;
        while (position < text.Length && text[position] != '\n' && char.IsWhiteSpace(text[position]))
        {
            position++;
        }

        return position >= text.Length || text[position] is '\n' or '#' ? EndOfLine(text, position) + 1 : null;
    }

    private static string Unescape(string value, char quote) => quote == '"'
        ? value.Replace("\\n", "\n", StringComparison.Ordinal).Replace("\\r", "\r", StringComparison.Ordinal)
        : value;

    private static int SkipSpaces(string text, int position)
    {
        while (position < text.Length && char.IsWhiteSpace(text[position]))
        {
            position++;
        }

        return position;
    }

    private static int EndOfLine(string text, int position)
    {
        var end = position >= text.Length ? -1 : text.IndexOf('\n', position);
        return end < 0 ? text.Length : end;
    }
}
