using System.IO.Pipelines;
using SandboxHost.Deployments;

namespace SandboxHost.Invocations;

/// <summary>What started an invocation.</summary>
public enum InvocationTrigger
{
    /// <summary>An HTTP request that waits for the answer.</summary>
    Http,

    /// <summary>Nobody waits; the return value is discarded.</summary>
    Background,

    /// <summary>A tick of a schedule, or a request that plays one.</summary>
    Schedule,
}

/// <summary>One call of a function. Immutable, but for the body, which is read once.</summary>
public sealed class InvocationRequest
{
    public required FunctionVersion Function { get; init; }

    /// <summary>A ULID; also the reply header x-nf-request-id.</summary>
    public required string RequestId { get; init; }

    public required string Method { get; init; }

    /// <summary>Absolute, as the client asked for it.</summary>
    public required string Url { get; init; }

    /// <summary>Flat and ordered: name, value, name, value … Names in lower case, values one code point per byte.</summary>
    public required IReadOnlyList<string> Headers { get; init; }

    public required string ClientIp { get; init; }

    /// <summary>Index into the function's routes; -1 for its default URL.</summary>
    public int Route { get; init; } = -1;

    public InvocationTrigger Trigger { get; init; }

    public RequestBody Body { get; init; }

    /// <summary>RFC 9110 §9.2.2: doing it twice does the same as doing it once.</summary>
    public bool IsIdempotent => Method is "GET" or "HEAD" or "OPTIONS" or "PUT" or "DELETE" or "TRACE";
}

/// <summary>A request body: absent, complete, or still to be read.</summary>
public readonly struct RequestBody
{
    /// <summary>Larger ones travel on a call of their own.</summary>
    private const int MaxInlineBytes = 64 * 1024;

    private RequestBody(ReadOnlyMemory<byte> complete, PipeReader? reader)
    {
        Complete = complete;
        Reader = reader;
    }

    /// <summary>The whole body, when <see cref="Reader"/> is null; empty is no body.</summary>
    public ReadOnlyMemory<byte> Complete { get; }

    /// <summary>Where the body comes from. Owned by the caller, who keeps it valid until the exchange is disposed.</summary>
    public PipeReader? Reader { get; }

    public static RequestBody FromMemory(ReadOnlyMemory<byte> complete) => new(complete, null);

    /// <summary>A body that is here already, of any size.</summary>
    public static RequestBody FromWhole(ReadOnlyMemory<byte> whole) =>
        whole.Length <= MaxInlineBytes ? FromMemory(whole) : FromReader(PipeReader.Create(new(whole)));

    public static RequestBody FromReader(PipeReader reader) => new(default, reader);
}
