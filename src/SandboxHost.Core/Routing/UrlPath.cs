using System.Buffers;
using System.Globalization;
using System.Text;

namespace SandboxHost.Routing;

/// <summary>Paths as the URL standard (https://url.spec.whatwg.org/#path-state) reads them.</summary>
public static class UrlPath
{
    private static readonly SearchValues<char> Plain =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/%|[]");

    // RFC 3986 §3.3: pchar without percent-encodings, and the slash.
    private static readonly SearchValues<char> Unencoded =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/");

    /// <summary>
    /// The path that a function sees for a path that a client sent: dot segments resolved, backslashes turned, odd
    /// characters percent-encoded. Routing by anything else would let <c>/public/../admin</c> in by the wrong door.
    /// </summary>
    /// <param name="path">Begins with '/'; without the query.</param>
    public static string Resolve(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (path.AsSpan().ContainsAnyExcept(Plain))
        {
            path = Encode(path);
        }

        return HasDotSegment(path) ? WithoutDotSegments(path) : path;
    }

    /// <summary>
    /// One spelling for all spellings of a path: what may stand unencoded is decoded, all else is encoded with upper-case
    /// digits. <c>%2F</c> stays, because it is no slash. Rules compare paths in this form.
    /// </summary>
    public static string Canonical(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!path.AsSpan().ContainsAnyExcept(Unencoded))
        {
            return path;
        }

        var canonical = new StringBuilder(path.Length + 16);
        Span<byte> utf8 = stackalloc byte[4];
        for (var i = 0; i < path.Length; i++)
        {
            var c = path[i];
            if (c == '%' && i + 2 < path.Length && char.IsAsciiHexDigit(path[i + 1]) && char.IsAsciiHexDigit(path[i + 2]))
            {
                AppendCanonical(canonical, byte.Parse(path.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
                i += 2;
            }
            else if (c == '/' || Unencoded.Contains(c))
            {
                canonical.Append(c);
            }
            else
            {
                // A surrogate without its other half becomes U+FFFD.
                Rune.DecodeFromUtf16(path.AsSpan(i), out var rune, out var length);
                foreach (var b in utf8[..rune.EncodeToUtf8(utf8)])
                {
                    canonical.Append(CultureInfo.InvariantCulture, $"%{b:X2}");
                }

                i += length - 1;
            }
        }

        return canonical.ToString();
    }

    private static void AppendCanonical(StringBuilder canonical, byte value)
    {
        if (value != '/' && Unencoded.Contains((char)value))
        {
            canonical.Append((char)value);
        }
        else
        {
            canonical.Append(CultureInfo.InvariantCulture, $"%{value:X2}");
        }
    }

    /// <summary>Whether a URL parser percent-encodes the character in a path.</summary>
    internal static bool IsEncoded(Rune rune) =>
        rune.Value is <= 0x20 or >= 0x7f or '"' or '#' or '<' or '>' or '?' or '^' or '`' or '{' or '}';

    private static string Encode(string path)
    {
        var encoded = new StringBuilder(path.Length + 16);
        Span<byte> utf8 = stackalloc byte[4];
        foreach (var rune in path.EnumerateRunes())
        {
            if (!IsEncoded(rune))
            {
                encoded.Append(rune.Value == '\\' ? "/" : rune.ToString());
                continue;
            }

            foreach (var b in utf8[..rune.EncodeToUtf8(utf8)])
            {
                encoded.Append(CultureInfo.InvariantCulture, $"%{b:X2}");
            }
        }

        return encoded.ToString();
    }

    private static bool HasDotSegment(string path)
    {
        if (!path.Contains("/.", StringComparison.Ordinal) && !path.Contains("/%2", StringComparison.Ordinal))
        {
            return false;
        }

        foreach (var range in path.AsSpan().Split('/'))
        {
            if (DotsOf(path.AsSpan()[range]) > 0)
            {
                return true;
            }
        }

        return false;
    }

    private static string WithoutDotSegments(string path)
    {
        var kept = new List<string>();
        var segments = path.Split('/');
        for (var i = 1; i < segments.Length; i++)
        {
            var dots = DotsOf(segments[i]);
            if (dots == 2 && kept.Count > 0)
            {
                kept.RemoveAt(kept.Count - 1);
            }

            if (dots == 0)
            {
                kept.Add(segments[i]);
            }
            else if (i == segments.Length - 1)
            {
                // What ends in a dot segment is a directory.
                kept.Add("");
            }
        }

        return "/" + string.Join('/', kept);
    }

    /// <summary>1 for ".", 2 for "..", in all their spellings; otherwise 0.</summary>
    private static int DotsOf(ReadOnlySpan<char> segment)
    {
        var dots = 0;
        while (!segment.IsEmpty)
        {
            var length = segment[0] == '.' ? 1 : segment.StartsWith("%2e", StringComparison.OrdinalIgnoreCase) ? 3 : 0;
            if (length == 0 || ++dots > 2)
            {
                return 0;
            }

            segment = segment[length..];
        }

        return dots;
    }
}
