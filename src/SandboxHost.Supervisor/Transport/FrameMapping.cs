using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Serialization;
using Google.Protobuf;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Protocol.Worker.V1;

namespace SandboxHost.Supervisor.Transport;

/// <summary>From the domain's words to the protocol's; nothing else.</summary>
internal static class FrameMapping
{
    private const string RegionVariable = "AWS_REGION";

    // Netlify's codes are airports; what its functions read at run time are the names of AWS (reference §3.1 and §8).
    private static readonly FrozenDictionary<string, string> Regions = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["cdg"] = "eu-west-3",
        ["cmh"] = "us-east-2",
        ["dub"] = "eu-west-1",
        ["fra"] = "eu-central-1",
        ["gru"] = "sa-east-1",
        ["iad"] = "us-east-1",
        ["lhr"] = "eu-west-2",
        ["mxp"] = "eu-south-1",
        ["nrt"] = "ap-northeast-1",
        ["pdx"] = "us-west-2",
        ["sfo"] = "us-west-1",
        ["sin"] = "ap-southeast-1",
        ["syd"] = "ap-southeast-2",
        ["yul"] = "ca-central-1",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    public static Specialise ToSpecialise(FunctionVersion function, CodeCacheUse codeCache)
    {
        var region = RegionOf(function);
        var specialise = new Specialise
        {
            FunctionName = function.Name,
            Entry = function.Entry,
            Site = new Protocol.Worker.V1.Site { Id = function.Site.Id, Name = function.Site.Name, Url = function.Site.Url },
            Deploy = new Protocol.Worker.V1.Deploy
            {
                Id = function.Deploy.Id,
                Context = function.Deploy.Context,
                Published = function.Deploy.Published,
                Branch = function.Environment.GetValueOrDefault("BRANCH", function.Deploy.Branch),
            },
            AccountId = function.Site.AccountId,
            Region = region,
            ShowErrors = function.ShowErrors,
            Geo = JsonSerializer.Serialize(function.Geo, GeoJson.Default.GeoLocation),
            MemoryMb = (uint)(function.Limits.MemoryBytes / FunctionLimits.Megabyte),
            CodeCache = codeCache,
        };
        specialise.Routes.AddRange(function.Routes.Select(route => route.Pattern.Text));
        foreach (var (name, value) in function.Environment)
        {
            specialise.Environment.Add(name);
            specialise.Environment.Add(value);
        }

        if (!function.Environment.ContainsKey(RegionVariable))
        {
            specialise.Environment.Add(RegionVariable);
            specialise.Environment.Add(region);
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

    private static string RegionOf(FunctionVersion function)
    {
        if (function.Region is { } code)
        {
            return Regions.GetValueOrDefault(code, code);
        }

        return function.Deploy.Context == "dev" ? "dev" : "local";
    }
}

/// <summary>A place as Netlify writes it into x-nf-geo: city, country, …, postal_code.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(GeoLocation))]
internal sealed partial class GeoJson : JsonSerializerContext;
