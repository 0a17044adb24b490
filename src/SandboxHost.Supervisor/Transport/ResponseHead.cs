using System.Buffers;
using Google.Protobuf.Collections;
using SandboxHost.Invocations;
using SandboxHost.Protocol.Worker.V1;

namespace SandboxHost.Supervisor.Transport;

/// <summary>Checks a response head that a worker sent before any of it can reach a client.</summary>
internal static class ResponseHead
{
    /// <summary>Largest body inside a frame.</summary>
    public const int MaxInlineBytes = 64 * 1024;

    /// <summary>Header lines of one response, and their bytes together: what common proxies still pass on.</summary>
    private const int MaxHeaders = 200;

    private const int MaxHeaderBytes = 64 * 1024;

    // RFC 9110 §5.6.2 token, in lower case as the protocol wants it.
    private static readonly SearchValues<char> NameCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~");

    // RFC 9110 §5.5: visible characters, space, tab and obs-text; so neither CR, LF, NUL nor what is no byte.
    private static readonly SearchValues<char> ValueCharacters = SearchValues.Create(
        [.. Enumerable.Range(0, 256).Select(code => (char)code).Where(c => c is '\t' or (>= ' ' and not '\x7f'))]);

    /// <exception cref="ProtocolViolation">The head is not legal HTTP.</exception>
    public static InvocationResponse Read(Response response)
    {
        if (response.Status is < 200 or > 599)
        {
            throw new ProtocolViolation($"status {response.Status} is out of range");
        }

        CheckHeaders(response.Headers);
        if (response.Body.Length > MaxInlineBytes)
        {
            throw new ProtocolViolation("a body inside a frame is larger than 64 KiB");
        }

        var streamed = response.BodyKind == BodyKind.Streamed;
        if (streamed && (response.Ended || response.BodyLength is < -1 or 0))
        {
            throw new ProtocolViolation("a streamed body is announced with a length or an end that it cannot have");
        }

        return new InvocationResponse
        {
            Status = (int)response.Status,
            Headers = response.Headers,
            Body = response.Body.Memory,
            IsStreamed = streamed,
            Length = streamed && response.BodyLength >= 0 ? response.BodyLength : null,
        };
    }

    private static void CheckHeaders(RepeatedField<string> headers)
    {
        if (headers.Count % 2 != 0 || headers.Count > 2 * MaxHeaders)
        {
            throw new ProtocolViolation("a header list is uneven or too long");
        }

        var bytes = 0;
        for (var i = 0; i < headers.Count; i += 2)
        {
            var name = headers[i];
            var value = headers[i + 1];
            bytes += name.Length + value.Length;
            if (name.Length == 0 || name.AsSpan().ContainsAnyExcept(NameCharacters))
            {
                throw new ProtocolViolation("a header name is not a lower-case token");
            }

            if (value.AsSpan().ContainsAnyExcept(ValueCharacters))
            {
                throw new ProtocolViolation($"the value of header {name} holds a character that HTTP does not allow");
            }
        }

        if (bytes > MaxHeaderBytes)
        {
            throw new ProtocolViolation("the header list is larger than 64 KiB");
        }
    }
}
