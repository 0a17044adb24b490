using System.Diagnostics;
using System.Text.Json.Nodes;
using SandboxHost.Sites.Bundles;
using SandboxHost.Sites.Config;

namespace SandboxHost.Sites.Tests.Bundles;

/// <summary>With the real esbuild; what a bundle does is asked of the real Node.</summary>
public sealed class EsbuildBundlerTests : IDisposable
{
    private readonly TempFolder _site = new();

    public void Dispose() => _site.Dispose();

    [TimedFact]
    public async Task TypeScript_becomes_a_module()
    {
        var entry = _site.Write("netlify/functions/hello.ts", "type T = { a: number };\nexport default (x: T): number => x.a;\nexport const config = { path: '/a' } satisfies object;");

        var bundle = await BundleAsync(entry);

        Assert.Null(bundle.Failure);
        Assert.Equal([entry], bundle.Inputs);
        Assert.Equal("/a", ModuleConfigReader.Read(bundle.Code).Config["path"]);
        Assert.True(ModuleConfigReader.Read(bundle.Code).HasDefault);
        Assert.Equal("5", await RunAsync(bundle, "m.default({ a: 5 })"));
    }

    [TimedFact]
    public async Task Helpers_from_outside_the_functions_directory_are_inputs_and_packages_are_not()
    {
        var entry = _site.Write("netlify/functions/hello.mjs", "import { a } from '../../lib/a.mjs'; import b from 'b'; export default () => a + b;");
        var helper = _site.Write("lib/a.mjs", "export const a = 1;");
        _site.Write("node_modules/b/package.json", """{ "name": "b", "main": "main.js" }""");
        _site.Write("node_modules/b/main.js", "module.exports = 2;");

        var bundle = await BundleAsync(entry);

        Assert.Equal(new[] { entry, helper }.Order(), bundle.Inputs.Order());
        Assert.Equal("3", await RunAsync(bundle, "m.default()"));
    }

    [TimedFact]
    public async Task A_package_in_the_older_form_may_require_what_node_has()
    {
        var entry = _site.Write("f/hello.mjs", "import sep from 'b'; export default () => sep;");
        _site.Write("node_modules/b/index.js", "const path = require('path'); const name = 'node:' + 'os'; module.exports = path.sep + typeof require(name).cpus;");

        Assert.Equal("/function", await RunAsync(await BundleAsync(entry), "m.default()"));
    }

    [TimedFact]
    public async Task A_function_in_the_older_form_is_bundled()
    {
        var entry = _site.Write("f/hello.cjs", "const os = require('os'); exports.handler = async () => typeof os.cpus;");

        Assert.Equal("function", await RunAsync(await BundleAsync(entry), "await m.default.handler()"));
    }

    [TimedFact]
    public async Task Dirname_and_filename_are_those_of_the_bundle()
    {
        var entry = _site.Write("f/hello.mjs", "export default () => [__dirname, __filename];");

        Assert.Matches("^(.+),\\1/hello\\.mjs$", await RunAsync(await BundleAsync(entry), "m.default()"));
    }

    [TimedTheory]
    [InlineData("import { createRequire } from 'node:module'; const require = createRequire(import.meta.url); export default () => require('node:path').sep;")]
    [InlineData("import { dirname } from 'node:path'; import { fileURLToPath } from 'node:url'; const __filename = fileURLToPath(import.meta.url); const __dirname = dirname(__filename); export default () => __dirname === import.meta.dirname && '/';")]
    [InlineData("import { createRequire } from 'node:module'; export default () => { const require = createRequire(import.meta.url); return require('path').sep; };")]
    public async Task Names_of_the_older_form_that_an_author_declares_are_the_authors(string text)
    {
        var bundle = await BundleAsync(_site.Write("f/hello.mjs", text));

        Assert.Null(bundle.Failure);
        Assert.Equal("/", await RunAsync(bundle, "m.default()"));
    }

    [TimedFact]
    public async Task Json_and_text_with_signs_of_all_languages_survive()
    {
        _site.Write("f/data.json", """{ "a": "é😀" }""");
        var entry = _site.Write("f/hello.mjs", "import data from './data.json'; export default () => data.a + 'ü';");

        Assert.Equal("é😀ü", await RunAsync(await BundleAsync(entry), "m.default()"));
    }

