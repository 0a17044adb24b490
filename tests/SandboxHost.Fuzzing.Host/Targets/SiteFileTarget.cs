using SandboxHost.Routing.Rules;
using SandboxHost.Sites.Rules;
using SandboxHost.Sites.Settings;

namespace SandboxHost.Fuzzing.Targets;

/// <summary>The files of a site that the host reads: netlify.toml, _redirects, _headers, .env.</summary>
internal static class SiteFileTarget
{
    private static readonly Dictionary<string, string> NoEnvironment = new(StringComparer.Ordinal);

    private static readonly Visitor Visitor = new()
    {
        Scheme = "http",
        Host = "localhost",
        Path = RulePath.Of("/a/b"),
        Query = "a=1&b",
        Cookies = "nf_lang=de; x",
        AcceptLanguage = "de;q=0.5, en",
    };

    public static FuzzTarget Create() => new("site-file", "netlify.toml, _redirects, _headers and .env", Run, Seeds());

    // The first byte says which file.
    private static void Run(byte[] input)
    {
        if (input.Length == 0)
        {
            return;
        }

        var text = FuzzTarget.TextOf(input[1..]);
        var mistakes = new List<string>();
        switch ((char)input[0])
        {
            case 't':
                var toml = NetlifyToml.Parse(text, new DeployContext(DeployContext.Dev, "main"), mistakes);
                Rules(RedirectTables.Read("netlify.toml", toml?.Root ?? [], mistakes.Add), HeadersFile.Read("netlify.toml", toml?.Root ?? [], mistakes.Add), mistakes);
                break;
            case 'r':
                Rules(RedirectsFile.Read("_redirects", text, mistakes.Add), [], mistakes);
                break;
            case 'h':
                Rules([], HeadersFile.Read("_headers", text, mistakes.Add), mistakes);
                break;
            default:
                var variables = DotEnvParser.Parse(text);
                var merged = SiteEnvironment.Merge([new VariableLayer(".env", variables)], NoEnvironment, mistakes);
                FuzzTarget.Holds(merged.Keys.All(name => name.Length > 0 && !name.Contains('=', StringComparison.Ordinal)), "names are names");
                FuzzTarget.Holds(!merged.Values.Any(value => value.Contains('\0', StringComparison.Ordinal)), "no value ends early");
                break;
        }
    }

    private static void Rules(IEnumerable<RedirectDeclaration> redirects, IEnumerable<HeaderDeclaration> headers, List<string> mistakes)
    {
        var compiler = new RedirectCompiler(NoEnvironment, mistakes.Add);
        var table = new RedirectTable([.. redirects.Select(compiler.Compile).OfType<RedirectRule>()]);
        var match = table.Find(Visitor);
        FuzzTarget.Holds(!match.Target.AsSpan().ContainsAny('\r', '\n', '\0'), "no target ends the line of its header");
        var fields = new HeaderTable([.. headers.Select(declaration => HeaderFields.Compile(declaration, mistakes.Add)).OfType<HeaderRule>()]);
        foreach (var (name, value) in fields.Find("/a/b").SelectMany(rule => rule.Fields))
        {
            FuzzTarget.Holds(name.Length > 0 && !name.Any(c => c is <= ' ' or ':'), "a header's name is a name");
            FuzzTarget.Holds(!value.AsSpan().ContainsAny('\r', '\n', '\0'), "no header's value ends its line");
        }
    }

    private static List<byte[]> Seeds() =>
    [
        .. new[]
        {
            "t[build]\npublish = \"dist\"\n[functions.\"a*\"]\nschedule = \"@hourly\"\nincluded_files = [\"x\"]\n",
            "t[[redirects]]\nfrom = \"/a/*\"\nto = \"/b/:splat\"\nstatus = 302\nquery = {a = \":a\"}\nconditions = {Country = [\"DE\"]}\n",
            "t[[headers]]\nfor = \"/*\"\n[headers.values]\nx-a = \"b\"\n[context.dev.environment]\nA = \"1\"\n[dev]\nport = 1\n",
            "t\"\\",
            "r/a/* /b/:splat 301!\n/c a=:a /d?x=:a 200 Country=de Language=en\nhttp://x.example/y /z\n# c\n",
            "h/*\n  x-a: b\n  x-a: c\n/b\n  link: <x>; rel=y\n",
            "e# c\nexport A=1\nB = \"x\\ny\" # c\nC: 'q\nr'\nD=`t`\nE=\\\"\n",
        }.Select(FuzzTarget.Text),
    ];
}
