using Microsoft.AspNetCore.Http;
using SandboxHost.Deployments;
using SandboxHost.Events;
using SandboxHost.Gateway.Static;
using SandboxHost.Invocations;
using SandboxHost.Output;
using SandboxHost.Routing;

namespace SandboxHost.Gateway.Forms;

/// <summary>
/// Takes HTML forms that are sent to a site's own address, where nothing else answers: a form becomes the event
/// submission_created. Only for sites with a function that is told of it; elsewhere such a request goes on as before.
/// </summary>
internal sealed class FormSubmissions(PlatformEvents events, ILogSink output, TimeProvider clock)
{
    /// <summary>A field that people don't see: what fills it in is a program.</summary>
    private const string HoneypotField = "bot-field";

    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(10);

    /// <returns>False when it is none; nothing of it was read then.</returns>
    public async Task<bool> TryTakeAsync(HttpContext context, SiteSnapshot site, RequestTarget target, string requestId)
    {
        if (!HttpMethods.IsPost(context.Request.Method)
            || target.Path.StartsWith("/.netlify/", StringComparison.OrdinalIgnoreCase)
            || FormReader.TypeOf(context.Request) is not { } type
            || site.SubscribersOf(PlatformEvent.FormSubmitted).ToList() is not { Count: > 0 } subscribers)
        {
            return false;
        }

        if (await RefuseAsync(context, site, subscribers, type, requestId) is { } error)
        {
            await ErrorResponses.WriteAsync(context, error, requestId, subscribers[0].ShowErrors);
            return true;
        }

        await FormReply.WriteAsync(context, target, page => HasPage(site, page));
        return true;
    }

    private static bool HasPage(SiteSnapshot site, string path)
    {
        using var file = StaticFile.Open(site.Files, path);
        return file is not null || site.Routes.Match(HttpMethods.Get, path).Outcome == RouteOutcome.Function;
    }

    /// <summary>Reads the form and tells the functions; returns why not.</summary>
    private async Task<FunctionError?> RefuseAsync(
        HttpContext context, SiteSnapshot site, List<FunctionVersion> subscribers, Microsoft.Net.Http.Headers.MediaTypeHeaderValue type, string requestId)
    {
        if (LoopProtection.IsLoop(context.Request))
        {
            return new FunctionError(ErrorCode.LoopDetected, $"The form has been through this host more than {LoopProtection.MaxPasses} times: a function sends it to itself.");
        }

        // The smallest of the limits: each function gets the same.
        var bounds = new FormBounds(subscribers.Min(function => function.Limits.BackgroundBytes), subscribers.Min(function => function.Limits.RequestBytes));
        using var inTime = new CancellationTokenSource(subscribers.Min(function => function.Limits.BufferedTime), clock);
        using var reading = CancellationTokenSource.CreateLinkedTokenSource(inTime.Token, context.RequestAborted);
        IReadOnlyList<FormField> fields;
        try
        {
            fields = await FormReader.ReadAsync(context, type, bounds, reading.Token);
        }
        catch (BadFormException ex)
        {
            return new FunctionError(ex.IsTooLarge ? ErrorCode.RequestTooLarge : ErrorCode.BadRequest, ex.Message);
        }
        catch (OperationCanceledException) when (inTime.IsCancellationRequested && !context.RequestAborted.IsCancellationRequested)
        {
            return new FunctionError(ErrorCode.BadRequest, "The form did not come to its end in time.");
        }

        if (fields.Any(field => field is { Name: HoneypotField, Value.Length: > 0 }))
        {
            output.Write(new OutputLine(null, requestId, OutputLevel.Info, $"A form was discarded: {HoneypotField} was filled in"));
            return null;
        }

        return await TellAsync(context, site, fields);
    }

    private async Task<FunctionError?> TellAsync(HttpContext context, SiteSnapshot site, IReadOnlyList<FormField> fields)
    {
        var headers = context.Request.Headers;
        var sender = new FormSender(RequestReader.ClientIp(context), TextOf(headers.UserAgent), TextOf(headers.Referer));
        var body = SubmissionPayload.Of(fields, sender, site.Identity.Url, clock.GetUtcNow());

        // Whether the client waits or not: what is half told would be told to nobody.
        var result = await events.RaiseAsync(site, new EventMessage(PlatformEvent.FormSubmitted, body, TextOf(headers[LoopProtection.HeaderName])), CancellationToken.None);
        return result.Deliveries.Select(delivery => delivery.Error).OfType<FunctionError>().FirstOrDefault() is { } error
            ? error with { RetryAfter = RetryAfter }
            : null;
    }

    private static string? TextOf(Microsoft.Extensions.Primitives.StringValues values) => values.Count == 0 ? null : string.Join(", ", values.ToArray());
}
