using System.IO.Pipelines;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Output;
using SandboxHost.Runs;

namespace SandboxHost.Events;

/// <summary>
/// Tells functions of platform events. Every subscriber gets a durable run of its own, but for events about users: there
/// the functions are called one after the other, each with the user as the one before left it, and the first that says no
/// is the last (reference §9.3). A background function's answer is waited for by nobody, also to these.
/// </summary>
public sealed class PlatformEvents(RunQueue queue, IInvoker invoker, ILogSink output, TimeProvider clock)
{
    /// <summary>Where events come from, as functions see it.</summary>
    private const string ClientIp = "127.0.0.1";

    /// <summary>A user is a text of some lines; what is longer is none.</summary>
    private const int MaxUserBytes = 256 * 1024;

    private const int Unauthorized = 401;

    public async Task<EventResult> RaiseAsync(SiteSnapshot site, EventMessage message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(site);
        ArgumentNullException.ThrowIfNull(message);
        var raised = message.Event;
        var deliveries = new List<EventDelivery>();
        string? user = null;
        foreach (var function in site.SubscribersOf(raised))
        {
            if (raised.Subject != EventSubject.User || function.Kind == FunctionKind.Background)
            {
                deliveries.Add(await QueueAsync(function, message, cancellationToken));
                continue;
            }

            var began = clock.GetUtcNow();
            var (delivery, changed) = await CallAsync(function, message, cancellationToken);
            deliveries.Add(delivery);
            await RecordAsync(function, message, delivery, began);
            if (raised.IsDeniable && delivery.Outcome is (EventOutcome.Denied or EventOutcome.Failed))
            {
                return new EventResult(deliveries) { IsDenied = true };
            }

            if (changed is not null && EventUser.Change(message.Body, changed) is { } change)
            {
                message = message with { Body = change.Body };
                user = change.User;
            }
        }

        return new EventResult(deliveries, user);
    }

    /// <summary>The run that tells one function of an event.</summary>
    public NewRun RunFor(FunctionVersion function, EventMessage message)
    {
        ArgumentNullException.ThrowIfNull(function);
        ArgumentNullException.ThrowIfNull(message);
        var now = clock.GetUtcNow();
        return new NewRun
        {
            Id = RequestId.Create(now),
            Kind = RunKind.Event,
            Function = new FunctionKey(function.Site.Id, function.Name),
            DeployId = function.Deploy.Id,
            CreatedAt = now,
            DueAt = now,
            Request = new RunRequest("POST", UrlOf(function), HeadersOf(message), ClientIp, null, message.Body),
        };
    }

    // A record that can't be kept changes nothing of what was answered.
    private async Task RecordAsync(FunctionVersion function, EventMessage message, EventDelivery delivery, DateTimeOffset began)
    {
        try
        {
            var run = RunFor(function, message) with { Id = delivery.RunId, CreatedAt = began, DueAt = began };
            var failure = delivery.Error is { } error ? new RunFailure(ErrorTable.Of(error.Code).Name, error.Thrown?.Message ?? error.Message) : null;
            await queue.RecordAsync(run, clock.GetUtcNow(), failure, CancellationToken.None);
        }
        catch (RunStoreException ex)
        {
            Tell(function, delivery.RunId, OutputLevel.Error, $"{message.Event.Slug} was delivered to {function.Name} and its record could not be kept (store_failed): {ex.Message}");
        }
    }

    private async Task<EventDelivery> QueueAsync(FunctionVersion function, EventMessage message, CancellationToken cancellationToken)
    {
        var run = RunFor(function, message);
        var raised = message.Event;
        try
        {
            return await queue.AddAsync(run, cancellationToken) == AddResult.Added
                ? new EventDelivery(function.Name, run.Id, EventOutcome.Queued)
                : NotQueued(function, run, new FunctionError(ErrorCode.Overloaded, "Too many runs of this function wait already."), raised);
        }
        catch (RunStoreException ex)
        {
            return NotQueued(function, run, new FunctionError(ErrorCode.StoreFailed, $"The event could not be stored: {ex.Message}"), raised);
        }
    }

    private EventDelivery NotQueued(FunctionVersion function, NewRun run, FunctionError error, PlatformEvent raised)
    {
        Tell(function, run.Id, OutputLevel.Error, $"{raised.Slug} was not queued for {function.Name} ({ErrorTable.Of(error.Code).Name}): {error.Message}");
        return new EventDelivery(function.Name, run.Id, EventOutcome.NotQueued, Error: error);
    }