    [TimedTheory]
    [InlineData("export default () => {\n  const = 1;\n};", "netlify/functions/hello.ts:2:8: ERROR", "Expected identifier but found \"=\"")]
    [InlineData("import './nothing.ts';", "netlify/functions/hello.ts:1:7: ERROR", "Could not resolve \"./nothing.ts\"")]
    [InlineData("import 'nothing';", "netlify/functions/hello.ts:1:7: ERROR", "Could not resolve \"nothing\"")]
    public async Task A_failure_names_file_and_line(string text, string position, string message)
    {
        var entry = _site.Write("netlify/functions/hello.ts", text);

        var bundle = await BundleAsync(entry);

        Assert.Contains(position.Replace(": ERROR", ":"), bundle.Failure);
        Assert.Contains(message, bundle.Failure);
        Assert.DoesNotContain(_site.Path, bundle.Failure);
        Assert.Equal("", bundle.Code);
        Assert.Contains(entry, bundle.Inputs);
    }

    [TimedFact]
    public async Task A_failure_in_a_helper_makes_the_helper_an_input()
    {
        var entry = _site.Write("netlify/functions/hello.ts", "import '../../lib/a.ts';");
        var helper = _site.Write("lib/a.ts", "const = 1");

        var bundle = await BundleAsync(entry);

        Assert.NotNull(bundle.Failure);
        Assert.Equal(new[] { entry, helper }.Order(), bundle.Inputs.Order());
    }

    [TimedFact]
    public async Task A_file_that_is_missing_is_an_input_where_it_should_be()
    {
        var entry = _site.Write("netlify/functions/hello.ts", "import '../../lib/missing.ts';");

        Assert.Equal([entry, _site.File("lib/missing.ts")], (await BundleAsync(entry)).Inputs);
    }

    [TimedFact]
    public async Task A_source_map_names_files_from_the_place_of_the_module()
    {
        var entry = _site.Write("netlify/functions/hello.ts", "import { a } from '../../lib/a.ts';\nexport default () => a();");
        _site.Write("lib/a.ts", "export function a(): never {\n  throw new Error('x');\n}");

        var bundle = await BundleAsync(entry);
        var map = JsonNode.Parse(bundle.SourceMap)!;

        Assert.Equal("netlify/functions/hello.mjs", bundle.EntryPath);
        Assert.Equal(["../../lib/a.ts", "hello.ts"], map["sources"]!.AsArray().Select(source => source!.GetValue<string>()));
        Assert.Null(map["sourcesContent"]);
        Assert.DoesNotContain("sourceMappingURL", bundle.Code, StringComparison.Ordinal);
    }

    [TimedFact]
    public async Task Deep_nesting_is_a_failure_or_a_bundle_but_not_the_end_of_the_process()
    {
        var entry = _site.Write("f/hello.js", "export const config = " + new string('[', 20_000) + new string(']', 20_000));

        var bundle = await BundleAsync(entry);

        Assert.True(bundle.Failure is not null || bundle.Code.Length > 0);
    }

    [TimedFact]
    public async Task An_external_package_stays_an_import()
    {
        var entry = _site.Write("f/hello.mjs", "import b from 'b'; import c from 'b/deep'; export default () => b + c;");

        var bundle = await BundleAsync(entry, "b");

        Assert.Null(bundle.Failure);
        Assert.Contains("from \"b\"", bundle.Code);
        Assert.Contains("from \"b/deep\"", bundle.Code);
    }

    [TimedFact]
    public async Task A_native_module_names_its_package()
    {
        _site.Write("node_modules/@s/n/index.js", "module.exports = require('./build/n.node');");
        _site.Write("node_modules/@s/n/build/n.node", "");
        var entry = _site.Write("f/hello.mjs", "import n from '@s/n'; export default () => n;");

        Assert.Equal("@s/n", (await BundleAsync(entry)).NativePackage);
    }

    [TimedTheory]
    [InlineData("site/netlify/functions/hello.ts", "netlify/functions/hello.mjs")]
    [InlineData("site/netlify/functions/hello/index.ts", "netlify/functions/hello/hello.mjs")]
    [InlineData("site/hello.ts", "hello.mjs")]
    [InlineData("elsewhere/hello.ts", "hello.mjs")]
    public void A_bundle_belongs_beside_its_source(string file, string place) =>
        Assert.Equal(place, new SourceLayout("/all", "/all/site").EntryPathOf(new FunctionSource("hello", "/all/" + file)));

