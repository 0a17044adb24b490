using SandboxHost.Deployments;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using SandboxHost.Gateway;
using SandboxHost.Gateway.Static;
using SandboxHost.Routing;
using SandboxHost.Routing.Rules;

namespace SandboxHost.Fuzzing.Targets;

/// <summary>What a client asks for: the target of a request line, and all that is made of its path.</summary>
internal static class PathTarget
{
    private static readonly PublishedFiles Secret = new("/", ["secret"]);

    private static readonly RouteTable Routes = new([]);

    public static FuzzTarget Create() => new("path", "targets of requests: paths, names of files, host names", Run, Seeds());

    private static void Run(byte[] input)
    {
        // Kestrel takes no more, and hands on one character a byte. A line break, then the Host field.
        var words = Encoding.Latin1.GetString(input.AsSpan(0, Math.Min(input.Length, 16 * 1024))).Split('\n', 2);
        var raw = words[0];
        var context = new DefaultHttpContext();
        context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget = raw;
        context.Request.Scheme = "http";
        context.Request.Headers.Host = words.Length > 1 ? words[1] : "localhost";
        if (RequestTarget.Read(context) is not { } target)
        {
            FuzzTarget.Holds(!raw.StartsWith('/'), "a path is a target");
            return;
        }

        FuzzTarget.Holds(target.Path.StartsWith('/'), "a path begins with a slash");
        var path = UrlPath.Resolve(target.Path);
        FuzzTarget.Holds(path.StartsWith('/'), "a resolved path begins with a slash");
        FuzzTarget.Holds(UrlPath.Resolve(path) == path, "resolving twice is resolving once");
        FuzzTarget.Holds(!path.Split('/').Any(segment => Uri.UnescapeDataString(segment) is "." or ".."), "no dot segment is left");
        var canonical = UrlPath.Canonical(path);
        FuzzTarget.Holds(UrlPath.Canonical(canonical) == canonical, "the one spelling is spelled in one way");
        _ = RulePath.Of(canonical);
        _ = Routes.Match("GET", target.Path);
        foreach (var name in StaticPaths.CandidatesFor(path))
        {
            FuzzTarget.Holds(!Path.IsPathRooted(name) && !name.Split('/', '\\').Contains(".."), "no name of a file leads out of its folder");
            FuzzTarget.Holds(!name.AsSpan().ContainsAny('\0', '\\'), "no name of a file holds what ends it or separates elsewhere");
            _ = Secret.IsHidden(name);
        }
    }

    private static List<byte[]> Seeds() =>
    [
        .. new[]
        {
            "/", "/a/b.html?q=1#f", "/a/../b/./c", "/%2e%2e/%2E./x", "/..\\..\\x", "http://example.com/a?b", "HTTPS://h", "http://h#x", "*", "example.com:443",
            "/.netlify/functions/hello/more", "/.netlify/functions/%00", "//example.com/x", "/caf\u00e9/%C3%A9", "/%2f%5c%00%", "/a%2Fb//c/", "/.well-known/x", "/node_modules/x",
            "/\nxn--", "/\nxn--a.localhost:80", "/\n[::1]:80", "/\n::1", "/\na:b:c",
        }.Select(FuzzTarget.Text),
    ];
}
