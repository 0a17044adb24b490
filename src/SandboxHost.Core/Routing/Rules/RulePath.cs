namespace SandboxHost.Routing.Rules;

/// <summary>A request's path as rules see it: canonical, cut into segments once for all rules.</summary>
public readonly struct RulePath
{
    private readonly Range[] _segments;

    private RulePath(string text, Range[] segments)
    {
        Text = text;
        _segments = segments;
    }

    public string Text { get; }

    public int Count => _segments.Length;

    public ReadOnlySpan<char> this[int segment] => Text.AsSpan(_segments[segment]);

    /// <param name="path">Resolved and canonical; begins with '/'.</param>
    public static RulePath Of(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        // The last slash closes the segment before it, and begins none.
        var body = path.AsSpan(1);
        var closed = body is [.., '/'] ? body[..^1] : body;
        if (body.IsEmpty)
        {
            return new RulePath(path, []);
        }

        var segments = new Range[closed.Count('/') + 1];
        var start = 1;
        for (var i = 0; i < segments.Length; i++)
        {
            var length = path.AsSpan(start, closed.Length + 1 - start).IndexOf('/');
            var end = length < 0 ? closed.Length + 1 : start + length;
            segments[i] = start..end;
            start = end + 1;
        }

        return new RulePath(path, segments);
    }

    /// <summary>From a segment to the end of the path, with a slash that stands there.</summary>
    public ReadOnlySpan<char> From(int segment) => segment >= Count ? [] : Text.AsSpan(_segments[segment].Start.Value);

    /// <summary>The segments between, with the slashes between them.</summary>
    public ReadOnlySpan<char> Between(int segment, int end)
    {
        if (end >= Count)
        {
            return From(segment);
        }

        return segment >= end ? [] : Text.AsSpan(_segments[segment].Start.Value.._segments[end - 1].End.Value);
    }
}
