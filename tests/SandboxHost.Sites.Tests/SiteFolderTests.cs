using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Routing;
using SandboxHost.Sites.Bundles;

namespace SandboxHost.Sites.Tests;

public sealed class SiteFolderTests : IDisposable
{
    private readonly TempFolder _site = new();
    private readonly List<SiteEvent> _events = [];
    private readonly SiteFolder _folder;

    public SiteFolderTests() => _folder = new SiteFolder(
        new SiteFolderOptions(_site.Path, "shop", "http://shop.localhost", ["shop.localhost"], FunctionLimits.Default),
        new EsbuildBundler(Repository.Esbuild),
        _events.Add);

    public void Dispose() => _site.Dispose();

    [TimedFact]
    public async Task A_first_build_loads_every_function()
    {
        Function("b", "export default () => 1; export const config = { path: '/b' }");
        Function("a", "export default () => 1");

        var site = await BuildAsync();

        Assert.Equal(["a", "b"], site.Functions.Select(function => function.Name));
        Assert.Equal([(SiteEventKind.Loaded, "a"), (SiteEventKind.Loaded, "b")], Events());
        Assert.Equal("b", site.Routes.Match("GET", "/b").Function!.Name);
        Assert.Equal(("shop", "http://shop.localhost"), (site.Identity.Name, site.Identity.Url));
        Assert.Equal(["shop.localhost"], site.HostNames);
        Assert.All(site.Functions, function =>
        {
            Assert.True(File.Exists(Path.Combine(function.ArtifactDirectory, function.Entry)));
            Assert.True(function.ShowErrors);
            Assert.Equal(("dev", "shop"), (function.Environment["CONTEXT"], function.Environment["SITE_NAME"]));
        });
    }

    [TimedFact]
    public async Task An_empty_folder_is_a_site_without_functions() => Assert.Empty((await BuildAsync()).Functions);

    [TimedFact]
    public async Task The_older_directory_counts_when_it_is_there()
    {
        _site.Write("netlify-automatic-functions/old.js", "export default () => 1");
        Function("new", "export default () => 1");

        Assert.Equal(["old"], (await BuildAsync()).Functions.Select(function => function.Name));
    }

    [TimedFact]
    public async Task An_unchanged_function_keeps_its_version()
    {
        Function("a", "export default () => 1");
        var b = Function("b", "export default () => 1");
        var first = await BuildAsync();
        Function("b", "export default () => 2");

        var second = await BuildAsync(b);

        Assert.Same(first.Functions[0], second.Functions[0]);
        Assert.NotSame(first.Functions[1], second.Functions[1]);
        Assert.Equal([(SiteEventKind.Reloaded, "b")], Events());
    }

    [TimedFact]
    public async Task Looking_at_everything_changes_nothing_that_did_not_change()
    {
        Function("a", "export default () => 1");
        var first = await BuildAsync();

        Assert.Same(first.Functions[0], (await BuildAsync()).Functions[0]);
        Assert.Empty(Events());
    }

    [TimedFact]
    public async Task A_changed_helper_rebuilds_the_functions_that_import_it_and_no_others()
    {
        var helper = _site.Write("lib/h.mjs", "export const h = 1");
        Function("a", "import { h } from '../../lib/h.mjs'; export default () => h");
        Function("b", "export default () => 1");
        var first = await BuildAsync();
        _site.Write("lib/h.mjs", "export const h = 2");

        var second = await BuildAsync(helper);

        Assert.Equal([(SiteEventKind.Reloaded, "a")], Events());
        Assert.Same(first.Functions[1], second.Functions[1]);
        Assert.Contains((_site.File("lib"), false), _folder.WatchedDirectories);
    }

    [TimedFact]
    public async Task A_helper_that_left_no_trace_in_the_bundle_is_an_input_nonetheless()
    {
        var helper = _site.Write("lib/h.mjs", "export const h = 1");
        var a = Function("a", "export default () => 1");
        await BuildAsync();
        Function("a", "import { h } from '../../lib/h.mjs'; export default () => 1");
        await BuildAsync(a);
        _events.Clear();
        _site.Write("lib/h.mjs", "console.log('now there is something to run'); export const h = 1");

        await BuildAsync(helper);

        Assert.Equal([(SiteEventKind.Reloaded, "a")], Events());
    }

    [TimedFact]
    public async Task A_directory_that_moved_away_rebuilds_who_imported_from_it()
    {
        _site.Write("lib/h.mjs", "export const h = 1");
        Function("a", "import { h } from '../../lib/h.mjs'; export default () => h");
        await BuildAsync();
        Directory.Move(_site.File("lib"), _site.File("gone"));

        await BuildAsync(_site.File("lib"), _site.File("gone"));

        Assert.Equal([(SiteEventKind.Failed, "a")], Events());
    }

