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
            if (!Uri.TryCreate(raw, UriKind.Absolute, out var absolute) || absolute.Scheme is not ("http" or "https"))
            {
                return null;
            }

            raw = absolute.PathAndQuery;
        }

        var query = raw.AsSpan().IndexOfAny('?', '#');
        var path = query < 0 ? raw : raw[..query];
        var host = request.Host.HasValue ? request.Host.Value! : "localhost";
        return new RequestTarget(string.Concat(request.Scheme, "://", host, raw), path, NameOf(host));
    }

    private static string NameOf(string host)
    {
        // "[::1]:80" has its colons before the bracket closes.
        var colon = host.LastIndexOf(':');
        return colon > host.LastIndexOf(']') ? host[..colon] : host;
    }
}
