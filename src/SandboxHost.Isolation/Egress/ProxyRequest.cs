using System.Globalization;
using System.Text;

namespace SandboxHost.Isolation.Egress;

/// <summary>How much of what follows a request's head belongs to it.</summary>
internal enum BodyFraming
{
    None,
    Length,
    Chunked,
}

/// <summary>
/// What a worker asked of the egress door: a tunnel (CONNECT), or one request to pass on in plain HTTP. Parsed strictly:
/// what two readers could take differently is malformed.
/// </summary>
internal sealed record ProxyRequest
{
    private static readonly string[] NotPassedOn =
        ["Host", "Connection", "Proxy-Connection", "Proxy-Authorization", "Proxy-Authenticate", "Keep-Alive", "TE", "Upgrade"];

    public required bool IsTunnel { get; init; }

    /// <summary>A name or an address, without brackets.</summary>
    public required string Host { get; init; }

    public required int Port { get; init; }

    /// <summary>The head to send on, in origin form; empty for a tunnel.</summary>
    public byte[] Head { get; init; } = [];

    public BodyFraming Framing { get; init; }

    public long BodyLength { get; init; }

    /// <summary>Reads a head, with its empty line. Null with a reason when it is malformed.</summary>
    public static ProxyRequest? Parse(ReadOnlySpan<byte> head, out string problem)
    {
        var lines = Encoding.Latin1.GetString(head).Split("\r\n");
        var words = lines[0].Split(' ');
        // A lone LF in the target would begin a line of the worker's own for a server that takes it for one (RFC 9112 §2.2).
        if (words.Length != 3 || !IsToken(words[0]) || words[1].Any(char.IsControl) || words[2] is not ("HTTP/1.1" or "HTTP/1.0"))
        {
            problem = "no HTTP/1 request line";
            return null;
        }

        if (ReadFields(lines.AsSpan(1), out problem) is not { } fields)
        {
            return null;
        }

        return words[0] == "CONNECT" ? Tunnel(words[1], out problem) : Forward(words[0], words[1], fields, out problem);
    }

    private static ProxyRequest? Tunnel(string target, out string problem)
    {
        problem = "CONNECT wants host:port";
        return SplitAuthority(target, null) is var (host, port)
            ? new ProxyRequest { IsTunnel = true, Host = host, Port = port }
            : null;
    }

    private static ProxyRequest? Forward(string method, string target, List<(string Name, string Value)> fields, out string problem)
    {
        const string Scheme = "http://";
        problem = "this is a proxy: it wants CONNECT, or a target that begins with http://";
        if (!target.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var rest = target[Scheme.Length..];
        var end = rest.AsSpan().IndexOfAny('/', '?', '#');
        var authority = end < 0 ? rest : rest[..end];
        var path = end < 0 ? "/" : rest[end] == '/' ? rest[end..] : "/" + rest[end..];
        if (SplitAuthority(authority, 80) is not var (host, port))
        {
            return null;
        }

        if (ReadFraming(fields, out problem) is not var (framing, length))
        {
            return null;
        }

        return new ProxyRequest
        {
            IsTunnel = false,
            Host = host,
            Port = port,
            Head = WriteHead(method, path, authority, fields),
            Framing = framing,
            BodyLength = length,
        };
    }

    private static byte[] WriteHead(string method, string path, string authority, List<(string Name, string Value)> fields)
    {
        var dropped = fields.Where(field => Is(field.Name, "Connection"))
            .SelectMany(field => field.Value.Split(',', StringSplitOptions.TrimEntries))
            .Concat(NotPassedOn)
            .ToHashSet(StringComparer.OrdinalIgnoreCase);
        var text = new StringBuilder($"{method} {path} HTTP/1.1\r\nHost: {authority}\r\n");
        foreach (var (name, value) in fields.Where(field => !dropped.Contains(field.Name) || IsFraming(field.Name)))
        {
            text.Append($"{name}: {value}\r\n");
        }

        // One request per connection: the next may be for another host, and must be judged anew.
        return Encoding.Latin1.GetBytes(text.Append("Connection: close\r\n\r\n").ToString());
    }

    private static (BodyFraming Framing, long Length)? ReadFraming(List<(string Name, string Value)> fields, out string problem)
    {
        var lengths = fields.Where(field => Is(field.Name, "Content-Length")).Select(field => field.Value).Distinct().ToArray();
        var codings = fields.Where(field => Is(field.Name, "Transfer-Encoding")).Select(field => field.Value).ToArray();
        problem = "the length of the body is unclear";
        return (lengths, codings) switch
        {
            ([], []) => (BodyFraming.None, 0),
            ([], [var coding]) when Is(coding, "chunked") => (BodyFraming.Chunked, 0),
            ([var text], []) when long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var length) => (BodyFraming.Length, length),
            _ => null,
        };
    }

    private static List<(string Name, string Value)>? ReadFields(ReadOnlySpan<string> lines, out string problem)
    {
        var fields = new List<(string Name, string Value)>();
        problem = "a header field is malformed";
        foreach (var line in lines)
        {
            if (line.Length == 0)
            {
                continue;
            }

            var colon = line.IndexOf(':');
            if (colon <= 0 || !IsToken(line[..colon]) || line.AsSpan().ContainsAny('\r', '\n', '\0'))
            {
                return null;
            }

            fields.Add((line[..colon], line[(colon + 1)..].Trim(' ', '\t')));
        }

        return fields;
    }

    private static (string Host, int Port)? SplitAuthority(string authority, int? otherwise)
    {
        const int LongestHost = 255;
        var end = authority.StartsWith('[') ? authority.IndexOf(']') + 1 : authority.LastIndexOf(':');
        end = end < 0 ? authority.Length : end;
        var host = authority[..end].Trim('[', ']');
        var rest = authority[end..];
        int? port = rest.Length == 0 ? otherwise
            : rest[0] == ':' && ushort.TryParse(rest.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : null;
        var legal = host.Length is > 0 and <= LongestHost && host.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or ':' or '%');
        return legal && port is { } given ? (host, given) : null;
    }

    private static bool Is(string text, string other) => text.Equals(other, StringComparison.OrdinalIgnoreCase);

    private static bool IsFraming(string name) => Is(name, "Content-Length") || Is(name, "Transfer-Encoding");

    private static bool IsToken(string text) =>
        text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c));
}
