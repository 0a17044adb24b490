using System.IO.Pipelines;
using SandboxHost.Deployments;

namespace SandboxHost.Invocations;

/// <summary>Runs invocations, here or elsewhere.</summary>
public interface IInvoker
{
    /// <summary>
    /// Runs one invocation until its response head is known, or until it is known that there will be none. Never throws
    /// for what a client, a function or a worker did.
    /// </summary>
    /// <param name="clientGone">Cancelled when nobody waits for the answer any more.</param>
    ValueTask<IExchange> InvokeAsync(InvocationRequest request, CancellationToken clientGone);

    /// <summary>Requests with a client behind them that wait for a worker now.</summary>
    int RequestsWaiting { get; }

    /// <summary>Has a worker ready, if that is possible, for an invocation that will come soon. Does not wait for it.</summary>
    void Prepare(FunctionVersion function);
}

/// <summary>
/// The caller's end of an invocation: a response, or an error. Disposing it says that the caller is done; when that
/// returns, the request body's reader and the response's writer are not touched any more. The invocation itself may go
/// on (waitUntil).
/// </summary>
public interface IExchange : IAsyncDisposable
{
    /// <summary>Set when the invocation ended before a head.</summary>
    FunctionError? Error { get; }

    /// <summary>Set when <see cref="Error"/> is not.</summary>
    InvocationResponse? Response { get; }

    /// <summary>
    /// Waits until the invocation is over with everything that it promised (waitUntil), which may be long after the response.
    /// Returns why it ended badly, before or after the response; null when it did not.
    /// </summary>
    Task<FunctionError?> WaitForEndAsync();

    /// <summary>
    /// Copies a streamed body, chunk by chunk, flushing each. Returns null when the body is complete, otherwise why it was
    /// cut; the caller then resets its own stream and never ends it as if complete. At most once.
    /// </summary>
    ValueTask<FunctionError?> CopyBodyToAsync(PipeWriter destination);
}

/// <summary>A response head, and the body when it came with it.</summary>
public sealed class InvocationResponse
{
    public required int Status { get; init; }

    /// <summary>Flat and ordered; names in lower case; already checked to be legal HTTP.</summary>
    public required IReadOnlyList<string> Headers { get; init; }

    /// <summary>The whole body, unless <see cref="IsStreamed"/>.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>The body follows by <see cref="IExchange.CopyBodyToAsync"/>.</summary>
    public bool IsStreamed { get; init; }

    /// <summary>With <see cref="IsStreamed"/>: the length, when the worker knows it; otherwise null.</summary>
    public long? Length { get; init; }
}
