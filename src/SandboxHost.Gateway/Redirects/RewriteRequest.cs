using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using SandboxHost.Deployments;
using SandboxHost.Routing.Rules;
using Yarp.ReverseProxy.Forwarder;

namespace SandboxHost.Gateway.Redirects;

/// <summary>What changes on a request's way to another host. Connection headers are left out by the forwarder itself.</summary>
internal sealed class RewriteRequest(Uri address, SiteSnapshot site, RedirectRule rule, string requestId, TimeProvider clock) : HttpTransformer
{
    private const string LoopHeader = "cdn-loop";
    private const string LoopMark = "sandboxhost";

    private static readonly TimeSpan SignatureLifetime = TimeSpan.FromMinutes(5);

    /// <summary>Whether a rewrite of this host made the request: one rewrite leads to a function or a file, never to another rewrite.</summary>
    public static bool CameFromHere(HttpRequest request) =>
        request.Headers[LoopHeader].Any(value => value?.Contains(LoopMark, StringComparison.OrdinalIgnoreCase) == true);

    public override async ValueTask TransformRequestAsync(
        HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
    {
        await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
        proxyRequest.RequestUri = address;
        var headers = proxyRequest.Headers;
        // The target's own name; and what only the host may say, a client can't.
        headers.Host = null;
        var request = httpContext.Request;
        var named = RequestReader.NamedByConnection(request.Headers);
        foreach (var name in request.Headers.Keys.Where(name => HeaderRules.IsPlatform(name) || HeaderRules.IsHopByHop(name) || named?.Contains(name) == true))
        {
            Remove(proxyRequest, name);
        }

        headers.TryAddWithoutValidation("x-forwarded-for", RequestReader.ClientIp(httpContext));
        headers.TryAddWithoutValidation("x-forwarded-host", RequestTarget.HostOf(request));
        headers.TryAddWithoutValidation("x-forwarded-proto", request.Scheme);
        headers.TryAddWithoutValidation("x-nf-request-id", requestId);
        headers.TryAddWithoutValidation(LoopHeader, LoopMark);
        for (var i = 0; i < rule.Headers.Count; i += 2)
        {
            Set(proxyRequest, rule.Headers[i], rule.Headers[i + 1]);
        }

        if (rule.SigningSecret is { } secret)
        {
            Set(proxyRequest, "x-nf-sign", Sign(Encoding.UTF8.GetBytes(secret)));
        }
    }

    public override async ValueTask<bool> TransformResponseAsync(
        HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        var goesOn = await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
        httpContext.Response.Headers["x-nf-request-id"] = requestId;
        return goesOn;
    }

    private static void Set(HttpRequestMessage request, string name, string value)
    {
        Remove(request, name);
        if (!request.Headers.TryAddWithoutValidation(name, value))
        {
            request.Content?.Headers.TryAddWithoutValidation(name, value);
        }
    }

    // Which of the two has a field depends on its name, and the wrong one throws when it is told to remove it.
    private static void Remove(HttpRequestMessage request, string name)
    {
        if (request.Headers.NonValidated.Contains(name))
        {
            request.Headers.Remove(name);
        }

        if (request.Content?.Headers.NonValidated.Contains(name) == true)
        {
            request.Content.Headers.Remove(name);
        }
    }

    // A token (RFC 7519, HS256) that says which deploy sent the request (reference §12).
    private string Sign(byte[] key)
    {
        var now = clock.GetUtcNow();
        var claims = new JsonObject
        {
            ["deploy_context"] = site.Functions.Count > 0 ? site.Functions[0].Deploy.Context : "dev",
            ["netlify_id"] = site.Identity.Id,
            ["site_url"] = site.Identity.Url,
            ["iat"] = now.ToUnixTimeSeconds(),
            ["exp"] = (now + SignatureLifetime).ToUnixTimeSeconds(),
            ["iss"] = "netlify",
        };
        var signed = $"{Encoded("""{"alg":"HS256","typ":"JWT"}""")}.{Encoded(claims.ToJsonString())}";
        return string.Create(CultureInfo.InvariantCulture, $"{signed}.{Base64Url.EncodeToString(HMACSHA256.HashData(key, Encoding.ASCII.GetBytes(signed)))}");
    }

    private static string Encoded(string json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));
}
