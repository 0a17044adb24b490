using Microsoft.AspNetCore.Http;
using SandboxHost.Deployments;
using SandboxHost.Events;
using SandboxHost.Gateway.Events;
using SandboxHost.Gateway.Forms;
using SandboxHost.Gateway.RateLimits;
using SandboxHost.Gateway.Redirects;
using SandboxHost.Invocations;
using SandboxHost.Output;
using SandboxHost.Routing;

namespace SandboxHost.Gateway;

/// <summary>
/// The whole path of a request: site → route → (beside functions: redirects, files, forms) → rate limit → admit → (background: 202)
/// → invoke → respond. Each step is one call; what is decided in it is pure code in Core.
/// </summary>
public sealed class FunctionPipeline(
    SnapshotSource snapshots,
    IInvoker invoker,
    ILogSink output,
    TimeProvider clock,
    BackgroundCalls backgroundCalls,
    PlatformEvents events,
    RewriteProxy proxy)
{
    private readonly SiteRateLimits _rateLimits = new(clock);
    private readonly SiteResponder _beside = new(proxy, new FormSubmissions(events, output, clock), clock);
    private readonly SignedEvents _signedEvents = new(clock);

    public async Task HandleAsync(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var requestId = RequestId.Create(clock.GetUtcNow());
        context.Response.Headers["x-nf-request-id"] = requestId;
        FunctionVersion? function = null;
        try
        {
            // 0. One request, and not two in one.
            if (HeaderRules.IsFramedTwice(context.Request))
            {
                context.Response.Headers.Connection = "close";
                throw new BadHttpRequestException("The length of the body is said twice.");
            }

            // 1. The site, in the snapshot that this request keeps until its end.
            var target = RequestTarget.Read(context);
            var site = target is null ? null : snapshots.Current.FindSite(target.HostName);
            if (target is null || site is null)
            {
                await ErrorResponses.WriteAsync(context, Unroutable(target), requestId, showDetails: false);
                return;
            }

            // 2. The function, or what answers beside it.
            var match = site.Routes.Match(context.Request.Method, target.Path);
            if (match.Outcome == RouteOutcome.None || match.Function?.PreferStatic == true)
            {
                match = await _beside.AnswerAsync(context, site, target, match, _rateLimits, requestId);
            }

            // 3. How often it may be asked for; above that another path answers, or nobody.
            FunctionError? refusal = null;
            if (match is { Outcome: RouteOutcome.Function, Function.RateLimit: not null })
            {
                (match, refusal) = await LimitAsync(context, site, target, match, requestId);
            }

            if (match.Outcome == RouteOutcome.None)
            {
                return;
            }

            function = match.Function;
            if (match.Outcome != RouteOutcome.Function || Admission.HasNoUrl(match.Function!))
            {
                await ErrorResponses.WriteMissAsync(context, match.Outcome == RouteOutcome.Function ? RouteOutcome.UnknownFunction : match.Outcome, requestId);
                return;
            }

            // 4. What it may take.
            function = match.Function!;
            refusal ??= Admission.Refuses(context.Request, function);
            if (refusal is not null)
            {
                await ErrorResponses.WriteAsync(context, refusal, requestId, function.ShowErrors);
                return;
            }

            // 5. Whether it is an event from outside: only with a signature.
            SignedEvent? signed = null;
            if (SignedEvents.IsEvent(context.Request))
            {
                (signed, refusal) = await _signedEvents.ReadAsync(context, site, function);
                if (refusal is not null)
                {
                    await ErrorResponses.WriteAsync(context, refusal, requestId, function.ShowErrors);
                    return;
                }
            }

            // 6. Nobody waits for a background function: it is stored.
            if (function.Kind == FunctionKind.Background)
            {
                await backgroundCalls.AcceptAsync(context, target, match, requestId, signed);
                return;
            }

            // 7. Run it, and pass on what it says.
            var request = await RequestReader.ReadAsync(context, target, match, requestId, signed, clock);
            await InvokeAsync(context, request);
        }
        catch (BadHttpRequestException ex)
        {
            var code = ex.StatusCode == StatusCodes.Status413PayloadTooLarge ? ErrorCode.RequestTooLarge : ErrorCode.BadRequest;
            await ErrorResponses.WriteAsync(context, new FunctionError(code, "The request is not legal HTTP."), requestId, showDetails: false);
        }
        catch (Exception ex) when (ex is OperationCanceledException or IOException && context.RequestAborted.IsCancellationRequested)
        {
            // The client left; there is nobody to tell.
        }
        catch (Exception ex) when (!context.RequestAborted.IsCancellationRequested)
        {
            // A bug of ours costs one request, and the operator hears of it.
            output.Write(new OutputLine(function, requestId, OutputLevel.Error, $"The host failed (internal_error): {ex}"));
            await ErrorResponses.WriteAsync(context, new FunctionError(ErrorCode.InternalError, "The host failed."), requestId, showDetails: false);
        }
    }

    private async Task<(RouteMatch Match, FunctionError? Refusal)> LimitAsync(
        HttpContext context, SiteSnapshot site, RequestTarget target, RouteMatch match, string requestId)
    {
        if (_rateLimits.Take(context, site, target.HostName, match.Function!) is not { } wait)
        {
            return (match, null);
        }

        if (match.Function!.RateLimit!.RewriteTo is not { } instead)
        {
            return (match, SiteRateLimits.Refusal(wait));
        }

        // What answers there may have a limit of its own, but sends nobody on: above that it refuses.
        match = await SiteResponder.AnswerInsteadAsync(context, site, target, instead, requestId);
        return match is { Outcome: RouteOutcome.Function, Function.RateLimit: not null } && _rateLimits.Take(context, site, target.HostName, match.Function) is { } second
            ? (match, SiteRateLimits.Refusal(second))
            : (match, null);
    }

    private async Task InvokeAsync(HttpContext context, InvocationRequest request)
    {
        await using var exchange = await invoker.InvokeAsync(request, context.RequestAborted);
        if (request.Trigger == InvocationTrigger.Schedule && exchange.Error?.Code != ErrorCode.ClientGone)
        {
            if (exchange.Error is { } failure)
            {
                Tell(request, failure, "No response");
            }

            await ScheduledPage.WriteAsync(context, request, exchange, clock.GetUtcNow());
            return;
        }

        if (exchange.Response is { } response)
        {
            var error = await ResponseWriter.WriteAsync(context, response, exchange);
            if (error is not null)
            {
                Tell(request, error, "The response was cut");
            }

            return;
        }

        Tell(request, exchange.Error!, "No response");
        await ErrorResponses.WriteAsync(context, exchange.Error!, request.RequestId, request.Function.ShowErrors);
    }

    private void Tell(InvocationRequest request, FunctionError error, string what)
    {
        if (error.Code == ErrorCode.ClientGone)
        {
            return;
        }

        var thrown = error.Thrown is { } thrownError ? $"\n{thrownError.Type}: {thrownError.Message}\n{string.Join('\n', thrownError.Trace)}" : "";
        output.Write(new OutputLine(
            request.Function, request.RequestId, OutputLevel.Error, $"{what} ({ErrorTable.Of(error.Code).Name}): {error.Message}{thrown}"));
    }

    private static FunctionError Unroutable(RequestTarget? target) => target is null
        ? new FunctionError(ErrorCode.BadRequest, "The request target is not a path or an address of this host.")
        : new FunctionError(ErrorCode.NotFound, "No site answers at this host name.");
}
