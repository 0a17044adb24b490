using System.Globalization;
using System.Text;

namespace SandboxHost.Routing;

/// <summary>
/// Reads the regular expression of a group, <c>(…)</c>, in a path pattern and writes it for .NET. An author means
/// JavaScript's syntax (with the flag v, as the URL Pattern standard says); passed on as it is, much of it would mean
/// something else. What needs an engine with backtracking, and what is too rare to be worth translating, is refused:
/// the message then says "not supported".
/// </summary>
internal ref struct GroupExpression
{
    private const int MaxDepth = 50;
    private const int MaxRepetitions = 1000;

    // Doubled inside a class they are, or may become, operators.
    private const string DoublePunctuators = "&!#$%*+,.:;<=>?@^`~";

    private readonly string _text;
    private readonly StringBuilder _expression = new();
    private int _position;

    private GroupExpression(string text) => _text = text;

    /// <param name="position">At the opening bracket; afterwards behind the closing one.</param>
    /// <exception cref="FormatException">The group is broken, or not supported.</exception>
    public static string Read(string pattern, ref int position)
    {
        var text = Cut(pattern, ref position);
        var group = new GroupExpression(text);
        group.Translate();
        return group._expression.ToString();
    }

    // The standard finds a group's end by brackets alone, whether or not they stand inside a class.
    private static string Cut(string pattern, ref int position)
    {
        var start = ++position;
        if (start < pattern.Length && pattern[start] == '?')
        {
            throw new FormatException("a group must not begin with '?'");
        }

        for (var depth = 1; position < pattern.Length; position++)
        {
            var c = pattern[position];
            if (c == '\\' && position + 1 < pattern.Length)
            {
                c = pattern[++position];
            }
            else if (c == '(')
            {
                depth++;
                if (position + 1 >= pattern.Length || pattern[position + 1] != '?')
                {
                    throw new FormatException("a group inside a group must begin with (?:");
                }
            }
            else if (c == ')' && --depth == 0)
            {
                var text = pattern[start..position++];
                return text.Length > 0 ? text : throw new FormatException("a group is empty");
            }

            if (c > 127)
            {
                throw new FormatException("a group holds ASCII only");
            }
        }

        throw new FormatException($"missing ')' for the group at {start}");
    }

    private void Translate()
    {
        var depth = 0;
        var canRepeat = false;
        while (_position < _text.Length)
        {
            var c = _text[_position++];
            switch (c)
            {
                case '(':
                    Open(++depth);
                    canRepeat = false;
                    break;
                case ')':
                    depth--;
                    _expression.Append(')');
                    canRepeat = true;
                    break;
                case '|':
                case '^':
                    _expression.Append(c);
                    canRepeat = false;
                    break;
                case '$':
                    // .NET's $ also matches before a last line break.
                    _expression.Append("\\z");
                    canRepeat = false;
                    break;
                case '*' or '+' or '?' or '{':
                    Repeat(c, canRepeat);
                    canRepeat = false;
                    break;
                case '[':
                    ReadClass();
                    canRepeat = true;
                    break;
                case '\\':
                    canRepeat = ReadEscape();
                    break;
                case ']' or '}':
                    throw new FormatException($"unexpected '{c}' in a group");
                default:
                    _expression.Append(c == '.' ? "[^\\n\\r]" : Literal(c));
                    canRepeat = true;
                    break;
            }
        }
    }

    private void Open(int depth)
    {
        if (depth > MaxDepth)
        {
            throw new FormatException($"more than {MaxDepth} groups inside one another are not supported");
        }

        // Cut has seen the '?'.
        if (_position + 1 >= _text.Length || _text[_position + 1] != ':')
        {
            throw new FormatException("look-arounds, names and flags inside a group are not supported");
        }

        _position += 2;
        _expression.Append("(?:");
    }

    private void Repeat(char c, bool canRepeat)
    {
        if (c == '{' && (_position >= _text.Length || !char.IsAsciiDigit(_text[_position])))
        {
            throw new FormatException("unexpected '{' in a group");
        }

        if (!canRepeat)
        {
            throw new FormatException($"nothing to repeat before '{c}' in a group");
        }

        _expression.Append(c == '{' ? ReadCount() : c.ToString());
        if (_position < _text.Length && _text[_position] == '?')
        {
            _position++;
            _expression.Append('?');
        }
    }

    private string ReadCount()
    {
        var end = _text.IndexOf('}', _position);
        var count = end < 0 ? "" : _text[_position..end];
        var bounds = count.Split(',');
        if (bounds.Length > 2 || !bounds[0].All(char.IsAsciiDigit) || !bounds[^1].All(char.IsAsciiDigit) || bounds[0].Length == 0)
        {
            throw new FormatException("unexpected '{' in a group");
        }

        _position = end + 1;
        var least = CountOf(bounds[0]);
        if (bounds[^1].Length > 0 && CountOf(bounds[^1]) < least)
        {
            throw new FormatException($"'{{{count}}}' in a group is out of order");
        }

        return least > MaxRepetitions || (bounds[^1].Length > 0 && CountOf(bounds[^1]) > MaxRepetitions)
            ? throw new FormatException($"more than {MaxRepetitions} repetitions are not supported")
            : $"{{{count}}}";
    }

    private static double CountOf(string digits) => double.Parse(digits, CultureInfo.InvariantCulture);

    /// <returns>Whether it may be repeated.</returns>
    private bool ReadEscape()
    {
        var c = _text[_position++];
        if (c is 'b' or 'B')
        {
            _expression.Append('\\').Append(c);
            return false;
        }

        _expression.Append(SetOf(c) is { } set ? $"[{set}]" : Literal(ReadCharacter(c, "")));
        return true;
    }

    private void ReadClass()
    {
        var isNegated = Take('^');
        var set = new StringBuilder();
        while (!Take(']'))
        {
            var isSet = ReadClassMember(set, out var first);
            if (!Take('-'))
            {
                set.Append(isSet ? "" : Literal(first));
                continue;
            }

            if (_position < _text.Length && _text[_position] == '-')
            {
                throw new FormatException("'--' in a class is not supported");
            }

            var before = set.Length;
            if (isSet || _position >= _text.Length || _text[_position] == ']' || ReadClassMember(set, out var last))
            {
                throw new FormatException("'-' in a class must be escaped");
            }

            set.Length = before;
            set.Append(last >= first
                ? $"{Literal(first)}-{Literal(last)}"
                : throw new FormatException($"the range '{first}-{last}' in a group is out of order"));
        }

        // .NET has no empty classes.
        _expression.Append((isNegated, set.Length) switch
        {
            (false, 0) => "[^\\u0000-\\uffff]",
            (true, 0) => "[\\u0000-\\uffff]",
            _ => $"[{(isNegated ? "^" : "")}{set}]",
        });
    }

    /// <summary>Reads one character, or appends a set such as \d.</summary>
    /// <returns>Whether it was a set.</returns>
    private bool ReadClassMember(StringBuilder set, out char character)
    {
        character = '\0';
        if (_position >= _text.Length)
        {
            throw new FormatException("missing ']' in a group");
        }

        var c = _text[_position++];
        if (c == '\\' && _position < _text.Length)
        {
            c = _text[_position++];
            if (SetOf(c) is { } escaped)
            {
                set.Append(escaped);
                return true;
            }

            character = c == 'b' ? '\b' : ReadCharacter(c, "-&!#%,:;<=>@`~");
            return false;
        }

        if (c == '[')
        {
            throw new FormatException("a class inside a class is not supported");
        }

        if (c is '(' or ')' or '{' or '}' or '/' or '-' or '\\' or '|')
        {
            throw new FormatException(c == ')' ? "missing ']' in a group" : $"'{c}' in a class must be escaped");
        }

        if (DoublePunctuators.Contains(c) && _position < _text.Length && _text[_position] == c)
        {
            throw new FormatException($"'{c}{c}' in a class is not supported");
        }

        character = c;
        return false;
    }

    /// <summary>The character that an escape stands for.</summary>
    private char ReadCharacter(char c, string alsoItself)
    {
        switch (c)
        {
            case 't': return '\t';
            case 'n': return '\n';
            case 'v': return '\v';
            case 'f': return '\f';
            case 'r': return '\r';
            case '0' when _position >= _text.Length || !char.IsAsciiDigit(_text[_position]): return '\0';
            case 'c' when _position < _text.Length && char.IsAsciiLetter(_text[_position]): return (char)(_text[_position++] & 31);
            case 'x': return ReadHex(c, 2);
            case 'u' when _position >= _text.Length || _text[_position] != '{': return ReadHex(c, 4);
            case 'u' or 'p' or 'P' or 'k' or 'q' or (>= '1' and <= '9'): throw new FormatException($"'\\{c}' in a group is not supported");
            default:
                return "^$\\.*+?()[]{}|/".Contains(c) || alsoItself.Contains(c)
                    ? c
                    : throw new FormatException($"'\\{c}' in a group means nothing");
        }
    }

    private char ReadHex(char escape, int digits)
    {
        if (_position + digits > _text.Length
            || !ushort.TryParse(_text.AsSpan(_position, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
        {
            throw new FormatException($"'\\{escape}' in a group means nothing");
        }

        _position += digits;
        return (char)code;
    }

    private bool Take(char c)
    {
        if (_position < _text.Length && _text[_position] == c)
        {
            _position++;
            return true;
        }

        return false;
    }

    // In JavaScript these mean ASCII, in .NET all of Unicode. A path is ASCII.
    private static string? SetOf(char c) => c switch
    {
        'd' => "0-9",
        'D' => "\\u0000-/:-\\uffff",
        'w' => "A-Za-z0-9_",
        'W' => "\\u0000-/:-@\\u005b-\\u005e`\\u007b-\\uffff",
        's' => "\\t-\\r\\u0020",
        'S' => "\\u0000-\\b\\u000e-\\u001f!-\\uffff",
        _ => null,
    };

    private static string Literal(char c) => char.IsAsciiLetterOrDigit(c) ? c.ToString() : $"\\u{(int)c:x4}";
}