    [TimedFact]
    public async Task A_removed_function_goes()
    {
        var a = Function("a", "export default () => 1");
        Function("b", "export default () => 1");
        await BuildAsync();
        File.Delete(a);

        var site = await BuildAsync(a);

        Assert.Equal(["b"], site.Functions.Select(function => function.Name));
        Assert.Equal([(SiteEventKind.Removed, "a")], Events());
        Assert.Equal(RouteOutcome.UnknownFunction, site.Routes.Match("GET", "/.netlify/functions/a").Outcome);
    }

    [TimedFact]
    public async Task A_new_function_comes()
    {
        Function("b", "export default () => 1");
        var first = await BuildAsync();

        var second = await BuildAsync(Function("a", "export default () => 1"));

        Assert.Equal(["a", "b"], second.Functions.Select(function => function.Name));
        Assert.Same(first.Functions[0], second.Functions[1]);
    }

    [TimedFact]
    public async Task A_function_whose_source_moves_to_another_file_is_built_from_it()
    {
        Function("a", "export default () => 1");
        await BuildAsync();
        var directory = _site.Write("netlify/functions/a/index.ts", "export default () => 2");

        await BuildAsync(directory);

        Assert.Equal([(SiteEventKind.Reloaded, "a")], Events());
    }

    [TimedFact]
    public async Task A_broken_function_answers_with_its_error_where_it_did_and_its_neighbours_go_on()
    {
        var a = Function("a", "export default () => 1; export const config = { path: '/a' }");
        Function("b", "export default () => 1");
        var first = await BuildAsync();
        Function("a", "export default () => {\n  const = 1;\n}");

        var second = await BuildAsync(a);

        var broken = second.Routes.Match("GET", "/a").Function!;
        Assert.Equal(ErrorCode.LoadError, broken.BuildError!.Code);
        Assert.Equal("netlify/functions/a.mjs does not build.", broken.BuildError.Message);
        Assert.Contains("netlify/functions/a.mjs:2:8", broken.BuildError.Thrown!.Message);
        Assert.Same(first.Functions[1], second.Functions[1]);
        var failed = Assert.Single(_events);
        Assert.Equal(SiteEventKind.Failed, failed.Kind);
        Assert.Contains("netlify/functions/a.mjs:2:8", failed.Text);
    }

    [TimedFact]
    public async Task A_repaired_function_comes_back()
    {
        var a = Function("a", "const = 1");
        await BuildAsync();
        Assert.Equal([(SiteEventKind.Failed, "a")], Events());
        Function("a", "export default () => 1; export const config = { path: '/a' }");

        var site = await BuildAsync(a);

        Assert.Null(site.Routes.Match("GET", "/a").Function!.BuildError);
        Assert.Equal([(SiteEventKind.Reloaded, "a")], Events());
    }

    [TimedFact]
    public async Task A_broken_helper_stays_watched_until_it_is_repaired()
    {
        var helper = _site.Write("lib/h.mjs", "export const h = 1");
        Function("a", "import { h } from '../../lib/h.mjs'; export default () => h");
        await BuildAsync();
        _site.Write("lib/h.mjs", "const = 1");
        await BuildAsync(helper);
        Assert.Equal([(SiteEventKind.Failed, "a")], Events());

        Assert.Contains((_site.File("lib"), false), _folder.WatchedDirectories);
        _site.Write("lib/h.mjs", "export const h = 2");
        await BuildAsync(helper);

        Assert.Equal([(SiteEventKind.Reloaded, "a")], Events());
    }

    [TimedFact]
    public async Task A_function_that_stays_broken_is_reported_once()
    {
        Function("a", "const = 1");
        await BuildAsync();
        _events.Clear();

        await BuildAsync(Function("b", "export default () => 1"));

        Assert.Equal([(SiteEventKind.Loaded, "b")], Events());
    }

    [TimedFact]
    public async Task Config_mistakes_are_all_told_and_the_function_answers_with_them()
    {
        Function("a", "export default () => 1; export const config = { path: ['a', '/(b'], memory: 5 }");

        var broken = Assert.Single((await BuildAsync()).Functions);

        string[] lines = broken.BuildError!.Thrown!.Message.Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.All(lines, line => Assert.StartsWith("netlify/functions/a.mjs: Function a has a configuration error on '", line));
    }

    [TimedFact]
    public async Task A_computed_path_is_warned_of_and_leaves_the_default_url()
    {
        Function("a", "export default () => 1; export const config = { path: process.env.P }");

        var site = await BuildAsync();

        Assert.Contains(_events, e => e.Kind == SiteEventKind.Warning && e.Text.StartsWith("config.path is not a literal", StringComparison.Ordinal));
        Assert.Equal(RouteOutcome.Function, site.Routes.Match("GET", "/.netlify/functions/a").Outcome);
    }

