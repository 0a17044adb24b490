using System.Text.Json.Nodes;
using CsCheck;
using SandboxHost.Routing;
using SandboxHost.Routing.Rules;
using Tomlyn;
using Tomlyn.Model;

namespace SandboxHost.Sites.Rules;

/// <summary>The same files and paths to our reader and matcher and to @netlify/headers-parser.</summary>
public sealed class HeaderParserDifferentialTests
{
    private const int Files = 2000;

    private static readonly Gen<string> Segment = Gen.OneOf("a", "B", "ab", ":x", "*", "a*", "*.js", "a*b", "x-y");

    private static readonly Gen<string> Path = Gen.OneOf("a", "b", "AB", "q", "a.js", "axb", "x-y").Array[0, 5].Select(segments => "/" + string.Join('/', segments) + (segments.Length > 3 ? "/" : ""));

    private static readonly Gen<string> Line = Gen.Frequency(
        (1, Segment.Array[0, 4].Select(segments => "/" + string.Join('/', segments))),
        (4, Segment.Array[0, 4].Select(segments => $"/{string.Join('/', segments)}\n  X-P: 1")),
        (6, Gen.OneOf("  X-A: one", "X-A: two", "  X-B : a , b,c", "x-a: three", "X-C:", ": value", "nothing", "# comment", "", "  X-D: http://x:1/y", "\tX-E:   spaced   out  \r")));

    private static readonly string[] Tables =
    [
        Rule("for = '/a'\n[headers.values]\nX-A = 'b'"), Rule("for = '/a'"), Rule("[headers.values]\nX-A = 'b'"), Rule("for = 5\n[headers.values]\nX = 'y'"),
        Rule("for = '/a'\n[headers.values]\nX-A = ['b', 'c , d']"), Rule("for = ' /a '\n[headers.values]\n' X-A ' = ''' b ,\n c '''"), Rule("for = '/a'\n[headers.values]\nX-A = 5"),
        Rule("for = '/a'\nvalues = 'x'"), Rule("for = '/a'\n[headers.values]\n' ' = 'x'"), "headers = 'x'\n",
        Rule("for = '/a'\n[headers.values]\nX-A = 'b'") + Rule("for = '/b'\n[headers.values]\nX-A = 'b'") + Rule("for = '/a'\n[headers.values]\nX-A = 'b'"),
    ];

    [TimedFact]
    public async Task Tables_are_read_as_Netlify_reads_them()
    {
        using var oracle = new RuleOracle();
        foreach (var toml in Tables)
        {
            Assert.Equal((toml, await TheirsAsync(oracle, "/a\n  X-A: b\n", toml, [])), (toml, Ours("/a\n  X-A: b\n", toml, [])));
        }
    }

    [TimedFact]
    public async Task Generated_files_are_read_and_cover_paths_as_Netlify_has_it()
    {
        using var oracle = new RuleOracle();
        var covered = 0;
        foreach (var (file, paths) in Gen.Select(Line.Array[1, 8].Select(lines => string.Join('\n', lines)), Path.Array[8]).Single(Files))
        {
            var theirs = await TheirsAsync(oracle, file, "", paths);
            Assert.True(theirs == Ours(file, "", paths), $"{file}\n{string.Join(' ', paths)}\ntheirs: {theirs}\nours:   {Ours(file, "", paths)}");
            covered += theirs.Count(c => c == 'Y');
        }

        Assert.True(covered > Files, $"{covered} paths are covered: the generator makes too much nonsense");
    }

    private static async Task<string> TheirsAsync(RuleOracle oracle, string file, string toml, string[] paths)
    {
        var answer = await oracle.AskAsync(new { ask = "headers", file, toml, paths });
        var covered = answer["covered"]!.AsArray().Select(row => string.Concat(row!.AsArray().Select(cell => cell!.GetValue<bool>() ? 'Y' : 'n')));
        return $"{answer["errors"]!.AsArray().Count} mistakes; {string.Join('\n', answer["rules"]!.AsArray().Select(RuleOracle.TextOf))}; {string.Join(' ', covered)}";
    }

    private static string Ours(string file, string toml, string[] paths)
    {
        var mistakes = 0;
        var declarations = HeadersFile.Read("_headers", file, _ => mistakes++)
            .Concat(HeadersFile.Read("netlify.toml", TomlSerializer.Deserialize<TomlTable>(toml) ?? [], _ => mistakes++));
        var rules = SiteRules.LatestOfEach(declarations, declaration => declaration.Key);
        var patterns = rules.Select(rule => RulePattern.Parse(rule.For, RuleDialect.Headers)).ToList();
        var covered = paths.Select(path => string.Concat(
            patterns.Select(pattern => pattern.Matches(RulePath.Of(UrlPath.Canonical(path).ToLowerInvariant()), null) ? 'Y' : 'n')));
        return $"{mistakes} mistakes; {string.Join('\n', rules.Select(rule => RuleOracle.TextOf(ShapeOf(rule))))}; {string.Join(' ', covered)}";
    }

    private static JsonObject ShapeOf(HeaderDeclaration declaration)
    {
        var values = new JsonObject();
        foreach (var (name, value) in declaration.Values)
        {
            values[name] = value;
        }

        return new JsonObject { ["for"] = declaration.For, ["values"] = values };
    }

    private static string Rule(string body) => $"[[headers]]\n{body}\n";
}