    private async Task<(EventDelivery Delivery, byte[]? User)> CallAsync(
        FunctionVersion function, EventMessage message, CancellationToken cancellationToken)
    {
        var request = RequestFor(function, message);
        var raised = message.Event;
        if (function.BuildError is { } broken)
        {
            return (Failed(request, raised, broken), null);
        }

        await using var exchange = await invoker.InvokeAsync(request, cancellationToken);
        if (exchange.Response is not { } response)
        {
            return (Failed(request, raised, exchange.Error!), null);
        }

        var (reply, cut) = await ReadReplyAsync(exchange, response);
        if (cut is not null)
        {
            return (Failed(request, raised, cut), null);
        }

        // An older function says no with any status but these two; a handler's no is 401.
        if (response.Status is 200 or 204)
        {
            var outcome = reply.Length > 0 && EventUser.IsObject(reply) ? EventOutcome.Changed : EventOutcome.Accepted;
            Tell(function, request.RequestId, OutputLevel.Info, $"{raised.Slug}: {function.Name} {(outcome == EventOutcome.Changed ? "changed the user" : "accepted")}");
            return (new EventDelivery(function.Name, request.RequestId, outcome, response.Status), outcome == EventOutcome.Changed ? reply : null);
        }

        if (!raised.IsDeniable)
        {
            return (Failed(request, raised, new FunctionError(ErrorCode.FunctionError, $"The function answered with status {response.Status}."), response.Status), null);
        }

        Tell(function, request.RequestId, response.Status == Unauthorized ? OutputLevel.Info : OutputLevel.Warn, $"{raised.Slug}: {function.Name} denied it with status {response.Status}");
        return (new EventDelivery(function.Name, request.RequestId, EventOutcome.Denied, response.Status), null);
    }

    private EventDelivery Failed(InvocationRequest request, PlatformEvent raised, FunctionError error, int? status = null)
    {
        var thrown = error.Thrown is { } details ? $"\n{details.Type}: {details.Message}\n{string.Join('\n', details.Trace)}" : "";
        Tell(request.Function, request.RequestId, OutputLevel.Error, $"{raised.Slug}: {request.Function.Name} failed ({ErrorTable.Of(error.Code).Name}): {error.Message}{thrown}");
        return new EventDelivery(request.Function.Name, request.RequestId, EventOutcome.Failed, status, error);
    }

    private InvocationRequest RequestFor(FunctionVersion function, EventMessage message) => new()
    {
        Function = function,
        RequestId = RequestId.Create(clock.GetUtcNow()),
        Method = "POST",
        Url = UrlOf(function),
        Headers = HeadersOf(message),
        ClientIp = ClientIp,
        Body = RequestBody.FromWhole(message.Body),
    };

    private static async Task<(byte[] Reply, FunctionError? Cut)> ReadReplyAsync(IExchange exchange, InvocationResponse response)
    {
        if (!response.IsStreamed)
        {
            return (response.Body.ToArray(), null);
        }

        if (response.Length > MaxUserBytes)
        {
            return ([], TooLarge());
        }

        // The host's own limits bound what comes here.
        using var bytes = new MemoryStream();
        var writer = PipeWriter.Create(bytes, new StreamPipeWriterOptions(leaveOpen: true));
        var cut = await exchange.CopyBodyToAsync(writer);
        await writer.CompleteAsync();
        return bytes.Length > MaxUserBytes ? ([], TooLarge()) : (bytes.ToArray(), cut);
    }

    private static FunctionError TooLarge() =>
        new(ErrorCode.ResponseTooLarge, $"The answer to an event about a user is limited to {MaxUserBytes} bytes.");

    private static string UrlOf(FunctionVersion function) => $"{function.Site.Url}/.netlify/functions/{function.Name}";

    private static string[] HeadersOf(EventMessage message) =>
        ["content-type", "application/json", PlatformEvent.Header, message.Event.Slug, .. message.CdnLoop is { Length: > 0 } loop ? (string[])["cdn-loop", loop] : []];

    private void Tell(FunctionVersion function, string requestId, OutputLevel level, string text) =>
        output.Write(new OutputLine(function, requestId, level, text));
}
