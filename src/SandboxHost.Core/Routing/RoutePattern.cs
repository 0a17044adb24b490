using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace SandboxHost.Routing;

/// <summary>
/// One path pattern of a function's config, in the pathname syntax of the URL Pattern standard
/// (https://urlpattern.spec.whatwg.org), as Netlify's bundler reads it: a pattern without special characters is a literal.
/// </summary>
public sealed class RoutePattern
{
    /// <summary>As much of a pattern as a message repeats.</summary>
    private const int MaxShown = 200;

    private readonly Regex? _expression;

    private RoutePattern(string text, Regex? expression)
    {
        Text = text;
        _expression = expression;
    }

    /// <summary>As the author wrote it.</summary>
    public string Text { get; }

    [MemberNotNullWhen(false, nameof(_expression))]
    public bool IsLiteral => _expression is null;

    /// <summary>Reads a pattern, or says what is wrong with it.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out RoutePattern? pattern, [NotNullWhen(false)] out string? mistake)
    {
        ArgumentNullException.ThrowIfNull(text);
        pattern = null;
        mistake = null;
        if (!text.StartsWith('/'))
        {
            mistake = "'path' property must start with a '/'";
            return false;
        }

        if (IsLiteralText(text))
        {
            pattern = new RoutePattern(text, null);
            return true;
        }

        try
        {
            // The engine without backtracking is linear in the path's length, whatever group an author wrote: a request
            // from outside can't be made to cost more.
            var expression = new Regex(
                "^" + PathPatternCompiler.Compile(text) + "/?\\z",
                RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture);
            pattern = new RoutePattern(text, expression);
            return true;
        }
        catch (Exception ex) when (ex is FormatException or ArgumentException or NotSupportedException)
        {
            var shown = text.Length <= MaxShown ? text : text[..MaxShown] + "…";
            mistake = $"'{shown}' is not a valid path according to the URLPattern specification ({ex.Message})";
            return false;
        }
    }

    /// <summary>Whether the pattern covers a path: already in lower case, without the trailing slash (§1.5).</summary>
    public bool Matches(string path) =>
        IsLiteral ? string.Equals(Text, path, StringComparison.Ordinal) : _expression.IsMatch(path);

    public override string ToString() => Text;

    private static bool IsLiteralText(string text)
    {
        if (text.AsSpan().ContainsAny("*{[("))
        {
            return false;
        }

        return !text.Contains("/:", StringComparison.Ordinal);
    }
}

/// <summary>One way to reach a function.</summary>
/// <param name="Methods">Upper case; empty is every method.</param>
public sealed record FunctionRoute(RoutePattern Pattern, IReadOnlyList<string> Methods)
{
    public bool Allows(string method)
    {
        if (Methods.Count == 0)
        {
            return true;
        }

        foreach (var allowed in Methods)
        {
            if (string.Equals(allowed, method, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}
