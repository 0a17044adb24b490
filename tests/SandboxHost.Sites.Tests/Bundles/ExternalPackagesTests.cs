using SandboxHost.Sites.Bundles;

namespace SandboxHost.Sites.Tests.Bundles;

public sealed class ExternalPackagesTests : IDisposable
{
    private readonly TempFolder _site = new();
    private readonly List<string> _warnings = [];

    public void Dispose() => _site.Dispose();

    [TimedFact]
    public void A_package_brings_what_it_depends_on()
    {
        Package("node_modules/a", """{ "dependencies": { "b": "1" }, "optionalDependencies": { "missing": "1" }, "peerDependencies": { "@s/c": "1" }, "devDependencies": { "d": "1" } }""");
        Package("node_modules/b");
        Package("node_modules/@s/c", """{ "dependencies": { "a": "1" } }""");
        Package("node_modules/d");

        Assert.Equal(["node_modules/@s/c", "node_modules/a", "node_modules/b"], Places("a"));
        Assert.Empty(_warnings);
    }

    [TimedFact]
    public void Two_versions_keep_apart()
    {
        Package("node_modules/a", """{ "dependencies": { "b": "1" } }""");
        Package("node_modules/b", """{ "version": "1.0.0" }""");
        Package("node_modules/c", """{ "dependencies": { "b": "2", "a": "1" } }""");
        Package("node_modules/c/node_modules/b", """{ "version": "2.0.0" }""");

        Assert.Equal(["node_modules/a", "node_modules/b", "node_modules/c", "node_modules/c/node_modules/b"], Places("a", "c"));
    }

    [TimedFact]
    public void A_linked_package_finds_its_own_where_it_really_lies()
    {
        // As pnpm lays them out.
        Package("node_modules/.pnpm/a@1/node_modules/a", """{ "dependencies": { "b": "1" } }""");
        Package("node_modules/.pnpm/b@1/node_modules/b");
        Directory.CreateSymbolicLink(_site.File("node_modules/a"), ".pnpm/a@1/node_modules/a");
        Directory.CreateSymbolicLink(_site.File("node_modules/.pnpm/a@1/node_modules/b"), "../../b@1/node_modules/b");

        Assert.Equal(["node_modules/a", "node_modules/b"], Places("a"));
    }

    [TimedFact]
    public void A_packages_name_is_never_a_way_out()
    {
        Package("node_modules/a", """{ "dependencies": { "../../outside": "1", "..": "1", "/etc": "1" } }""");
        Package("outside");

        Assert.Equal(["node_modules/a"], Places("a"));
    }

    [TimedTheory]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("""{ "dependencies": [1] }""")]
    public void A_broken_manifest_has_no_dependencies(string manifest)
    {
        Package("node_modules/a", manifest);

        Assert.Equal(["node_modules/a"], Places("a"));
    }

    [TimedFact]
    public void A_star_is_all_of_a_scope()
    {
        Package("node_modules/@s/a");
        Package("node_modules/@s/b");
        Package("node_modules/@t/c");

        Assert.Equal(["node_modules/@s/a", "node_modules/@s/b"], Places("@s/*"));
    }

    [TimedFact]
    public void What_is_not_installed_is_told()
    {
        Assert.Empty(Places("nowhere"));
        Assert.Equal(["external module 'nowhere' is not installed"], _warnings);
    }

    [TimedTheory]
    [InlineData("""{ "gypfile": true }""", true)]
    [InlineData("""{ "binary": { "napi_versions": [9] } }""", true)]
    [InlineData("""{ "dependencies": { "node-gyp-build": "^4" } }""", true)]
    [InlineData("""{ "optionalDependencies": { "@img/sharp-linux-x64": "0.34.4" } }""", true)]
    [InlineData("""{ "optionalDependencies": { "fsevents": "2" } }""", false)]
    [InlineData("""{ "dependencies": { "lodash": "^4" } }""", false)]
    [InlineData("{}", false)]
    [InlineData("[", false)]
    public void Packages_with_machine_code_are_known(string manifest, bool isNative)
    {
        Package("node_modules/x/node_modules/@s/a", manifest);

        Assert.Equal(isNative ? ["@s/a"] : [], NativePackages.Among([_site.File("node_modules/x/node_modules/@s/a/lib/main.js")]));
    }

    [TimedFact]
    public void Files_are_laid_out_as_in_the_site_and_no_larger_than_allowed()
    {
        Package("node_modules/a", "{}");
        _site.Write("node_modules/a/lib/x.js", "12345");
        _site.Write("node_modules/a/node_modules/inner/x.js", "no");
        var file = _site.Write("data/d.json", "123");
        var artifact = new FunctionArtifact(
            new Bundle("netlify/functions/f.mjs", "code", "map", [], null), _site.Path, [file], [new PlacedPackage("node_modules/a", _site.File("node_modules/a"))]);
        var target = _site.File("out");

        Assert.Null(artifact.WriteTo(target));

        Assert.Equal(
            ["data/d.json", "netlify/functions/f.mjs", "netlify/functions/f.mjs.map", "node_modules/a/lib/x.js", "node_modules/a/package.json"],
            Directory.EnumerateFiles(target, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(target, path)).Order(StringComparer.Ordinal));
        Assert.Null(artifact.RuleAgainst(17));
        Assert.Matches("^BundleTooLarge: .* the limit bundle_size allows 0 MB. Largest: node_modules/a/lib/x.js", artifact.RuleAgainst(16));
    }

    [TimedFact]
    public void Files_that_cannot_be_copied_leave_nothing_half_done()
    {
        var file = _site.Write("data", "x");
        var artifact = new FunctionArtifact(new Bundle("data/f.mjs", "", "", [], null), _site.Path, [file], []);

        Assert.StartsWith("The function's files could not be copied: ", artifact.WriteTo(_site.File("out")), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_site.File("out")));
    }

    private void Package(string directory, string manifest = "{}") => _site.Write(directory + "/package.json", manifest);

    private IEnumerable<string> Places(params string[] names)
    {
        Directory.CreateDirectory(_site.File("netlify/functions"));
        return ExternalPackages.Collect(names, _site.File("netlify/functions"), _warnings.Add).Select(package => package.Place);
    }
}
