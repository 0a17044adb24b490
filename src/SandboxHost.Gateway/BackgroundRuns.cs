using System.Buffers;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using SandboxHost.Invocations;
using SandboxHost.Output;
using SandboxHost.Routing;

namespace SandboxHost.Gateway;

/// <summary>
/// Runs background functions after their callers have been answered. The queue is bounded and in memory: a run that was
/// accepted is lost if the host dies. (The durable queue with retries is an issue of its own.)
/// </summary>
public sealed class BackgroundRuns : IAsyncDisposable
{
    /// <summary>Runs waiting, over all functions; one more is refused with 503.</summary>
    private const int MaxWaiting = 1000;

    /// <summary>Runs at a time, over all functions.</summary>
    private const int MaxRunning = 16;

    private readonly Channel<InvocationRequest> _queue = Channel.CreateBounded<InvocationRequest>(MaxWaiting);
    private readonly CancellationTokenSource _stopping = new();
    private readonly IInvoker _invoker;
    private readonly ILogSink _output;
    private readonly Task[] _runners;

    public BackgroundRuns(IInvoker invoker, ILogSink output)
    {
        _invoker = invoker;
        _output = output;
        _runners = [.. Enumerable.Range(0, MaxRunning).Select(_ => RunQueuedAsync())];
    }

    /// <summary>Takes the request whole, queues it, and answers 202 with an empty body.</summary>
    internal async Task AcceptAsync(HttpContext context, RequestTarget target, RouteMatch match, string requestId)
    {
        var function = match.Function!;
        var body = await ReadWholeAsync(context, function.Limits.BackgroundBytes);
        if (body is null)
        {
            await ErrorResponses.WriteAsync(
                context,
                new FunctionError(ErrorCode.RequestTooLarge, $"The payload of a background function is limited to {function.Limits.BackgroundBytes} bytes."),
                requestId,
                function.ShowErrors);
            return;
        }

        var request = new InvocationRequest
        {
            Function = function,
            RequestId = requestId,
            Method = context.Request.Method,
            Url = target.Url,
            Headers = RequestReader.ReadHeaders(context.Request.Headers),
            ClientIp = RequestReader.ClientIp(context),
            Route = match.Route,
            Trigger = InvocationTrigger.Background,
            Body = body.Length <= 64 * 1024
                ? RequestBody.FromMemory(body)
                : RequestBody.FromReader(System.IO.Pipelines.PipeReader.Create(new ReadOnlySequence<byte>(body))),
        };
        if (!_queue.Writer.TryWrite(request))
        {
            await ErrorResponses.WriteAsync(
                context,
                new FunctionError(ErrorCode.Overloaded, "Too many background runs wait already.") { RetryAfter = TimeSpan.FromSeconds(10) },
                requestId,
                function.ShowErrors);
            return;
        }

        _output.Write(new OutputLine(function, requestId, OutputLevel.Info, $"Queueing background function {function.Name} for execution"));
        context.Response.StatusCode = StatusCodes.Status202Accepted;
        context.Response.ContentLength = 0;
    }

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _stopping.CancelAsync();
        await Task.WhenAll(_runners);
        _stopping.Dispose();
    }

    private static async Task<byte[]?> ReadWholeAsync(HttpContext context, long limit)
    {
        var reader = context.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(context.RequestAborted);
            if (read.Buffer.Length > limit)
            {
                reader.AdvanceTo(read.Buffer.End);
                return null;
            }

            if (read.IsCompleted)
            {
                var body = read.Buffer.ToArray();
                reader.AdvanceTo(read.Buffer.End);
                return body;
            }

            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    private async Task RunQueuedAsync()
    {
        try
        {
            await foreach (var request in _queue.Reader.ReadAllAsync(_stopping.Token))
            {
                await RunOneAsync(request);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private async Task RunOneAsync(InvocationRequest request)
    {
        try
        {
            await RunAsync(request);
        }
        catch (Exception ex) when (ex is not OperationCanceledException)
        {
            // A bug of ours costs one run and not the runner, and the operator hears of it.
            _output.Write(new OutputLine(
                request.Function, request.RequestId, OutputLevel.Error, $"Background function {request.Function.Name} failed (internal_error): {ex}"));
        }
    }

    private async Task RunAsync(InvocationRequest request)
    {
        await using var exchange = await _invoker.InvokeAsync(request, _stopping.Token);
        var (level, text) = exchange.Error is { } error
            ? (OutputLevel.Error, $"Background function {request.Function.Name} failed ({ErrorTable.Of(error.Code).Name}): {error.Thrown?.Message ?? error.Message}")
            : (OutputLevel.Info, $"Done executing background function {request.Function.Name}");
        _output.Write(new OutputLine(request.Function, request.RequestId, level, text));
    }
}