    [TimedFact]
    public async Task Types_are_stripped_and_the_rest_stays_as_it_is()
    {
        var file = _site.Write("f/hello.ts", "type T = 1; export const config = { path: '/a' } satisfies object; export default (async () => 1) as unknown;");
        var broken = _site.Write("f/broken.ts", "const = 1");
        var bundler = new EsbuildBundler(Repository.Esbuild);

        var modules = await bundler.StripTypesAsync([file, broken, file], _site.Path, TestContext.Current.CancellationToken);

        Assert.Equal("/a", ModuleConfigReader.Read(modules[0]!).Config["path"]);
        Assert.Null(modules[1]);
        Assert.Equal(modules[0], modules[2]);
    }

    [TimedFact]
    public async Task A_cancelled_build_leaves_nothing()
    {
        var entry = _site.Write("f/hello.js", "");

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            new EsbuildBundler(Repository.Esbuild).BundleAsync([new FunctionSource("hello", entry)], new SourceLayout(_site.Path, _site.Path), [], new CancellationToken(canceled: true)));
    }

    [TimedFact]
    public async Task Bundles_of_one_run_are_those_of_a_run_each()
    {
        var lib = _site.Write("f/lib.ts", "export const used: number = 1; export const unused = 2;");
        var required = _site.Write("f/required.cjs", "module.exports = require('./lib.ts').used;");
        FunctionSource[] sources =
        [
            new("a", _site.Write("f/a.ts", "import { used } from './lib.ts'; export default () => used;")),
            new("b", _site.Write("f/b=c.mjs", "import one from './required.cjs'; export default () => one;")),
            new("c", _site.Write("f/c.mjs", "export default () => 3;")),
        ];

        var together = await BundleAsync(sources);

        foreach (var (source, bundle) in sources.Zip(together))
        {
            var alone = Assert.Single(await BundleAsync([source]));
            Assert.Equal((alone.EntryPath, alone.Code, alone.SourceMap), (bundle.EntryPath, bundle.Code, bundle.SourceMap));
            Assert.Equal(alone.Inputs, bundle.Inputs);
        }

        Assert.Equal([sources[0].EntryFile, lib], together[0].Inputs.Order());
        Assert.Equal([sources[1].EntryFile, lib, required], together[1].Inputs.Order());
    }

    [TimedFact]
    public async Task A_source_that_fails_keeps_no_other_from_its_bundle()
    {
        var sources = Enumerable.Range(0, 7)
            .Select(i => new FunctionSource($"f{i}", _site.Write($"f/f{i}.mjs", i is 2 or 5 ? "export default (" : $"export default () => {i};")))
            .ToList();

        var bundles = await BundleAsync(sources);

        Assert.Equal([2, 5], Enumerable.Range(0, 7).Where(i => bundles[i].Failure is not null));
        Assert.All([2, 5], i => Assert.Contains($"f/f{i}.mjs:1:", bundles[i].Failure, StringComparison.Ordinal));
        Assert.Equal("6", await RunAsync(bundles[6], "m.default()"));
    }

    private async Task<Bundle> BundleAsync(string entry, params string[] externals) => (await BundleAsync([new FunctionSource("hello", entry)], externals))[0];

    private Task<IReadOnlyList<Bundle>> BundleAsync(IReadOnlyList<FunctionSource> sources, params string[] externals) =>
        new EsbuildBundler(Repository.Esbuild).BundleAsync(sources, new SourceLayout(_site.Path, _site.Path), externals, TestContext.Current.CancellationToken);

    /// <summary>What String() makes of the expression's value, m being the bundle.</summary>
    private async Task<string> RunAsync(Bundle bundle, string expression)
    {
        Assert.Null(bundle.Failure);
        _site.Write("out/hello.mjs", bundle.Code);
        var start = new ProcessStartInfo(Repository.Node, ["--input-type=module", "-e", $"const m = await import('./hello.mjs'); process.stdout.write(String({expression}));"])
        {
            WorkingDirectory = _site.File("out"),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        using var node = Process.Start(start)!;
        var output = node.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = await node.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await node.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal("", errors);
        return await output;
    }
}
