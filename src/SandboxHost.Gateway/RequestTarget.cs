using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace SandboxHost.Gateway;

/// <summary>Where a request wants to go, as the client wrote it.</summary>
/// <param name="Url">Absolute, with the path and query exactly as sent (RFC 9112 §3.2).</param>
/// <param name="Path">The path as sent, percent-encoded, without the query.</param>
/// <param name="HostName">Without the port.</param>
public sealed record RequestTarget(string Url, string Path, string HostName)
{
    /// <summary>Null when the target is neither a path nor an absolute address: CONNECT's authority, or "*".</summary>
    public static RequestTarget? Read(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var request = context.Request;
        var raw = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        if (!raw.StartsWith('/'))
        {
            // A client that speaks to a proxy sends the absolute form. Kestrel has checked that it fits the Host header.
            if (PathOf(raw) is not { } fromPath)
            {
                return null;
            }

            raw = fromPath;
        }

        var query = raw.AsSpan().IndexOfAny('?', '#');
        var path = query < 0 ? raw : raw[..query];
        var host = HostOf(request);
        return new RequestTarget(string.Concat(request.Scheme, "://", host, raw), path, NameOf(host));
    }

    /// <summary>The Host field as it was sent, with its port; "localhost" when there is none.</summary>
    /// <remarks>HttpRequest.Host decodes names that look like Punycode, and throws at those that only look so.</remarks>
    internal static string HostOf(HttpRequest request)
    {
        var host = request.Headers.Host;
        return host.Count == 1 && host[0] is { Length: > 0 } one ? one : "localhost";
    }

    // By hand: a Uri would resolve and decode parts of it, and takes "http:80", which is CONNECT's, for an address.
    private static string? PathOf(string raw)
    {
        var start = raw.StartsWith("http://", StringComparison.OrdinalIgnoreCase) ? 7
            : raw.StartsWith("https://", StringComparison.OrdinalIgnoreCase) ? 8
            : 0;
        if (start == 0)
        {
            return null;
        }

        var end = raw.AsSpan(start).IndexOfAny('/', '?', '#');
        if (end < 0)
        {
            return "/";
        }

        var rest = raw[(start + end)..];
        return rest[0] == '/' ? rest : "/" + rest;
    }

    private static string NameOf(string host)
    {
        // "[::1]:80" has its colons before the bracket closes.
        var colon = host.LastIndexOf(':');
        return colon > host.LastIndexOf(']') ? host[..colon] : host;
    }
}
