using System.Globalization;
using System.Text.Json.Nodes;
using SandboxHost.Deployments;
using SandboxHost.Sites.Config;
using SandboxHost.Sites.Settings;

namespace SandboxHost.Sites.Tests;

/// <summary>Our readers beside Netlify's own, on the same input. Where they differ on purpose, docs/configuration.md says so.</summary>
public sealed class NetlifyOracleTests
{
    private const int Seed = 20260823;

    private static readonly Dictionary<string, string[]> Values = new()
    {
        ["path"] = ["'/a'", "'a'", "['/a', '/b/:x', '/a']", "[]", "5", "null", "['/a', 5]", "'/:a/:a'", "'/*'", "true", "{}"],
        ["excludedPath"] = ["'/x'", "['/x/*']", "'x'", "5"],
        ["method"] = ["'get'", "['POST', 'put']", "'TRACE'", "[]", "5", "null", "['GET', 5]"],
        ["preferStatic"] = ["true", "false", "!0", "!1", "'yes'", "null"],
        ["background"] = ["true", "false", "'yes'", "null"],
        ["schedule"] = ["'@daily'", "'5 4 * * *'", "5", "null"],
        ["memory"] = ["1024", "4096", "1023", "4097", "1024.5", "'2gb'", "' 1.5 GB '", "'1.0005gb'", "'x'", "null", "true", "[]"],
        ["vcpu"] = ["0.5", "2", "1.25", "0.49", "2.01", "null", "true"],
        ["region"] = ["'fra'", "'FRA'", "'mars'", "5", "null"],
        ["timeout"] = ["5", "'5'", "null"],
        ["name"] = ["'N'", "5", "null"],
        ["generator"] = ["'g@1'", "5"],
        ["includedFiles"] = ["['a', '!b']", "'a'", "[5]", "[]"],
        ["externalNodeModules"] = ["['a', '@s/b']", "'a'", "[5]"],
        ["ignoredNodeModules"] = ["['a']", "5"],
        ["nodeVersion"] = ["'22'", "5"],
        ["nodeBundler"] = ["'nft'", "'webpack'"],
        ["rateLimit"] =
        [
            "{ windowSize: 60, windowLimit: 5 }", "{ windowSize: 60, windowLimit: 5, aggregateBy: ['ip', 'domain'] }", "{ windowSize: 60 }", "5",
            "{ windowSize: '60', windowLimit: 5 }", "{ windowSize: 60, windowLimit: 5, action: 'rewrite', to: '/b' }",
            "{ windowSize: 60, windowLimit: 5, action: 'ban' }", "{ windowSize: 60, windowLimit: 5, algorithm: 'other' }", "{ windowSize: 60, windowLimit: 5, aggregateBy: ['x'] }",
        ],
        ["colour"] = ["'red'"],
    };

    private static readonly string[] Forms =
    [
        "export default async () => {}; export const config = {0};",
        "const config = {0}; export { config }; export default async () => {};",
        "const c = {0}; export { c as config }; export default async () => {};",
        "export default { fetch() {}, config: {0} };",
        "const handlers = { config: {0}, fetch() {} }; export default handlers;",
        "exports.default = async () => {}; exports.config = {0};",
        "module.exports.default = async () => {}; module.exports.config = {0};",
        "export const handler = async () => {}; export const config = {0};",
        "export default async () => {}; export const handler = async () => {}; export const config = {0};",
    ];

    private static readonly string[] Modules =
    [
        "export default async () => {}",
        "export const config = {}; export default { config: { path: '/b' } }",
        "export default async () => {}; export const config = { path: process.env.X, method: 'GET' }",
        "export default async () => {}; export const config = make({ path: '/a' })",
        "function f() {} export { f as default }",
        "import { schedule } from '@netlify/functions'; export const handler = schedule('@hourly', async () => {})",
        "import { schedule as every } from '@netlify/functions'; export const handler = every('@hourly', async () => {})",
        "import { schedule } from '@netlify/functions'; const WHEN = '@hourly'; export const handler = schedule(WHEN, async () => {})",
        "import { schedule } from '@netlify/functions'; const h = schedule('@hourly', async () => {}); export { h as handler }",
        "const { schedule } = require('@netlify/functions'); exports.handler = schedule('@hourly', async () => {})",
        "const { schedule: every } = require('@netlify/functions'); module.exports.handler = every('@hourly', async () => {})",
        "import { schedule } from 'elsewhere'; export const handler = schedule('@hourly', async () => {})",
        "import { schedule } from '@netlify/functions'; export const handler = async () => {}",
        "import { schedule } from '@netlify/functions'; export const handler = schedule(when(), async () => {})",
        "import { builder } from '@netlify/functions'; export const handler = builder(async () => {})",
    ];

