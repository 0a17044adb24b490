using SandboxHost.Deployments;
using SandboxHost.Sites.Bundles;

namespace SandboxHost.Sites.Tests;

/// <summary>What netlify.toml, .env files and generated config make of functions, and which changes build again.</summary>
public sealed class SiteFolderConfigTests : IDisposable
{
    private readonly TempFolder _site = new();
    private readonly List<SiteEvent> _events = [];
    private readonly SiteFolder _folder;

    public SiteFolderConfigTests() => _folder = new SiteFolder(
        new SiteFolderOptions(_site.Path, "shop", "http://shop.localhost", ["shop.localhost"], FunctionLimits.Default),
        new EsbuildBundler(Repository.Esbuild),
        _events.Add);

    public void Dispose() => _site.Dispose();

    [TimedFact]
    public async Task A_version_has_what_the_config_says()
    {
        Function("a", """
            export const config = { path: '/a', method: 'GET', excludedPath: '/a/b', preferStatic: true, region: 'FRA', timeout: 5, memory: '2gb',
              rateLimit: { windowSize: 60, windowLimit: 3, aggregateBy: ['ip', 'domain'], action: 'rewrite', to: '/busy' } };
            """);

        var version = (await BuildAsync()).Functions[0];

        Assert.Equal((true, "fra"), (version.PreferStatic, version.Region));
        Assert.Equal(new RateLimitRule(3, TimeSpan.FromSeconds(60), RateLimitKeys.Ip | RateLimitKeys.Domain, "/busy"), version.RateLimit);
        Assert.Equal((2048L << 20, TimeSpan.FromSeconds(5)), (version.Limits.MemoryBytes, version.Limits.StreamingTime));
        Assert.Empty(Warnings());
    }

    [TimedFact]
    public async Task The_source_wins_over_netlify_toml_and_over_the_file_of_a_generated_function()
    {
        _site.Write("netlify.toml", "[functions]\nregion = \"iad\"\ntimeout = 5\nmemory = 2048\n");
        _site.Write(".netlify/functions-internal/g.mjs", "export default () => 1; export const config = { region: 'lhr' };");
        _site.Write(".netlify/functions-internal/g.json", """{ "version": 1, "config": { "region": "fra", "timeout": 6, "name": "G", "generator": "fw@1", "unknown": 1 } }""");

        var version = (await BuildAsync()).Functions[0];

        Assert.Equal(("lhr", TimeSpan.FromSeconds(6), 2048L << 20), (version.Region, version.Limits.BufferedTime, version.Limits.MemoryBytes));
        Assert.Contains(_events, e => e is { Kind: SiteEventKind.Loaded, Text: "G, by fw@1" });
        Assert.Equal([".netlify/functions-internal/g.json: config.unknown: 'unknown' is not known here"], Warnings());
    }

    [TimedTheory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("""{ "version": 2, "config": {} }""")]
    public async Task A_broken_file_of_a_generated_function_is_told_and_the_function_runs(string json)
    {
        _site.Write(".netlify/functions-internal/g.mjs", "export default () => 1");
        _site.Write(".netlify/functions-internal/g.json", json);

        Assert.Null((await BuildAsync()).Functions[0].BuildError);
        Assert.StartsWith(".netlify/functions-internal/g.json is ignored: ", Assert.Single(Warnings()), StringComparison.Ordinal);
    }

    [TimedFact]
    public async Task Environment_context_and_branch_are_those_of_the_files()
    {
        _site.Write(".git/HEAD", "ref: refs/heads/main");
        _site.Write(".env", "A=1\nNODE_OPTIONS=--inspect");
        Function("a");

        var version = (await BuildAsync()).Functions[0];

        Assert.Equal(("1", "dev", "main"), (version.Environment["A"], version.Environment["CONTEXT"], version.Environment["BRANCH"]));
        Assert.False(version.Environment.ContainsKey("NODE_OPTIONS"));
        Assert.Contains(Warnings(), warning => warning.StartsWith(".env: 'NODE_OPTIONS' is left out", StringComparison.Ordinal));
    }

    [TimedFact]
    public async Task The_context_is_the_one_asked_for()
    {
        _site.Write("netlify.toml", "[context.production.environment]\nA = \"prod\"");
        Function("a");
        var folder = new SiteFolder(
            new SiteFolderOptions(_site.Path, "shop", "http://x", [], FunctionLimits.Default) { Context = "production" }, new EsbuildBundler(Repository.Esbuild), _events.Add);

        var version = (await folder.BuildAsync(null, TestContext.Current.CancellationToken)).Functions[0];

        Assert.Equal(("production", "production", "prod"), (version.Deploy.Context, version.Environment["CONTEXT"], version.Environment["A"]));
    }