    [TimedFact]
    public async Task Nesting_that_nobody_can_read_breaks_its_function_only()
    {
        Function("a", "export const config = " + new string('[', 50_000) + new string(']', 50_000));
        Function("b", "export default () => 1");

        var site = await BuildAsync();

        Assert.NotNull(site.Functions[0].BuildError);
        Assert.Null(site.Functions[1].BuildError);
    }

    [TimedFact]
    public async Task Changed_settings_reach_every_function()
    {
        Function("a", "export default () => 1");
        Function("b", "export default () => 1");
        var first = await BuildAsync();
        var settings = _site.Write("sandboxhost.toml", "[limits]\nmax_workers = 3\n[functions.b.limits]\nmax_workers = 4\n[environment]\nSITE_NAME = \"own\"\nX = \"1\"");

        var second = await BuildAsync(settings);

        Assert.Equal([8, 8], first.Functions.Select(function => function.Limits.MaxWorkers));
        Assert.Equal([3, 4], second.Functions.Select(function => function.Limits.MaxWorkers));
        Assert.Equal(("own", "1"), (second.Functions[0].Environment["SITE_NAME"], second.Functions[0].Environment["X"]));
    }

    [TimedFact]
    public async Task A_mistake_in_the_settings_is_warned_of_once()
    {
        Function("a", "export default () => 1");
        var settings = _site.Write("sandboxhost.toml", "[limits]\nmemory = \"1mb\"");
        await BuildAsync();
        List<SiteEvent> events = [.. _events];
        await BuildAsync(settings);

        Assert.Single(events.Concat(_events), e => e.Kind == SiteEventKind.Warning && e.Text.Contains("limits.memory", StringComparison.Ordinal));
    }

    [TimedFact]
    public async Task Memory_in_the_config_beats_the_settings_and_brings_its_vcpu()
    {
        _site.Write("sandboxhost.toml", "[limits]\nmemory = \"512mb\"\nvcpu = 0.1");
        Function("a", "export default () => 1; export const config = { memory: 4096 }");
        Function("b", "export default () => 1; export const config = { vcpu: 1 }");
        Function("c", "export default () => 1");

        var site = await BuildAsync();

        Assert.Equal([4096L << 20, 2048L << 20, 512L << 20], site.Functions.Select(function => function.Limits.MemoryBytes));
        Assert.Equal([2, 1, 0.1], site.Functions.Select(function => function.Limits.EffectiveVcpu));
    }

    [TimedFact]
    public async Task Background_and_scheduled_functions_run_one_at_a_time_in_a_worker()
    {
        Function("a-background", "export default () => 1");
        Function("b", "export default () => 1; export const config = { schedule: '@daily' }");
        Function("c", "export default () => 1");

        var site = await BuildAsync();

        Assert.Equal([FunctionKind.Background, FunctionKind.Scheduled, FunctionKind.Http], site.Functions.Select(function => function.Kind));
        Assert.Equal([1, 1, 10], site.Functions.Select(function => function.Limits.Concurrency));
    }

    [TimedFact]
    public async Task The_files_of_a_version_outlive_it_by_twenty_builds()
    {
        // A snapshot that names it is served until the next one is published, and a worker may still be starting from it while
        // its author saves again and again.
        var a = Function("a", "export default () => 0");
        var first = (await BuildAsync()).Functions[0].ArtifactDirectory;
        for (var edit = 1; edit <= 20; edit++)
        {
            Function("a", $"export default () => {edit}");
            await BuildAsync(a);
            Assert.True(Directory.Exists(first));
        }

        Function("a", "export default () => 21");
        await BuildAsync(a);

        Assert.False(Directory.Exists(first));
        Assert.Equal(21, Directory.GetDirectories(_site.File(".sandboxhost/functions")).Length);
    }

    [TimedFact]
    public async Task Version_directories_of_an_earlier_run_go()
    {
        _site.Write(".sandboxhost/functions/a-0123456789abcdef/a.mjs", "");
        Function("b", "export default () => 1");

        await BuildAsync();

        Assert.StartsWith("b-", Path.GetFileName(Assert.Single(Directory.GetDirectories(_site.File(".sandboxhost/functions")))), StringComparison.Ordinal);
    }

    private string Function(string name, string text) => _site.Write($"netlify/functions/{name}.mjs", text);

    private Task<SiteSnapshot> BuildAsync() => BuildAsync(null);

    private Task<SiteSnapshot> BuildAsync(params string[]? changed)
    {
        _events.Clear();
        return _folder.BuildAsync(changed?.ToHashSet(), TestContext.Current.CancellationToken);
    }

    private List<(SiteEventKind, string)> Events()
    {
        List<(SiteEventKind, string)> events = [.. _events.Select(e => (e.Kind, e.Function))];
        _events.Clear();
        return events;
    }
}