    [TimedFact]
    public async Task Modules_say_of_themselves_what_netlifys_bundler_reads()
    {
        var random = new Random(Seed);
        var configs = Values.SelectMany(item => item.Value, (item, value) => $"{{ {item.Key}: {value} }}")
            .Concat(Enumerable.Range(0, 400).Select(_ => SomeConfig(random)));
        string[] modules = [.. Modules, .. configs.Select((config, i) => Forms[i % Forms.Length].Replace("{0}", config, StringComparison.Ordinal)), .. Forms.Select(form => form.Replace("{0}", "{ path: '/a' }", StringComparison.Ordinal))];

        var answers = await NetlifyOracle.AskAsync(modules.Select(source => new { kind = "module", source }));

        for (var i = 0; i < modules.Length; i++)
        {
            Assert.True(Theirs(answers[i]) == Ours(modules[i]), $"{modules[i]}\ntheirs: {Theirs(answers[i])}\nours:   {Ours(modules[i])}\n{answers[i]}");
        }
    }

    [TimedFact]
    public async Task Env_files_are_read_as_the_dotenv_package_reads_them()
    {
        var random = new Random(Seed);
        string[] parts = ["A", "B_1", "c.d-e", "=", "=", ": ", ":", " ", "\t", "\n", "\n", "\r\n", "'", "\"", "`", "\\", "\\n", "\\\"", "#", "export ", "$A", "${B}", "x", "é", "1", "\nA=", "\nB=\"", "\"\n"];
        string[] texts = [.. Enumerable.Range(0, 3000).Select(_ => string.Concat(Enumerable.Range(0, random.Next(1, 14)).Select(_ => parts[random.Next(parts.Length)])))];

        var answers = await NetlifyOracle.AskAsync(texts.Select(text => new { kind = "env", text }));

        for (var i = 0; i < texts.Length; i++)
        {
            var theirs = string.Join('|', answers[i].AsObject().Select(item => $"{item.Key}={item.Value}").Order(StringComparer.Ordinal));
            var ours = string.Join('|', DotEnvParser.Parse(texts[i]).Select(item => $"{item.Key}={item.Value}").Order(StringComparer.Ordinal));
            Assert.True(theirs == ours, $"{System.Text.Json.JsonSerializer.Serialize(texts[i])}\ntheirs: {theirs}\nours:   {ours}");
        }
    }

    [TimedFact]
    public async Task Globs_match_what_minimatch_matches()
    {
        string[] patterns = ["*", "a", "a*", "*a", "a*b", "a?", "**", "**/*", "a/**", "a/**/b", "**/b", "a/*", "a/*/c", "{a,b}", "{a,b/c}*", "a{b,c{d,e}}", "[ab]*", "[!a]*", "a/[a-c]", "*.{js,ts}", "**/*.js", "a.b", "/a/**", "/a/*.js", "{a}", "a{,b}"];
        string[] paths = ["a", "b", "ab", "ac", "abd", "acd", "ace", "a.b", "a.js", "b.ts", ".hidden", "a/b", "a/c", "a/x/b", "a/x/y/b", "a/b/c", "a/.b", "b/c", "b/cd", "/a/b", "/a/b.js", "/a/x/c.js", "{a}", "c", "cb"];
        var cases = (from pattern in patterns from path in paths select (Pattern: pattern, Path: path)).ToList();

        var answers = await NetlifyOracle.AskAsync(cases.Select(item => new { kind = "glob", pattern = item.Pattern, path = item.Path, dot = true }));

        Assert.Empty(cases.Where((item, i) => GlobPattern.TryParse(item.Pattern)!.IsMatch(item.Path) != answers[i].GetValue<bool>()).Select(item => $"{item.Pattern} on {item.Path}"));
    }

