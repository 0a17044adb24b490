using System.Buffers;
using System.Text;

namespace SandboxHost.Gateway.Static;

/// <summary>From the path of a request to names of files (reference §1.6). Paths keep their case.</summary>
internal static class StaticPaths
{
    private const int MaxName = 255;

    private static readonly string[] AssetExtensions =
        [".html", ".htm", ".png", ".jpg", ".js", ".css", ".svg", ".gif", ".ico", ".woff", ".woff2"];

    // Not in the name of a file that a path can mean: ends of names, separators of any system.
    private static readonly SearchValues<char> NeverInName = SearchValues.Create("/\\\0");

    /// <summary>Relative names with '/' to look for, in order; none when the path can't mean a file.</summary>
    /// <param name="path">Resolved; percent-encoded.</param>
    public static IEnumerable<string> CandidatesFor(string path)
    {
        if (Decode(path) is not { } name)
        {
            return [];
        }

        if (path == "/")
        {
            return ["index.html", "index.htm"];
        }

        string[] variants = [name, $"{name}.html", $"{name}.htm", $"{name}/index.html", $"{name}/index.htm"];
        return !path.EndsWith('/') && AssetExtensions.Any(extension => name.EndsWith(extension, StringComparison.Ordinal)) ? [name] : variants;
    }

    // An empty segment would be a second spelling of another path, past the rules for that.
    private static string? Decode(string path)
    {
        if (path == "/")
        {
            return "";
        }

        var segments = path[1..].Split('/');
        var count = segments[^1].Length == 0 ? segments.Length - 1 : segments.Length;
        for (var i = 0; i < count; i++)
        {
            if (DecodeSegment(segments[i]) is not { } decoded)
            {
                return null;
            }

            segments[i] = decoded;
        }

        return string.Join('/', segments, 0, count);
    }

    private static string? DecodeSegment(string segment)
    {
        if (segment.Contains('%'))
        {
            var bytes = new byte[segment.Length];
            if (!TryDecode(segment, bytes, out var length))
            {
                return null;
            }

            segment = Encoding.UTF8.GetString(bytes, 0, length);
            if (segment.Contains('\uFFFD'))
            {
                return null;
            }
        }

        return segment.Length is 0 or > MaxName || segment is "." or ".." || segment.AsSpan().ContainsAny(NeverInName) ? null : segment;
    }

    private static bool TryDecode(string segment, byte[] bytes, out int length)
    {
        length = 0;
        for (var i = 0; i < segment.Length; i++)
        {
            if (segment[i] != '%')
            {
                bytes[length++] = (byte)segment[i];
            }
            else if (i + 2 < segment.Length && Convert.FromHexString(segment.AsSpan(i + 1, 2), bytes.AsSpan(length, 1), out _, out _) == OperationStatus.Done)
            {
                length++;
                i += 2;
            }
            else
            {
                return false;
            }
        }

        return true;
    }
}
