using SandboxHost.Routing;
using SandboxHost.Routing.Rules;

namespace SandboxHost.Fuzzing.Targets;

/// <summary>Patterns of an author against paths of a client: of functions, of redirects and of header rules.</summary>
internal static class PatternTarget
{
    public static FuzzTarget Create() => new("pattern", "patterns of functions, redirects and header rules, and paths against them", Run, Seeds());

    // A pattern, a line break, a path.
    private static void Run(byte[] input)
    {
        var text = FuzzTarget.TextOf(input);
        var end = text.IndexOf('\n', StringComparison.Ordinal);
        var (pattern, path) = end < 0 ? (text, "/a/b") : (text[..end], "/" + text[(end + 1)..]);
        if (RoutePattern.TryParse(pattern, out var route, out _))
        {
            _ = route.Matches(path.ToLowerInvariant());
        }

        var captures = new List<RuleCapture>();
        foreach (var dialect in Enum.GetValues<RuleDialect>())
        {
            _ = RulePattern.Parse(pattern, dialect).Matches(RulePath.Of(UrlPath.Canonical(path)), captures);
        }

        if (RedirectTarget.TryParse(pattern, out var target) && target.Expand(captures, "q=1") is { } expanded)
        {
            FuzzTarget.Holds(target.IsAddress || !expanded.StartsWith("//", StringComparison.Ordinal), "a path does not become a host");
            FuzzTarget.Holds(!expanded.AsSpan().ContainsAny('\r', '\n', '\0'), "no target ends the line of its header");
        }
    }

    private static List<byte[]> Seeds() =>
    [
        .. new[]
        {
            "/a/b\na/b", "/a/:id\na/1", "/a/*\na/b/c", "/:a/:b?\nx/y", "/a/:id(\\d+)\na/12", "/{a|b}/*\na/c", "/a/*/b/*\na/x/b/y", "/:splat\n//evil.example",
            "http://example.com/:splat\nx", "/a/:id([a-z]+(?=x))\nax", "/*\n", "/((a+)+)b\naaaaaaaaaaaaaaaaaaaaaaaa", "*\nx", "/a{/b}?\na/b", "/\\:x\n:x",
        }.Select(FuzzTarget.Text),
    ];
}
