using System.Collections.Frozen;

namespace SandboxHost.Gateway;

/// <summary>Lower-case forms of header names, without making the common ones anew for every request.</summary>
internal static class LowerCaseNames
{
    private static readonly FrozenDictionary<string, string> Common = new[]
    {
        "accept", "accept-charset", "accept-encoding", "accept-language", "authorization", "cache-control", "content-encoding",
        "content-length", "content-type", "cookie", "date", "dnt", "expect", "from", "host", "if-match", "if-modified-since",
        "if-none-match", "if-range", "if-unmodified-since", "last-event-id", "max-forwards", "origin", "pragma", "priority",
        "range", "referer", "sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform", "sec-fetch-dest", "sec-fetch-mode",
        "sec-fetch-site", "sec-fetch-user", "traceparent", "tracestate", "upgrade-insecure-requests", "user-agent", "via",
        "x-requested-with",
    }.ToFrozenDictionary(name => name, StringComparer.OrdinalIgnoreCase);

    public static string Of(string name) => Common.TryGetValue(name, out var lower) ? lower : name.ToLowerInvariant();
}
