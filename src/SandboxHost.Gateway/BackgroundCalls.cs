using Microsoft.AspNetCore.Http;
using SandboxHost.Gateway.Events;
using SandboxHost.Invocations;
using SandboxHost.Output;
using SandboxHost.Routing;
using SandboxHost.Runs;

namespace SandboxHost.Gateway;

/// <summary>Takes calls of background functions: the request is stored first, then the client is told 202.</summary>
public sealed class BackgroundCalls(RunQueue queue, ILogSink output, TimeProvider clock)
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(10);

    /// <summary>Takes the request whole, stores it, and answers 202 with an empty body.</summary>
    /// <param name="signed">The request is this event, whose body is read already.</param>
    internal async Task AcceptAsync(HttpContext context, RequestTarget target, RouteMatch match, string requestId, SignedEvent? signed)
    {
        var function = match.Function!;
        if (await ReadAndStoreAsync(context, target, match, requestId, signed) is { } error)
        {
            await ErrorResponses.WriteAsync(context, error, requestId, function.ShowErrors);
            return;
        }

        output.Write(new OutputLine(function, requestId, OutputLevel.Info, $"Queueing background function {function.Name} for execution"));
        context.Response.StatusCode = StatusCodes.Status202Accepted;
        context.Response.ContentLength = 0;
    }

    private async Task<FunctionError?> ReadAndStoreAsync(
        HttpContext context, RequestTarget target, RouteMatch match, string requestId, SignedEvent? signed)
    {
        var limits = match.Function!.Limits;

        // Nothing else bounds how slowly it comes: the function has not begun.
        using var inTime = new CancellationTokenSource(limits.BufferedTime, clock);
        using var reading = CancellationTokenSource.CreateLinkedTokenSource(inTime.Token, context.RequestAborted);
        try
        {
            return (signed?.Body ?? await WholeBody.ReadAsync(context, limits.BackgroundBytes, reading.Token)) is { } body
                ? await StoreAsync(RunFor(context, target, match, requestId, body, signed))
                : new FunctionError(ErrorCode.RequestTooLarge, $"The payload of a background function is limited to {limits.BackgroundBytes} bytes.");
        }
        catch (OperationCanceledException) when (inTime.IsCancellationRequested && !context.RequestAborted.IsCancellationRequested)
        {
            return new FunctionError(ErrorCode.BadRequest, "The payload did not come to its end in time.");
        }
    }

    private NewRun RunFor(HttpContext context, RequestTarget target, RouteMatch match, string requestId, byte[] body, SignedEvent? signed)
    {
        var function = match.Function!;
        var now = clock.GetUtcNow();
        return new NewRun
        {
            Id = requestId,
            Kind = signed is null ? RunKind.Background : RunKind.Event,
            Function = new FunctionKey(function.Site.Id, function.Name),
            DeployId = function.Deploy.Id,
            CreatedAt = now,
            DueAt = now,
            Request = new RunRequest(
                context.Request.Method,
                target.Url,
                RequestReader.ReadHeaders(context.Request.Headers, signed),
                RequestReader.ClientIp(context),
                match.Route < 0 ? null : function.Routes[match.Route].Pattern.Text,
                body),
        };
    }

    private async Task<FunctionError?> StoreAsync(NewRun run)
    {
        try
        {
            // Whether the client waits or not: what is half stored would be told to nobody.
            return await queue.AddAsync(run, CancellationToken.None) == AddResult.Added
                ? null
                : new FunctionError(ErrorCode.Overloaded, "Too many runs of this background function wait already.") { RetryAfter = RetryAfter };
        }
        catch (RunStoreException ex)
        {
            output.Write(new OutputLine(null, run.Id, OutputLevel.Error, $"A call of background function {run.Function.FunctionName} could not be stored (store_failed): {ex.Message}"));
            return new FunctionError(ErrorCode.StoreFailed, "The call could not be stored.") { RetryAfter = RetryAfter };
        }
    }
}
