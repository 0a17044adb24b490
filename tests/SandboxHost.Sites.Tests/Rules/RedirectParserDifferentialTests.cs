using System.Text.Json.Nodes;
using CsCheck;
using Tomlyn;
using Tomlyn.Model;

namespace SandboxHost.Sites.Rules;

/// <summary>The same files to our reader and to @netlify/redirect-parser.</summary>
public sealed class RedirectParserDifferentialTests
{
    private const int Files = 2000;

    private static readonly Gen<string> Token = Gen.OneOf(
        "/a", "/b/*", "/c/:id", "*", "http://x.test/a", "https://x.test/*", "/.netlify/x", "https://x.test/.netlify/y", "a=b", "id=:id", "x", "k=", "=v", "a=b=c",
        "301", "302!", "200", "200!", "404", "!", "20x", "-1", "abc!", "Language=de,fr", "language=de", "Country=us", "country=a,b", "Role=admin", "role=x", "Cookie=c,d",
        "Sign=KEY", "signed=OTHER", "Foo=bar", "Language", "#", "#x", "/d#e", "/é", "/%20");

    private static readonly Gen<string> Line =
        from indent in Gen.OneOf("", "  ", "\t")
        from tokens in Token.Array[0, 6]
        from gap in Gen.OneOf(" ", "   ", "\t", " \u00a0")
        from end in Gen.OneOf("", " ", "\r")
        select indent + string.Join(gap, tokens) + end;

    private static readonly string[] HandWritten =
    [
        "", "\n\n", "# only a comment", "/a", "/a /b", "/a /b 301", "/a /b 302!", "/a b=c /d", "/a b=:c d=:e /f/:c/:e 200", "/a/* 200", "/a/* 200!", "/a 200", "/a/* 301",
        "/a /b 200 Language=de,fr Country=at", "/a /b 200 language=de", "/a /b 200 Role=admin,editor", "/a /b 200 Cookie=x,y", "/a /b 200 Sign=KEY", "/a /b # why", "/a #b /c", "/a /b#c",
        "/a nowhere", "/a /b nostatus", "/.netlify/a /b", "https://x.test/.netlify /b", "https://x.test/a/* https://y.test/:splat 301!", "http:// /b", "/a /b 200 Foo=bar", "/a\t/b\t\t302",
        "/a /b\n/a /c\n/a /b", "/a /b 301\r\n/c /d 302\r\n", "/a a=b=c /d", "/a x /d", "/a /b 200 Language", "/a http://x 200 signed=K Sign=L", "/*", "* /x", "/a /b 1e3", "/a /b +301",
    ];

    private static readonly string[] Tables =
    [
        Rule("from = '/a'\nto = '/b'"), Rule("from = '/a'\nto = '/b'\nstatus = 200\nforce = true"), Rule("to = '/b'"), Rule("from = '/a'"), Rule("from = '/a/*'\nstatus = 200"),
        Rule("origin = '/a'\ndestination = '/b'"), Rule("from = '/a'\nto = '/b'\nstatus = '302'"), Rule("from = '/a'\nto = '/b'\nstatus = 'x'"), Rule("from = '/a'\nto = '/b'\nquery = {id = ':id'}"),
        Rule("from = '/a'\nto = '/b'\nparams = {id = ':id'}"), Rule("from = '/a'\nto = '/b'\nconditions = {Language = ['de', 'fr'], Country = ['at']}"),
        Rule("from = '/a'\nto = '/b'\nconditions = {language = 'de , fr', role = ['x']}"), Rule("from = '/a'\nto = '/b'\nheaders = {X-Y = 'z'}"), Rule("from = '/a'\nto = '/b'\nheaders = 'x'"),
        Rule("from = '/a'\nto = '/b'\nsigned = 'KEY'"), Rule("from = '/a'\nto = '/b'\nsign = 'KEY'"), Rule("from = '/.netlify/x'\nto = '/b'"), "redirects = 'x'\n",
        Rule("from = '/a'\nto = '/b'") + Rule("from = '/c'\nto = '/d'") + Rule("from = '/a'\nto = '/b'"),
        Rule("from = '/a'\nto = '/b'\n[redirects.rate_limit]\nwindow_limit = 5\nwindow_size = 60\naggregate_by = ['ip', 'domain']"),
    ];

    [TimedFact]
    public async Task Files_written_by_hand_are_read_as_Netlify_reads_them()
    {
        using var oracle = new RuleOracle();
        foreach (var file in HandWritten)
        {
            Assert.Equal((file, await TheirsAsync(oracle, file, "")), (file, Ours(file, "")));
        }
    }

    [TimedFact]
    public async Task Tables_are_read_as_Netlify_reads_them()
    {
        using var oracle = new RuleOracle();
        foreach (var toml in Tables)
        {
            Assert.Equal((toml, await TheirsAsync(oracle, "/a /b\n", toml)), (toml, Ours("/a /b\n", toml)));
        }
    }

    [TimedFact]
    public async Task Generated_files_are_read_as_Netlify_reads_them()
    {
        using var oracle = new RuleOracle();
        var rules = 0;
        foreach (var file in Line.Array[1, 6].Select(lines => string.Join('\n', lines)).Single(Files))
        {
            var theirs = await TheirsAsync(oracle, file, "");
            Assert.True(theirs == Ours(file, ""), $"{file}\ntheirs: {theirs}\nours:   {Ours(file, "")}");
            rules += theirs.Split("from:").Length - 1;
        }

        Assert.True(rules > Files / 4, $"{rules} rules in {Files} files: the generator makes too much nonsense");
    }

    private static async Task<string> TheirsAsync(RuleOracle oracle, string file, string toml)
    {
        var answer = await oracle.AskAsync(new { ask = "redirects", file, toml });
        return $"{answer["errors"]!.AsArray().Count} mistakes; {string.Join('\n', answer["rules"]!.AsArray().Select(RuleOracle.TextOf))}";
    }

    private static string Ours(string file, string toml)
    {
        var mistakes = 0;
        var declarations = RedirectsFile.Read("_redirects", file, _ => mistakes++)
            .Concat(RedirectTables.Read("netlify.toml", TomlSerializer.Deserialize<TomlTable>(toml) ?? [], _ => mistakes++));
        var rules = SiteRules.LatestOfEach(declarations, declaration => declaration.Key).Select(ShapeOf).ToList();
        return $"{mistakes} mistakes; {string.Join('\n', rules.Select(RuleOracle.TextOf))}";
    }

    private static JsonObject ShapeOf(RedirectDeclaration declaration) => new()
    {
        ["from"] = declaration.From,
        ["to"] = declaration.To,
        ["status"] = declaration.Status,
        ["force"] = declaration.Force,
        ["query"] = declaration.Query.DeepClone(),
        ["conditions"] = declaration.Conditions.DeepClone(),
        ["signed"] = declaration.Signed,
        ["headers"] = declaration.Headers.DeepClone(),
        ["rate_limit"] = declaration.RateLimit?.DeepClone(),
    };

    private static string Rule(string body) => $"[[redirects]]\n{body}\n";
}
