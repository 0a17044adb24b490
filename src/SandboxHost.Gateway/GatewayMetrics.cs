using System.Diagnostics.Metrics;
using SandboxHost.Deployments;

namespace SandboxHost.Gateway;

/// <summary>Meter "SandboxHost.Gateway". Methods are named after facts.</summary>
internal static class GatewayMetrics
{
    public const string MeterName = "SandboxHost.Gateway";

    private static readonly Meter Meter = new(MeterName);

    private static readonly Counter<long> RateLimited =
        Meter.CreateCounter<long>("faas.rate_limited", "{request}", "Requests above a rate limit, by function and by what they got");

    public static void RequestRateLimited(FunctionVersion function, bool isRewritten) => RateLimited.Add(
        1,
        new KeyValuePair<string, object?>("site", function.Site.Name),
        new KeyValuePair<string, object?>("function", function.Name),
        new KeyValuePair<string, object?>("action", isRewritten ? "rewrite" : "rate_limit"));
}
