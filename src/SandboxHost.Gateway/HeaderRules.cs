using System.Collections.Frozen;
using Microsoft.AspNetCore.Http;

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
        "forwarded", "x-netlify-event", "client-ip");

    public static bool IsHopByHop(string name) => HopByHop.Contains(name);

    public static bool IsPlatform(string name) =>
        name.StartsWith("x-nf-", StringComparison.OrdinalIgnoreCase)
        || name.StartsWith("x-forwarded-", StringComparison.OrdinalIgnoreCase)
        || name.StartsWith("x-sandboxhost-", StringComparison.OrdinalIgnoreCase)
        || Platform.Contains(name);

    /// <summary>
    /// Whether the length of the body is said in two ways, so that a proxy in front may have read another request than
    /// this one (RFC 9112 §6.1 and §6.3). Kestrel goes by Transfer-Encoding and renames the other field.
    /// </summary>
    public static bool IsFramedTwice(HttpRequest request) =>
        request.Headers.TransferEncoding.Count > 0
        && (request.Headers.ContainsKey("X-Content-Length") || HttpProtocol.IsHttp10(request.Protocol));
}