    [TimedFact]
    public async Task Sections_of_functions_merge_as_in_netlifys_bundler()
    {
        string[] names = ["api", "api_one", "api_two", "job", "a"];
        string[] globs = ["*", "api", "api_*", "a*", "*_one", "api_one", "{api,job}*", "ap?", "?", "*pi*", "api_o*"];
        string[] regions = ["fra", "iad", "lhr", "pdx"];
        var random = new Random(Seed);
        var sites = Enumerable.Range(0, 200)
            .Select(_ => globs.OrderBy(_ => random.Next()).Take(random.Next(1, 6)).ToDictionary(glob => glob, glob => (Region: regions[random.Next(regions.Length)], File: glob + ".txt")))
            .ToList();
        var cases = (from site in sites from name in names select (site, name)).ToList();

        var answers = await NetlifyOracle.AskAsync(cases.Select(item => new
        {
            kind = "sections",
            item.name,
            config = item.site.ToDictionary(section => section.Key, section => new { region = section.Value.Region, includedFiles = new[] { section.Value.File } }),
        }));

        for (var i = 0; i < cases.Count; i++)
        {
            var toml = string.Concat(cases[i].site.Select(section => $"[functions.\"{section.Key}\"]\nregion = \"{section.Value.Region}\"\nincluded_files = [\"{section.Value.File}\"]\n"));
            var config = NetlifyToml.Parse(toml, DeployContext.Parse("dev", ""), [])!.Functions.For(cases[i].name, "/");
            var theirs = $"{answers[i]["region"]}: {string.Join(' ', answers[i]["includedFiles"]?.AsArray().Select(file => file!.ToString()) ?? [])}";
            Assert.True(theirs == $"{config.Region}: {string.Join(' ', config.IncludedFiles.Select(rule => rule.Pattern))}", $"{cases[i].name} of\n{toml}\ntheirs: {theirs}");
        }
    }

    private static string SomeConfig(Random random)
    {
        var keys = Values.Keys.OrderBy(_ => random.Next()).Take(random.Next(2, 6));
        return "{ " + string.Join(", ", keys.Select(key => $"{key}: {Values[key][random.Next(Values[key].Length)]}")) + " }";
    }

    private static string Ours(string module)
    {
        var mistakes = new List<string>();
        ModuleExports exports;
        try
        {
            exports = ModuleConfigReader.Read(module);
        }
        catch (FormatException)
        {
            return "error";
        }

        var isModern = exports is { HasDefault: true, HasHandler: false };
        var written = isModern ? exports.Config : exports.Schedule is { } schedule ? new Dictionary<string, object?> { ["schedule"] = schedule } : [];
        var config = FunctionConfigReader.Read(written, "/", new ConfigFindings((property, _) => mistakes.Add(property), (_, _) => { }));
        return mistakes.Count > 0 ? "error" : string.Join("; ",
        [
            $"modern {isModern}", $"paths {string.Join(' ', config.Paths)}", $"methods {(config.Paths.Count > 0 ? string.Join(' ', config.Methods.Order()) : "")}",
            $"excluded {string.Join(' ', config.ExcludedPaths)}", $"static {config.Paths.Count > 0 && config.PreferStatic == true}", $"background {config.Background == true}",
            $"schedule {config.Schedule}", $"memory {config.MemoryBytes >> 20}", $"vcpu {config.Vcpu?.ToString(CultureInfo.InvariantCulture)}", $"region {config.Region}",
            $"timeout {config.Timeout?.TotalSeconds}", $"name {config.DisplayName}", $"generator {config.Generator}",
            $"included {string.Join(' ', config.IncludedFiles.Select(rule => rule.Pattern))}", $"external {string.Join(' ', config.ExternalModules)}",
            $"ignored {string.Join(' ', config.IgnoredModules)}",
            $"limit {config.RateLimit?.WindowLimit} in {config.RateLimit?.Window.TotalSeconds} by {config.RateLimit?.Keys.HasFlag(RateLimitKeys.Ip)} to {config.RateLimit?.RewriteTo}",
        ]);
    }

    private static string Theirs(JsonNode answer)
    {
        if (answer["error"] is not null)
        {
            return "error";
        }

        static string Texts(JsonNode? list) => string.Join(' ', list?.AsArray().Select(item => item!.ToString()) ?? []);
        var limit = answer["rateLimit"];
        var byAddress = limit is null ? null : (bool?)(limit["aggregateBy"]?.AsArray().Any(key => key!.ToString() == "ip") == true);
        var hasPaths = answer["paths"]!.AsArray().Count > 0;
        return string.Join("; ",
        [
            $"modern {answer["isModern"]!.GetValue<bool>()}", $"paths {Texts(answer["paths"])}",
            $"methods {string.Join(' ', answer["methods"]!.AsArray().Select(item => item!.ToString()).Distinct().Order())}",
            $"excluded {Texts(answer["excludedPaths"])}", $"static {hasPaths && answer["preferStatic"]!.GetValue<bool>()}", $"background {answer["background"]?.GetValue<bool>() == true}",
            $"schedule {answer["schedule"]}", $"memory {answer["memory"]}", $"vcpu {answer["vcpu"]}", $"region {answer["region"]}",
            $"timeout {answer["timeout"]}", $"name {answer["name"]}", $"generator {answer["generator"]}",
            $"included {Texts(answer["includedFiles"])}", $"external {Texts(answer["externalNodeModules"])}", $"ignored {Texts(answer["ignoredNodeModules"])}",
            $"limit {limit?["windowLimit"]} in {limit?["windowSize"]} by {byAddress} to {limit?["to"]}",
        ]);
    }
}
