using System.Collections.Frozen;

namespace SandboxHost.Gateway;

/// <summary>Which header fields do not pass through the host.</summary>
internal static class HeaderRules
{
    // RFC 9110 §7.6.1: they are about one connection. Content-Length is about one message, which is why it is not here.
    private static readonly FrozenSet<string> HopByHop = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase,
        "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings",
        "proxy-authenticate", "proxy-authorization");

    // What the host itself tells functions. From outside they would be lies.
    private static readonly FrozenSet<string> Platform = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase,
        "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "forwarded", "x-netlify-event", "client-ip");

    public static bool IsHopByHop(string name) => HopByHop.Contains(name);

    public static bool IsPlatform(string name) =>
        name.StartsWith("x-nf-", StringComparison.OrdinalIgnoreCase) || Platform.Contains(name);
}
