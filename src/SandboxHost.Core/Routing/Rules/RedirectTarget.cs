using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace SandboxHost.Routing.Rules;

/// <summary>
/// Where a redirect leads: a path of the same site or an address, with <c>:name</c> and <c>:splat</c> for what the rule
/// took from the request. Values come from strangers: none can change the host, add a parameter or climb.
/// </summary>
public sealed class RedirectTarget
{
    private static readonly SearchValues<char> InHostLabel =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");

    private static readonly SearchValues<char> Visible =
        SearchValues.Create(Enumerable.Range(0x21, 0x5e).Select(code => (char)code).ToArray());

    private readonly string _template;
    private readonly int _pathStart;
    private readonly int _queryStart;

    private RedirectTarget(string text, string template, int pathStart)
    {
        Text = text;
        _template = template;
        _pathStart = pathStart;
        var query = template.AsSpan(pathStart).IndexOfAny('?', '#');
        _queryStart = query < 0 ? template.Length : pathStart + query;
    }

    /// <summary>As its author wrote it.</summary>
    public string Text { get; }

    /// <summary>Whether it names a host.</summary>
    public bool IsAddress => _pathStart > 0;

    public static bool TryParse(string text, [NotNullWhen(true)] out RedirectTarget? target)
    {
        ArgumentNullException.ThrowIfNull(text);
        var scheme = text.StartsWith("http://", StringComparison.Ordinal) ? 7 : text.StartsWith("https://", StringComparison.Ordinal) ? 8 : 0;
        var template = text.AsSpan().ContainsAnyExcept(Visible) ? Encode(text) : text;
        var authority = scheme == 0 ? 0 : template.AsSpan(scheme).IndexOfAny('/', '?', '#');
        var pathStart = scheme == 0 ? 0 : authority < 0 ? template.Length : scheme + authority;
        target = (scheme == 0 && text.StartsWith('/')) || pathStart > scheme ? new RedirectTarget(text, template, pathStart) : null;
        return target is not null;
    }

    /// <summary>
    /// The target for one request, or null when a value of the request can't stand where the template has it. The
    /// request's query is passed on unless the template has one.
    /// </summary>
    /// <param name="query">Without the question mark; empty when there is none.</param>
    public string? Expand(IReadOnlyList<RuleCapture> captures, string query)
    {
        ArgumentNullException.ThrowIfNull(captures);
        var expanded = captures.Count > 0 ? Substitute(captures) : _template;
        if (expanded is null)
        {
            return null;
        }

        if (!IsAddress && expanded.StartsWith("//", StringComparison.Ordinal))
        {
            // A browser would take the next segment for a host.
            expanded = "/" + expanded.TrimStart('/');
        }

        return query.Length == 0 || _template.AsSpan(_queryStart).StartsWith('?') ? expanded : WithQuery(expanded, query);
    }

    private static string WithQuery(string target, string query)
    {
        var fragment = target.IndexOf('#', StringComparison.Ordinal);
        return fragment < 0 ? $"{target}?{query}" : $"{target[..fragment]}?{query}{target[fragment..]}";
    }

    private string? Substitute(IReadOnlyList<RuleCapture> captures)
    {
        var expanded = new StringBuilder(_template.Length + 32);
        // "https:" is no placeholder.
        var at = IsAddress ? _template.IndexOf("//", StringComparison.Ordinal) : 0;
        expanded.Append(_template, 0, at);
        while (at < _template.Length)
        {
            if (_template[at] == ':' && LongestAt(captures, at + 1) is { } capture)
            {
                if (Escape(capture, at) is not { } value)
                {
                    return null;
                }

                expanded.Append(value);
                at += 1 + capture.Name.Length;
            }
            else
            {
                expanded.Append(_template[at++]);
            }
        }

        return expanded.ToString();
    }

    private RuleCapture? LongestAt(IReadOnlyList<RuleCapture> captures, int at)
    {
        RuleCapture? longest = null;
        foreach (var capture in captures)
        {
            if (capture.Name.Length > (longest?.Name.Length ?? 0)
                && string.CompareOrdinal(_template, at, capture.Name, 0, capture.Name.Length) == 0)
            {
                longest = capture;
            }
        }

        return longest;
    }

    private string? Escape(in RuleCapture capture, int at)
    {
        if (at < _pathStart)
        {
            return capture.Value.Length > 0 && !capture.Value.AsSpan().ContainsAnyExcept(InHostLabel) ? capture.Value : null;
        }

        if (at >= _queryStart)
        {
            return Uri.EscapeDataString(capture.FromQuery ? capture.Value : Uri.UnescapeDataString(capture.Value));
        }

        // Dots from a query would be a step in the path; from the path they are resolved already.
        return !capture.FromQuery ? capture.Value : capture.Value is "." or ".." ? null : Uri.EscapeDataString(capture.Value);
    }

    private static string Encode(string text)
    {
        var encoded = new StringBuilder(text.Length + 16);
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.IsAscii && Visible.Contains((char)rune.Value))
            {
                encoded.Append((char)rune.Value);
            }
            else
            {
                encoded.Append(Uri.EscapeDataString(rune.ToString()));
            }
        }

        return encoded.ToString();
    }
}
