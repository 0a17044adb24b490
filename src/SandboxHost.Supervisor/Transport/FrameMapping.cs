using Google.Protobuf;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Protocol.Worker.V1;

namespace SandboxHost.Supervisor.Transport;

/// <summary>From the domain's words to the protocol's; nothing else.</summary>
internal static class FrameMapping
{
    public static Specialise ToSpecialise(FunctionVersion function)
    {
        var specialise = new Specialise
        {
            FunctionName = function.Name,
            Entry = function.Entry,
            Site = new Site { Id = function.Site.Id, Name = function.Site.Name, Url = function.Site.Url },
            Deploy = new Deploy
            {
                Id = function.Deploy.Id,
                Context = function.Deploy.Context,
                Published = function.Deploy.Published,
            },
            AccountId = function.Site.AccountId,
            Region = function.Deploy.Context == "dev" ? "dev" : "local",
            ShowErrors = function.ShowErrors,
        };
        specialise.Routes.AddRange(function.Routes.Select(route => route.Pattern.Text));
        foreach (var (name, value) in function.Environment)
        {
            specialise.Environment.Add(name);
            specialise.Environment.Add(value);
        }

        return specialise;
    }

    /// <summary>All but the id, which is given when the frame is queued.</summary>
    public static HostFrame ToInvoke(InvocationRequest request, DateTimeOffset now)
    {
        var invoke = new Invoke
        {
            RequestId = request.RequestId,
            Method = request.Method,
            Url = request.Url,
            ClientIp = request.ClientIp,
            Route = request.Route,
            DeadlineUnixMs = (now + Invocation.InitialTimeLimitOf(request)).ToUnixTimeMilliseconds(),
            // An idempotent request may be replayed anyway, so nobody needs to know whether the function saw it.
            Acknowledge = !request.IsIdempotent,
            Trigger = request.Trigger switch
            {
                InvocationTrigger.Background => Trigger.Background,
                InvocationTrigger.Schedule => Trigger.Schedule,
                _ => Trigger.Unspecified,
            },
        };
        invoke.Headers.AddRange(request.Headers);
        if (request.Body.Reader is not null)
        {
            invoke.BodyKind = BodyKind.Streamed;
        }
        else if (!request.Body.Complete.IsEmpty)
        {
            invoke.BodyKind = BodyKind.Complete;
            invoke.Body = UnsafeByteOperations.UnsafeWrap(request.Body.Complete);
        }

        return new HostFrame { Invoke = invoke };
    }
}
