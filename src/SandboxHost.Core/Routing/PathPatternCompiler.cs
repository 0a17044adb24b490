using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace SandboxHost.Routing;

/// <summary>
/// Turns the pathname syntax of the URL Pattern standard into a regular expression for .NET: names, groups, wildcards,
/// braces, modifiers and escapes. Only whether a path matches is asked here; the values of names are computed by the
/// runner, from the URL as the client wrote it.
/// </summary>
internal ref struct PathPatternCompiler
{
    private const string SegmentPattern = "[^/]+?";
    private const string WildcardPattern = ".*";

    private readonly string _text;
    private readonly StringBuilder _expression = new();
    private readonly HashSet<string> _names = [];
    private int _position;

    private PathPatternCompiler(string text) => _text = text;

    /// <exception cref="FormatException">The pattern breaks the syntax; the message says where.</exception>
    public static string Compile(string text)
    {
        var compiler = new PathPatternCompiler(text);
        compiler.Run();
        return compiler._expression.ToString();
    }

    private void Run()
    {
        // Fixed text is held back one '/' at a time, because a '/' right before a group belongs to the group.
        var prefix = "";
        while (_position < _text.Length)
        {
            var start = _position;
            if (TryReadGroup(out var group))
            {
                AppendPart(prefix, group, "", ReadModifier());
                prefix = "";
                continue;
            }

            if (_text[start] == '{')
            {
                AppendFixed(prefix);
                prefix = "";
                _position++;
                AppendBraces();
                continue;
            }

            var fixedText = ReadFixed();
            AppendFixed(prefix);
            prefix = "";
            if (fixedText == "/")
            {
                prefix = fixedText;
            }
            else
            {
                AppendFixed(fixedText);
            }
        }

        AppendFixed(prefix);
    }

    private void AppendBraces()
    {
        var before = ReadFixedRun();
        var group = TryReadGroup(out var found) ? found : null;
        var after = group is null ? "" : ReadFixedRun();
        if (_position >= _text.Length || _text[_position] != '}')
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

    private void AppendPart(string prefix, string pattern, string suffix, string modifier)
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
        switch (_text[_position])
        {
            case '*':
                _position++;
                pattern = WildcardPattern;
                return true;
            case '(':
                pattern = ReadRegex();
                return true;
            case ':':
                _position++;
                ReadName();
                pattern = _position < _text.Length && _text[_position] == '(' ? ReadRegex() : SegmentPattern;
                return true;
            default:
                return false;
        }
    }

    private void ReadName()
    {
        var start = _position;
        while (_position < _text.Length && (char.IsLetterOrDigit(_text[_position]) || _text[_position] is '_' or '$'))
        {
            _position++;
        }

        if (_position == start || char.IsDigit(_text[start]))
        {
            throw new FormatException($"a name is missing at {start}");
        }

        if (!_names.Add(_text[start.._position]))
        {
            throw new FormatException($"the name '{_text[start.._position]}' is used twice");
        }
    }

    private string ReadRegex()
    {
        var start = ++_position;
        var depth = 1;
        var inClass = false;
        var pattern = new StringBuilder();
        while (true)
        {
            if (_position >= _text.Length)
            {
                throw new FormatException($"missing ')' for the group at {start}");
            }

            var c = _text[_position++];
            if (c > 127)
            {
                throw new FormatException("a group holds ASCII only");
            }

            if (c == '\\' && _position < _text.Length)
            {
                pattern.Append(TranslateEscape(_text[_position++], inClass));
                continue;
            }

            if (c == '[')
            {
                inClass = true;
            }
            else if (c == ']')
            {
                inClass = false;
            }
            else if (c == '(' && !inClass)
            {
                depth++;
                if (_position >= _text.Length || _text[_position] != '?')
                {
                    throw new FormatException("a group inside a group must begin with (?:");
                }
            }
            else if (c == ')' && !inClass && --depth == 0)
            {
                return pattern.Length > 0 ? pattern.ToString() : throw new FormatException("a group is empty");
            }

            pattern.Append(c);
        }
    }

    // \d and friends mean ASCII in JavaScript and all of Unicode in .NET.
    private static string TranslateEscape(char c, bool inClass) => (c, inClass) switch
    {
        ('d', false) => "[0-9]",
        ('d', true) => "0-9",
        ('w', false) => "[A-Za-z0-9_]",
        ('w', true) => "A-Za-z0-9_",
        ('D', false) => "[^0-9]",
        ('W', false) => "[^A-Za-z0-9_]",
        _ => "\\" + c,
    };

    private string ReadModifier()
    {
        if (_position < _text.Length && _text[_position] is '?' or '*' or '+')
        {
            return _text[_position++].ToString();
        }

        return "";
    }

    private string ReadFixedRun()
    {
        var run = new StringBuilder();
        while (_position < _text.Length && _text[_position] is not ('{' or '}' or '(' or ')' or '*' or ':'))
        {
            run.Append(ReadFixed());
        }

        return run.ToString();
    }

    private string ReadFixed()
    {
        var c = _text[_position++];
        switch (c)
        {
            case '\\' when _position < _text.Length:
                return _text[_position++].ToString();
            case '}' or ')' or '\\' or '?' or '+':
                throw new FormatException($"unexpected '{c}' at {_position - 1}");
            default:
                return c.ToString();
        }
    }

    private readonly void AppendFixed(string text) => _expression.Append(Encode(text));

    // The standard compares with the path of a parsed URL, which is percent-encoded and, here, in lower case.
    private static string Encode(string text)
    {
        var encoded = new StringBuilder();
        Span<byte> utf8 = stackalloc byte[4];
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.Value is > 0x20 and < 0x7f and not ('"' or '#' or '<' or '>' or '`'))
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
