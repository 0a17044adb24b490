namespace SandboxHost.Sites.Tests;

/// <summary>The rules of the reference's §1.2.</summary>
public sealed class FunctionFinderTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly List<string> _mistakes = [];

    public void Dispose() => _folder.Dispose();

    [TimedFact]
    public void A_directory_that_does_not_exist_holds_no_functions() => Assert.Empty(FunctionFinder.Find(_folder.File("none"), _mistakes.Add));

    [TimedFact]
    public void The_three_layouts_are_found_in_the_order_of_their_names() =>
        Assert.Equal(["b=b.ts", "c=c/c.js", "d=d/index.mjs", "x_-9=x_-9.cts"], Find("x_-9.cts", "d/index.mjs", "c/c.js", "b.ts"));

    [TimedTheory]
    [InlineData(".js")]
    [InlineData(".mjs")]
    [InlineData(".cjs")]
    [InlineData(".ts")]
    [InlineData(".tsx")]
    [InlineData(".mts")]
    [InlineData(".cts")]
    public void Every_extension_makes_a_function_as_a_file_and_in_a_directory(string extension) =>
        Assert.Equal(["a=a" + extension, "b=b/b" + extension, "c=c/index" + extension], Find("a" + extension, "b/b" + extension, "c/index" + extension));

    [TimedFact]
    public void A_zipped_function_is_told_to_be_unsupported_unless_its_source_is_there()
    {
        Assert.Equal(["b=b.js"], Find("a.zip", "b.zip", "b.js"));
        Assert.Equal(["a.zip: zipped functions are not supported; put the function's source here"], _mistakes);
    }

    [TimedFact]
    public void An_authors_function_goes_before_a_generated_one()
    {
        var own = _folder.Write("own/a.js", "");
        _folder.Write("generated/a.js", "");
        var generated = _folder.Write("generated/b.js", "");
        _folder.Write("internal/b.js", "");
        var hidden = _folder.Write("internal/c/c.mjs", "");

        var found = FunctionFinder.Find([_folder.File("own"), _folder.File("generated"), _folder.File("internal")], _folder.File("internal"), _mistakes.Add);

        Assert.Equal([own, generated, hidden], found.Select(source => source.EntryFile));
        Assert.Equal([null, null, _folder.File("internal/c/c.json")], found.Select(source => source.ConfigFile));
    }

    [TimedTheory]
    [InlineData("a.JS")]
    [InlineData("a.jsx")]
    [InlineData("a.json")]
    [InlineData("a")]
    [InlineData("a.d.ts")]
    [InlineData("a/b/b.js")]
    [InlineData("a/b.js")]
    [InlineData("a/Index.js")]
    [InlineData("node_modules/index.js")]
    [InlineData("node_modules/node_modules.js")]
    public void Other_files_are_not_functions(string file)
    {
        Assert.Empty(Find(file));
        Assert.Empty(_mistakes);
    }

    [TimedFact]
    public void Of_several_extensions_the_first_in_the_list_wins()
    {
        string[] order = [".js", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts"];
        foreach (var (better, worse) in order.Zip(order.Skip(1)))
        {
            using var folder = new TempFolder();
            folder.Write("a" + worse, "");
            folder.Write("a" + better, "");

            Assert.Equal("a" + better, Path.GetFileName(Assert.Single(FunctionFinder.Find(folder.Path, _mistakes.Add)).EntryFile));
        }
    }

    [TimedFact]
    public void Inside_a_directory_the_order_is_by_extension_and_then_name_before_index()
    {
        string[] order = ["a/a.js", "a/index.js", "a/a.ts", "a/index.ts", "a/a.mjs", "a/index.mjs", "a/a.cjs", "a/a.tsx", "a/a.mts", "a/a.cts", "a/index.cts"];
        foreach (var (better, worse) in order.Zip(order.Skip(1)))
        {
            using var folder = new TempFolder();
            folder.Write(worse, "");
            folder.Write(better, "");

            Assert.Equal(folder.File(better), Assert.Single(FunctionFinder.Find(folder.Path, _mistakes.Add)).EntryFile);
        }
    }

    [TimedFact]
    public void A_directory_beats_a_file_of_its_name() => Assert.Equal(["a=a/index.cts"], Find("a.js", "a/index.cts"));

    [TimedFact]
    public void A_directory_without_an_entry_leaves_the_file_alone() => Assert.Equal(["a=a.js"], Find("a.js", "a/helper.js"));

    [TimedFact]
    public void Underscores_are_nothing_special() => Assert.Equal(["_x=_x.js"], Find("_x.js", "_shared/util.js"));

    [TimedTheory]
    [InlineData("x.test.js")]
    [InlineData(".x.js")]
    [InlineData("héllo.js")]
    [InlineData("a b.js")]
    public void A_name_that_no_url_can_have_is_a_mistake_and_no_function(string file)
    {
        Assert.Equal(["ok=ok.js"], Find(file, "ok.js"));
        Assert.Equal([$"{file}: Function name should consist only of alphanumeric characters, hyphen & underscores."], _mistakes);
    }

    private IEnumerable<string> Find(params string[] files)
    {
        foreach (var file in files)
        {
            _folder.Write(file, "");
        }

        return FunctionFinder.Find(_folder.Path, _mistakes.Add).Select(source => $"{source.Name}={Path.GetRelativePath(_folder.Path, source.EntryFile)}");
    }
}
