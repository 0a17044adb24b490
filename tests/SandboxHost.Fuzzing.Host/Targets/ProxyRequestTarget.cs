using System.Text;
using SandboxHost.Isolation.Egress;

namespace SandboxHost.Fuzzing.Targets;

/// <summary>What a worker asks of the egress door. What is passed on can be read in one way only.</summary>
internal static class ProxyRequestTarget
{
    public static FuzzTarget Create() => new("proxy-request", "heads that a worker sends to the egress door", Run, Seeds());

    private static void Run(byte[] input)
    {
        if (ProxyRequest.Parse(input, out var problem) is not { } request)
        {
            FuzzTarget.Holds(problem.Length > 0, "a refusal has a reason");
            return;
        }

        FuzzTarget.Holds(request.Host.Length is > 0 and <= 255 && !request.Host.Any(c => c is <= ' ' or '/' or '@'), "a host is a name or an address");
        FuzzTarget.Holds(request.Port is >= 0 and <= ushort.MaxValue && request.BodyLength >= 0, "numbers are in their range");
        if (request.IsTunnel)
        {
            return;
        }

        var head = Encoding.Latin1.GetString(request.Head);
        FuzzTarget.Holds(head.IndexOf("\r\n\r\n", StringComparison.Ordinal) == head.Length - 4, "a head is one head");
        var lines = head[..^4].Split("\r\n");
        FuzzTarget.Holds(!lines.Any(line => line.AsSpan().ContainsAny('\r', '\n', '\0')), "a line is one line");
        FuzzTarget.Holds(lines[0].Split(' ') is [_, ['/', ..], "HTTP/1.1"], "a request line has three words");
        int Count(string name) => lines.Skip(1).Count(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase));
        FuzzTarget.Holds(Count("host") == 1 && Count("connection") == 1, "a host is said once, and the connection ends");
        FuzzTarget.Holds(Count("transfer-encoding") == 0 || Count("content-length") == 0, "a length is said in one way");
        FuzzTarget.Holds(Count("transfer-encoding") == (request.Framing == BodyFraming.Chunked ? 1 : 0), "a body is chunked where it says so");
        FuzzTarget.Holds(ProxyRequest.Parse(Encoding.Latin1.GetBytes(head.Replace(lines[0], lines[0].Replace(" /", " http://h/", StringComparison.Ordinal), StringComparison.Ordinal)), out _)?.Framing == request.Framing, "what is passed on is read as it was");
    }

    private static List<byte[]> Seeds() =>
    [
        .. new[]
        {
            "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n", "GET http://example.com/a?b HTTP/1.1\r\nHost: other\r\nAccept: x\r\n\r\n",
            "POST http://[::1]:80?q HTTP/1.0\r\nContent-Length: 5\r\nConnection: x-a, close\r\nX-A: 1\r\n\r\n",
            "POST http://h/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n", "POST http://h/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
            "CONNECT [fe80::1%25lo]:22 HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET http://a@b/ HTTP/1.1\r\n\r\n", "GET http://h/ HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "GET http://h/a\nb HTTP/1.1\r\n\r\n",
        }.Select(FuzzTarget.Text),
    ];
}
