namespace SandboxHost.Routing.Rules;

/// <summary>Which dialect of path patterns a rule is written in.</summary>
public enum RuleDialect
{
    /// <summary><c>_redirects</c>: case-sensitive; a star is a whole segment, or ends the pattern.</summary>
    Redirects,

    /// <summary><c>_headers</c>: case is ignored; a star may stand anywhere.</summary>
    Headers,
}

/// <summary>
/// The path of a redirect or header rule: <c>:name</c> is one segment, <c>*</c> is any number of them, a slash at the end
/// makes no difference. Matching walks the segments once from each end; there is nothing to try again.
/// </summary>
public sealed class RulePattern
{
    private readonly Segment[] _segments;

    // Only for a star in the middle of a segment, which may reach over slashes.
    private readonly GlobMatcher? _glob;

    private RulePattern(string text, Segment[] segments, GlobMatcher? glob)
    {
        Text = text;
        _segments = segments;
        _glob = glob;
    }

    /// <summary>As its author wrote it.</summary>
    public string Text { get; }

    internal IReadOnlyList<Segment> Segments => _segments;

    public static RulePattern Parse(string text, RuleDialect dialect)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parts = text.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var segments = new Segment[parts.Length];
        for (var i = 0; i < parts.Length; i++)
        {
            segments[i] = ParseSegment(parts[i].TrimEnd(), dialect, isLast: i == parts.Length - 1);
        }

        var glob = segments.Any(segment => segment.Kind == SegmentKind.Glob) ? new GlobMatcher(segments) : null;
        return new RulePattern(text, segments, glob);
    }

    /// <summary>Whether the pattern covers a path; its placeholders' values are added to <paramref name="captures"/>.</summary>
    public bool Matches(in RulePath path, List<RuleCapture>? captures)
    {
        if (_glob is not null)
        {
            return _glob.Matches(path.Text);
        }

        var first = Array.FindIndex(_segments, segment => segment.Kind != SegmentKind.Literal && segment.Kind != SegmentKind.Placeholder);
        if (first < 0)
        {
            return path.Count == _segments.Length && MatchRun(path, 0, _segments.Length, 0, captures);
        }

        if (_segments[first].Kind == SegmentKind.Prefix)
        {
            return MatchPrefix(path, first, captures);
        }

        return MatchSplat(path, first, captures);
    }

    private bool MatchPrefix(in RulePath path, int at, List<RuleCapture>? captures)
    {
        if (path.Count <= at || !path[at].StartsWith(_segments[at].Text, StringComparison.Ordinal) || !MatchRun(path, 0, at, 0, captures))
        {
            return false;
        }

        var rest = path.From(at)[_segments[at].Text.Length..];
        captures?.Add(new RuleCapture("splat", (rest.StartsWith('/') ? rest[1..] : rest).ToString(), FromQuery: false));
        return true;
    }

    // Several stars: the last run of segments is looked for at the end, those before it as far right as they go, so that
    // the first star, which is :splat, gets as much as it can.
    private bool MatchSplat(in RulePath path, int first, List<RuleCapture>? captures)
    {
        if (path.Count < first || !MatchRun(path, 0, first, 0, captures))
        {
            return false;
        }

        var end = path.Count;
        var runEnd = _segments.Length;
        for (var i = _segments.Length - 1; i >= first; i--)
        {
            if (_segments[i].Kind != SegmentKind.Splat)
            {
                continue;
            }

            var length = runEnd - i - 1;
            var at = end - length;
            var isAnchored = runEnd == _segments.Length && length > 0;
            while (at >= first && !MatchRun(path, i + 1, length, at, null))
            {
                at = isAnchored ? -1 : at - 1;
            }

            if (at < first)
            {
                return false;
            }

            MatchRun(path, i + 1, length, at, captures);
            end = at;
            runEnd = i;
        }

        captures?.Add(new RuleCapture("splat", path.Between(first, end).ToString(), FromQuery: false));
        return true;
    }

    private bool MatchRun(in RulePath path, int segment, int length, int at, List<RuleCapture>? captures)
    {
        for (var i = 0; i < length; i++)
        {
            if (!_segments[segment + i].MatchesOne(path[at + i]))
            {
                return false;
            }
        }

        if (captures is not null)
        {
            for (var i = 0; i < length; i++)
            {
                if (_segments[segment + i].Kind == SegmentKind.Placeholder)
                {
                    captures.Add(new RuleCapture(_segments[segment + i].Text, path[at + i].ToString(), FromQuery: false));
                }
            }
        }

        return true;
    }

    private static Segment ParseSegment(string text, RuleDialect dialect, bool isLast)
    {
        if (text == "*")
        {
            return new Segment(SegmentKind.Splat, text);
        }

        if (text.Length > 1 && text[0] == ':')
        {
            return new Segment(SegmentKind.Placeholder, text[1..]);
        }

        if (dialect == RuleDialect.Headers)
        {
            return text.Contains('*')
                ? new Segment(SegmentKind.Glob, text)
                : new Segment(SegmentKind.Literal, UrlPath.Canonical(text).ToLowerInvariant());
        }

        return isLast && text.EndsWith('*')
            ? new Segment(SegmentKind.Prefix, UrlPath.Canonical(text[..^1]))
            : new Segment(SegmentKind.Literal, UrlPath.Canonical(text));
    }

    internal enum SegmentKind
    {
        Literal,

        /// <summary>One segment, not empty.</summary>
        Placeholder,

        /// <summary>Any number of segments.</summary>
        Splat,

        /// <summary>A segment that begins so, and all that follows it.</summary>
        Prefix,

        /// <summary>A segment with stars in it.</summary>
        Glob,
    }

    /// <param name="Text">Canonical; a placeholder's is its name.</param>
    internal readonly record struct Segment(SegmentKind Kind, string Text)
    {
        /// <summary>Whether it stands for exactly one segment of a path.</summary>
        public bool IsSingle => Kind is SegmentKind.Literal or SegmentKind.Placeholder;

        public bool MatchesOne(ReadOnlySpan<char> segment) =>
            Kind == SegmentKind.Placeholder ? !segment.IsEmpty : segment.SequenceEqual(Text);
    }
}

/// <summary>A value that a rule took from a request.</summary>
/// <param name="Value">From the path: canonical. From the query: decoded.</param>
public readonly record struct RuleCapture(string Name, string Value, bool FromQuery);
