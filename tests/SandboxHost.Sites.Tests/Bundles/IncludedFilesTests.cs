using SandboxHost.Sites.Bundles;

namespace SandboxHost.Sites.Tests.Bundles;

public sealed class IncludedFilesTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly List<string> _warnings = [];

    // Nothing is special in a directory's own name.
    private string Site => _folder.File("[site] {a,b}*");

    public IncludedFilesTests()
    {
        foreach (var file in (string[])["data/a.json", "data/b.txt", "data/.hidden", "data/deep/c.json", "data/deep/er/d.md", "other/x.json", ".git/HEAD", "node_modules/p/i.json"])
        {
            _folder.Write("[site] {a,b}*/" + file, "x");
        }

        _folder.Write("secret.json", "x");
    }

    public void Dispose() => _folder.Dispose();

    [TimedTheory]
    [InlineData("data/a.json", "data/a.json")]
    [InlineData("./data/a.json", "data/a.json")]
    [InlineData("data/*", "data/.hidden data/a.json data/b.txt")]
    [InlineData("data/*.json", "data/a.json")]
    [InlineData("data/**/*.json", "data/a.json data/deep/c.json")]
    [InlineData("data/**", "data/.hidden data/a.json data/b.txt data/deep/c.json data/deep/er/d.md")]
    [InlineData("**/*.json", "data/a.json data/deep/c.json node_modules/p/i.json other/x.json")]
    [InlineData("{data,other}/*.{json,md}", "data/a.json other/x.json")]
    [InlineData("data/?.[jt]*", "data/a.json data/b.txt")]
    [InlineData("data/** !data/deep/** !data/.*", "data/a.json data/b.txt")]
    [InlineData("!data/b.txt data/*.txt data/a.json", "data/a.json")]
    [InlineData("node_modules/p/**", "node_modules/p/i.json")]
    public void Patterns_match_as_on_netlify(string patterns, string files)
    {
        var found = Included(patterns.Split(' ')).Find(_warnings.Add);

        Assert.Equal(files.Split(' '), found.Select(file => Path.GetRelativePath(Site, file)));
    }

    [TimedTheory]
    [InlineData("../secret.json", "included file 'secret.json' lies outside of the site's folder")]
    [InlineData("../*.json", "included file '*.json' lies outside of the site's folder")]
    [InlineData("data/../../secret.json", "included file 'secret.json' lies outside of the site's folder")]
    [InlineData("/etc/hosts", "included file 'etc/hosts' lies outside of the site's folder")]
    [InlineData("data/deep", "included file 'data/deep' is a directory; 'data/deep/**' is all files in it")]
    [InlineData("", "included file '' is no glob")]
    [InlineData("data/none-*", "included file 'data/none-*' matches no file that another pattern has not")]
    public void What_is_outside_or_nothing_is_told(string pattern, string warning)
    {
        Assert.Empty(Included(pattern).Find(_warnings.Add));
        Assert.Equal([warning], _warnings);
    }

    [TimedFact]
    public void Links_lead_to_nothing_outside_of_the_site()
    {
        File.CreateSymbolicLink(Path.Combine(Site, "data/link.json"), _folder.File("secret.json"));
        File.CreateSymbolicLink(Path.Combine(Site, "data/inside.json"), Path.Combine(Site, "other/x.json"));
        File.CreateSymbolicLink(Path.Combine(Site, "data/broken.json"), "nowhere");
        Directory.CreateSymbolicLink(Path.Combine(Site, "data/up"), _folder.Path);
        Directory.CreateSymbolicLink(Path.Combine(Site, "outside"), _folder.Path);

        var found = Included("data/*.json", "data/**/secret.json", "outside/*.json").Find(_warnings.Add);

        Assert.Equal(["data/a.json", "data/inside.json"], found.Select(file => Path.GetRelativePath(Site, file)));
    }

    [TimedFact]
    public void A_new_file_that_would_match_is_known_by_its_path()
    {
        var included = Included("data/**/*.json", "!data/secret.json");

        Assert.True(included.Matches(Path.Combine(Site, "data/new/y.json")));
        Assert.False(included.Matches(Path.Combine(Site, "data/secret.json")));
        Assert.False(included.Matches(Path.Combine(Site, "data/new/y.txt")));
        Assert.Equal([(Path.Combine(Site, "data"), true)], included.WatchedDirectories);
    }

    [TimedTheory]
    [InlineData("**/*.json", "", false)]
    [InlineData("data/*.json", "data", false)]
    [InlineData("node_modules/p/**", null, false)]
    [InlineData("../x/**", null, false)]
    public void Not_more_is_watched_than_should_be(string pattern, string? directory, bool recursive) => Assert.Equal(
        directory is null ? [] : [(Path.TrimEndingDirectorySeparator(Path.Combine(Site, directory)), recursive)],
        Included(pattern).WatchedDirectories);

    [TimedFact]
    public void A_pattern_of_too_many_braces_is_no_glob()
    {
        var pattern = string.Concat(Enumerable.Repeat("{a,b}", 30));

        Assert.Empty(Included(pattern).Find(_warnings.Add));
        Assert.Equal([$"included file '{pattern}' is no glob"], _warnings);
    }

    private IncludedFiles Included(params string[] patterns) => new([.. patterns.Select(pattern => new IncludeRule(Site, pattern))], Site);
}