    [TimedTheory]
    [InlineData(".env", "A=2")]
    [InlineData("netlify.toml", "[functions.a]\nregion = \"fra\"")]
    [InlineData("sandboxhost.toml", "[limits]\nconcurrency = 3")]
    public async Task A_change_of_settings_makes_new_versions(string file, string text)
    {
        Function("a");
        var first = (await BuildAsync()).Functions[0];

        var second = (await BuildAsync(_site.Write(file, text))).Functions[0];

        Assert.NotSame(first, second);
        Assert.Contains(_events, e => e is { Kind: SiteEventKind.Reloaded, Function: "a" });
    }

    [TimedFact]
    public async Task A_change_of_netlify_toml_that_says_nothing_of_functions_keeps_their_workers()
    {
        Function("a");
        var first = (await BuildAsync()).Functions[0];

        var second = (await BuildAsync(_site.Write("netlify.toml", "[[redirects]]\nfrom = \"/x\"\nto = \"/y\""))).Functions[0];

        Assert.Same(first, second);
        Assert.True(_folder.Configuration!.Netlify.Root.ContainsKey("redirects"));
    }

    [TimedTheory]
    [InlineData("tsconfig.json", """{ "compilerOptions": { "paths": { "lib": ["./two.mjs"] } } }""")]
    [InlineData("package.json", """{ "imports": { "#lib": "./two.mjs" } }""")]
    public async Task A_change_of_the_projects_files_builds_again(string file, string text)
    {
        _site.Write("one.mjs", "export const text = 1;");
        _site.Write("two.mjs", "export const text = 2;");
        _site.Write(file, text.Replace("two", "one", StringComparison.Ordinal));
        Function("a", "", $"import {{ text }} from '{(file == "package.json" ? "#lib" : "lib")}'; export default () => text;");
        var first = (await BuildAsync()).Functions[0];

        var second = (await BuildAsync(_site.Write(file, text))).Functions[0];

        Assert.NotSame(first, second);
    }

    [TimedFact]
    public async Task Included_files_go_along_and_their_changes_build_again()
    {
        _site.Write("netlify.toml", "[functions]\nincluded_files = [\"data/**\"]");
        var data = _site.Write("data/a.json", "1");
        Function("a");
        Function("own", "export const config = { includedFiles: ['./beside.txt'] };");
        _site.Write("netlify/functions/beside.txt", "x");
        var site = await BuildAsync();

        string[] Files(int i) => [.. Directory.EnumerateFiles(site.Functions[i].ArtifactDirectory, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(site.Functions[i].ArtifactDirectory, file)).Order(StringComparer.Ordinal)];
        Assert.Equal(["data/a.json", "netlify/functions/a.mjs", "netlify/functions/a.mjs.map"], Files(0));
        Assert.Equal(["netlify/functions/beside.txt", "netlify/functions/own.mjs", "netlify/functions/own.mjs.map"], Files(1));
        Assert.Contains((_site.File("data"), true), _folder.WatchedDirectories);

        _site.Write("data/a.json", "12");
        var second = await BuildAsync(data);
        Assert.NotSame(site.Functions[0], second.Functions[0]);
        Assert.Same(site.Functions[1], second.Functions[1]);
        var third = await BuildAsync(_site.Write("data/deep/new.json", "3"));
        Assert.True(File.Exists(Path.Combine(third.Functions[0].ArtifactDirectory, "data/deep/new.json")));
    }

    [TimedFact]
    public async Task A_function_of_too_many_files_fails_by_name_and_its_neighbours_go_on()
    {
        _site.Write("sandboxhost.toml", "[functions.a.limits]\nbundle_size = \"10kb\"");
        _site.Write("data/large.bin", new string('x', 20_000));
        Function("a", "export const config = { includedFiles: ['../../data/*'] };");
        Function("b", "export const config = { includedFiles: ['../../data/*'] };");

        var site = await BuildAsync();

        Assert.StartsWith("BundleTooLarge: ", site.Functions[0].BuildError!.Thrown!.Message, StringComparison.Ordinal);
        Assert.Null(site.Functions[1].BuildError);
    }

    [TimedFact]
    public async Task External_and_native_packages_are_copied_and_ignored_ones_are_not()
    {
        foreach (var name in (string[])["ext", "native", "ignored", "plain"])
        {
            _site.Write($"node_modules/{name}/package.json", name == "native" ? """{ "gypfile": true }""" : "{}");
            _site.Write($"node_modules/{name}/index.js", "module.exports = 1;");
        }

        _site.Write("netlify.toml", "[functions]\nexternal_node_modules = [\"ext\"]\nignored_node_modules = [\"ignored\"]");
        Function("a", "", "import a from 'ext'; import b from 'native'; import c from 'ignored'; import d from 'plain'; export default () => a + b + c + d;");

        var version = (await BuildAsync()).Functions[0];

        Assert.Equal(["ext", "native"], Directory.EnumerateDirectories(Path.Combine(version.ArtifactDirectory, "node_modules")).Select(path => Path.GetFileName(path)).Order());
        Assert.DoesNotContain("from \"plain\"", await File.ReadAllTextAsync(Path.Combine(version.ArtifactDirectory, version.Entry), TestContext.Current.CancellationToken));
    }

    [TimedFact]
    public async Task A_legacy_function_has_its_helpers_schedule_and_no_other_config()
    {
        _site.Write("node_modules/@netlify/functions/package.json", "{}");
        _site.Write("node_modules/@netlify/functions/index.js", "exports.schedule = (cron, handler) => handler;");
        Function("a", "", "import { schedule } from '@netlify/functions'; export const handler = schedule('@hourly', async () => ({ statusCode: 200 })); export const config = { path: '/x' };");

        var version = (await BuildAsync()).Functions[0];

        Assert.Equal((FunctionKind.Scheduled, "@hourly", 0), (version.Kind, version.Schedule, version.Routes.Count));
        Assert.StartsWith("config is ignored: the module exports `handler`", Assert.Single(Warnings()), StringComparison.Ordinal);
    }

    [TimedFact]
    public async Task A_config_that_is_no_literal_is_told()
    {
        _site.Write("shared.mjs", "export const config = { path: '/x' };");
        Function("a", "import { config } from '../../shared.mjs'; export { config };");
        Function("b", "export const config = { path: process.env.X };");

        await BuildAsync();

        Assert.Equal(
            [
                "config is not a literal of this file and is ignored: config is read without running the module.",
                "config.path is not a literal and is ignored: config is read without running the module.",
            ],
            Warnings());
    }

    [TimedFact]
    public async Task A_warning_is_told_once()
    {
        var a = Function("a", "export const config = { colour: 'red' };");
        await BuildAsync();
        Assert.Single(Warnings());

        Function("a", "export const config = { colour: 'blue' }; console.log(1);");
        await BuildAsync(a);

        Assert.Single(Warnings());
    }

    [TimedTheory]
    [InlineData("")]
    [InlineData("[build]\npublish = \".\"")]
    [InlineData("[build]\npublish = \"dist\"")]
    public async Task What_others_write_beside_the_site_builds_nothing(string settings)
    {
        _site.Write("netlify.toml", settings);
        await BuildAsync();

        Assert.All(_folder.WatchedDirectories, watched => Assert.StartsWith(_site.Path, watched.Directory, StringComparison.Ordinal));
    }

    [TimedFact]
    public async Task Directories_that_may_come_to_hold_functions_are_waited_for()
    {
        _site.Write("netlify.toml", "[build]\nbase = \"app\"");
        Directory.CreateDirectory(_site.File("app"));
        await BuildAsync();

        Assert.Superset(
            new HashSet<(string, bool)> { (_site.Path, false), (_site.File("app"), false), (_site.File("app/netlify"), false), (_site.File("app/netlify/functions"), true), (_site.File("app/.netlify"), false) },
            _folder.WatchedDirectories.ToHashSet());
        _site.Write("app/netlify/functions/a.mjs", "export default () => 1");
        Assert.Single((await BuildAsync(_site.File("app/netlify"))).Functions);
    }

    private string Function(string name, string config = "", string text = "export default () => 1;") => _site.Write($"netlify/functions/{name}.mjs", text + config);

    private IEnumerable<string> Warnings() => _events.Where(e => e.Kind == SiteEventKind.Warning).Select(e => e.Text);

    private Task<SiteSnapshot> BuildAsync(params string[] changed) =>
        _folder.BuildAsync(changed.Length == 0 ? null : changed.ToHashSet(), TestContext.Current.CancellationToken);
}
