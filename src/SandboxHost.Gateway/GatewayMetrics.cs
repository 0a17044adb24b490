using System.Diagnostics.Metrics;

namespace SandboxHost.Gateway;

/// <summary>Meter "SandboxHost.Gateway". Methods are named after facts.</summary>
internal static class GatewayMetrics
{
    public const string MeterName = "SandboxHost.Gateway";

    private static readonly Meter Meter = new(MeterName);

    private static readonly Counter<long> RateLimited =
        Meter.CreateCounter<long>("faas.rate_limited", "{request}", "Requests above a rate limit, by function or redirect and by what they got");

    public static void RequestRateLimited(string site, string scope, bool isRewritten) => RateLimited.Add(
        1,
        new KeyValuePair<string, object?>("site", site),
        new KeyValuePair<string, object?>("scope", scope),
        new KeyValuePair<string, object?>("action", isRewritten ? "rewrite" : "rate_limit"));
}
