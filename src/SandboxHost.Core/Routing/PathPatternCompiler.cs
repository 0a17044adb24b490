using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace SandboxHost.Routing;

/// <summary>
/// Turns the pathname syntax of the URL Pattern standard into a regular expression for .NET: names, groups, wildcards,
/// braces, modifiers and escapes. Only whether a path matches is asked here; the values of names are computed by the
/// runner, from the URL as the client wrote it.
/// </summary>
/// <remarks>
/// Compared with Node's URLPattern by a test. Meant differences: percent-encodings compare in lower case, as the path
/// does; dot segments inside a pattern are not resolved; <see cref="GroupExpression"/> refuses what can't be linear.
/// </remarks>
internal ref struct PathPatternCompiler
{
    private const string SegmentPattern = "[^/]+?";
    private const string WildcardPattern = ".*";

    /// <summary>Longest pattern. One with a thousand groups would still be quick; one with a hundred thousand would not.</summary>
    private const int MaxLength = 4096;

    private readonly string _text;
    private readonly StringBuilder _expression = new();
    private readonly StringBuilder _fixed = new();
    private readonly HashSet<string> _names = [];
    private int _position;

    // An escaped '/' is ordinary text and belongs to no group.
    private bool _endsInPlainSlash;

    private PathPatternCompiler(string text) => _text = text;

    private readonly bool AtEnd => _position >= _text.Length;

    /// <exception cref="FormatException">The pattern breaks the syntax; the message says where.</exception>
    public static string Compile(string text)
    {
        if (text.Length > MaxLength)
        {
            throw new FormatException($"more than {MaxLength} characters are not supported");
        }

        var compiler = new PathPatternCompiler(text);
        compiler.Run();
        return compiler._expression.ToString();
    }

    private void Run()
    {
        while (!AtEnd)
        {
            if (TryReadGroup(out var group))
            {
                // A '/' right before a group belongs to the group: in /a/:x? it is as optional as x.
                AppendPart(TakePrefix(), group, "", ReadModifier());
            }
            else if (_text[_position] == '{')
            {
                AppendFixed();
                _position++;
                AppendBraces();
            }
            else
            {
                var isPlainSlash = _text[_position] == '/';
                _fixed.Append(ReadFixed());
                _endsInPlainSlash = isPlainSlash;
            }
        }

        AppendFixed();
    }

    private string TakePrefix()
    {
        var prefix = "";
        if (_endsInPlainSlash)
        {
            _fixed.Length--;
            prefix = "/";
        }

        AppendFixed();
        return prefix;
    }

    private void AppendBraces()
    {
        var before = ReadFixedRun();
        var group = TryReadGroup(out var found) ? found : null;
        var after = group is null ? "" : ReadFixedRun();
        if (AtEnd || _text[_position] != '}')
        {
            throw new FormatException($"missing '}}' at {_position}");
        }

        _position++;
        var modifier = ReadModifier();
        if (group is null)
        {
            _expression.Append("(?:").Append(Encode(before)).Append(')').Append(modifier);
            return;
        }

        AppendPart(before, group, after, modifier);
    }

    private readonly void AppendPart(string prefix, string pattern, string suffix, string modifier)
    {
        var before = Encode(prefix);
        var after = Encode(suffix);
        if (modifier is "+" or "*")
        {
            // A repetition repeats what is around the group, too: /:x+ is /a/b/c.
            _expression.Append(CultureInfo.InvariantCulture, $"(?:{before}(?:{pattern})(?:{after}{before}(?:{pattern}))*{after})");
            _expression.Append(modifier == "*" ? "?" : "");
            return;
        }

        _expression.Append(CultureInfo.InvariantCulture, $"(?:{before}(?:{pattern}){after}){modifier}");
    }

    private bool TryReadGroup(out string pattern)
    {
        pattern = "";
        switch (AtEnd ? '\0' : _text[_position])
        {
            case '*':
                _position++;
                pattern = WildcardPattern;
                return true;
            case '(':
                pattern = GroupExpression.Read(_text, ref _position);
                return true;
            case ':':
                _position++;
                ReadName();
                pattern = !AtEnd && _text[_position] == '(' ? GroupExpression.Read(_text, ref _position) : SegmentPattern;
                return true;
            default:
                return false;
        }
    }

    private void ReadName()
    {
        var start = _position;
        while (!AtEnd && Rune.TryGetRuneAt(_text, _position, out var rune) && IsNamePart(rune, isFirst: _position == start))
        {
            _position += rune.Utf16SequenceLength;
        }

        if (_position == start)
        {
            throw new FormatException($"a name is missing at {start}");
        }

        if (!_names.Add(_text[start.._position]))
        {
            throw new FormatException($"the name '{_text[start.._position]}' is used twice");
        }
    }

    // An identifier as in JavaScript: ID_Start, then ID_Continue, U+200C and U+200D.
    private static bool IsNamePart(Rune rune, bool isFirst) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
            or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter or UnicodeCategory.LetterNumber => true,
        UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.DecimalDigitNumber => !isFirst,
        UnicodeCategory.ConnectorPunctuation => !isFirst || rune.Value == '_',
        _ => rune.Value == '$' || (!isFirst && rune.Value is 0x200C or 0x200D),
    };

    private string ReadModifier() => !AtEnd && _text[_position] is '?' or '*' or '+' ? _text[_position++].ToString() : "";

    private string ReadFixedRun()
    {
        var run = new StringBuilder();
        while (!AtEnd && _text[_position] is not ('{' or '}' or '(' or '*' or ':' or '?' or '+'))
        {
            run.Append(ReadFixed());
        }

        return run.ToString();
    }

    private char ReadFixed()
    {
        var c = _text[_position++];
        return c switch
        {
            '\\' when !AtEnd => _text[_position++],
            '}' or '\\' or '?' or '+' => throw new FormatException($"unexpected '{c}' at {_position - 1}"),
            _ => c,
        };
    }

    private void AppendFixed()
    {
        _expression.Append(Encode(_fixed.ToString()));
        _fixed.Clear();
        _endsInPlainSlash = false;
    }

    // The standard compares with the path of a parsed URL, which is percent-encoded and, here, in lower case.
    private static string Encode(string text)
    {
        var encoded = new StringBuilder();
        Span<byte> utf8 = stackalloc byte[4];
        foreach (var rune in text.EnumerateRunes())
        {
            // A URL parser drops these wherever they are.
            if (rune.Value is '\t' or '\n' or '\r')
            {
                continue;
            }

            if (!UrlPath.IsEncoded(rune))
            {
                encoded.Append(Regex.Escape(rune.ToString()));
                continue;
            }

            foreach (var b in utf8[..rune.EncodeToUtf8(utf8)])
            {
                encoded.Append(CultureInfo.InvariantCulture, $"%{b:x2}");
            }
        }

        return encoded.ToString();
    }
}
