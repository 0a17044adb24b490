using System.Text;

namespace SandboxHost.Routing.Rules;

/// <summary>
/// Matches header patterns with stars inside segments, which reach over slashes. What stands between two stars is looked for
/// once, as far left as it goes: its end then is as far left as any, so there is nothing to try again.
/// </summary>
internal sealed class GlobMatcher
{
    private readonly List<Chunk> _chunks = [];

    public GlobMatcher(IEnumerable<RulePattern.Segment> segments)
    {
        var parts = new List<string?>();
        var literal = new StringBuilder();
        foreach (var segment in segments)
        {
            switch (segment.Kind)
            {
                case RulePattern.SegmentKind.Splat:
                    // Nothing, or a slash and anything: what stands before it ends a segment.
                    Close(parts, literal, endsSegment: true);
                    break;
                case RulePattern.SegmentKind.Placeholder:
                    parts.Add(literal.Append('/').ToString());
                    parts.Add(null);
                    literal.Clear();
                    break;
                default:
                    literal.Append('/');
                    AddText(segment, parts, literal);
                    break;
            }
        }

        Close(parts, literal, endsSegment: false);
    }

    /// <param name="path">Canonical, lower case.</param>
    public bool Matches(string path)
    {
        var text = path.Length > 1 && path[^1] == '/' ? path.AsSpan(0, path.Length - 1) : path.AsSpan();
        var at = _chunks[0].EndAt(text, 0);
        for (var i = 1; i < _chunks.Count - 1 && at >= 0; i++)
        {
            at = _chunks[i].FirstEnd(text, at);
        }

        return at >= 0 && (_chunks.Count == 1 ? at == text.Length : _chunks[^1].EndsText(text, at));
    }

    private void AddText(RulePattern.Segment segment, List<string?> parts, StringBuilder literal)
    {
        if (segment.Kind != RulePattern.SegmentKind.Glob)
        {
            literal.Append(segment.Text);
            return;
        }

        var pieces = segment.Text.Split('*');
        for (var i = 0; i < pieces.Length; i++)
        {
            literal.Append(UrlPath.Canonical(pieces[i]).ToLowerInvariant());
            if (i < pieces.Length - 1)
            {
                Close(parts, literal, endsSegment: false);
            }
        }
    }

    private void Close(List<string?> parts, StringBuilder literal, bool endsSegment)
    {
        if (literal.Length > 0)
        {
            parts.Add(literal.ToString());
            literal.Clear();
        }

        _chunks.Add(new Chunk([.. parts], endsSegment));
        parts.Clear();
    }

    /// <summary>What stands between two stars.</summary>
    /// <param name="Parts">Texts, and null for a segment of any text but none.</param>
    private sealed record Chunk(string?[] Parts, bool EndsSegment)
    {
        /// <summary>Where it ends if it begins here; -1 when it does not.</summary>
        public int EndAt(ReadOnlySpan<char> text, int at)
        {
            foreach (var part in Parts)
            {
                if (part is not null)
                {
                    if (!text[at..].StartsWith(part))
                    {
                        return -1;
                    }

                    at += part.Length;
                    continue;
                }

                var length = text[at..].IndexOf('/');
                length = length < 0 ? text.Length - at : length;
                if (length == 0)
                {
                    return -1;
                }

                at += length;
            }

            return EndsSegment && at < text.Length && text[at] != '/' ? -1 : at;
        }

        /// <summary>Where the first one ends that begins here or further on; -1 when there is none.</summary>
        public int FirstEnd(ReadOnlySpan<char> text, int from)
        {
            for (var at = Next(text, from); at >= 0; at = at < text.Length ? Next(text, at + 1) : -1)
            {
                if (EndAt(text, at) is >= 0 and var end)
                {
                    return end;
                }
            }

            return -1;
        }

        /// <summary>Whether one that begins here or further on ends with the text.</summary>
        public bool EndsText(ReadOnlySpan<char> text, int from)
        {
            if (Parts is [{ } only])
            {
                return text.Length - only.Length >= from && text.EndsWith(only);
            }

            if (Parts.Length == 0)
            {
                return true;
            }

            for (var at = Next(text, from); at >= 0; at = at < text.Length ? Next(text, at + 1) : -1)
            {
                if (EndAt(text, at) == text.Length)
                {
                    return true;
                }
            }

            return false;
        }

        private int Next(ReadOnlySpan<char> text, int from)
        {
            if (Parts.Length == 0 || Parts[0] is not { } first)
            {
                return from;
            }

            var offset = text[from..].IndexOf(first, StringComparison.Ordinal);
            return offset < 0 ? -1 : from + offset;
        }
    }
}
