using SandboxHost.Deployments;

namespace SandboxHost.Tests.Deployments;

public sealed class DeployFileListTests
{
    private static readonly string Hash = new('a', 64);

    public static TheoryData<string> Hostile =>
    [
        "", "/etc/passwd", "../x", "a/../../x", "a/..", "./a", "a//b", "a/", "a/./b", "a\\..\\b", "a\0b", "a\nb", "..", ".",
        new string('x', 256), string.Join('/', Enumerable.Repeat(new string('x', 200), 6)), "a\ud800b", "a\u001bb",
    ];

    [TimedTheory]
    [MemberData(nameof(Hostile))]
    public void A_path_that_is_no_name_below_the_deploy_is_refused_by_name(string path)
    {
        Assert.NotNull(RuleAgainst(new DeployFile(path, Hash, 1)));
        Assert.False(DeployFileList.IsPath(path));
    }

    [TimedTheory]
    [InlineData("a")]
    [InlineData("publish/.well-known/x")]
    [InlineData("functions/a/ü/…/b.mjs")]
    [InlineData("...")]
    [InlineData("a b/%2e%2e/c")]
    public void Any_other_path_is_taken(string path) => Assert.Null(RuleAgainst(new DeployFile(path, Hash, 0)));

    [TimedTheory]
    [InlineData("")]
    [InlineData("abc")]
    [InlineData("A")]
    [InlineData("../../../../etc")]
    public void A_hash_that_is_none_is_refused(string hash) => Assert.NotNull(RuleAgainst(new DeployFile("a", hash.PadRight(hash.Length > 1 ? hash.Length : 64, 'A'), 1)));

    [TimedFact]
    public void A_file_can_t_be_there_twice_nor_be_a_directory_too()
    {
        Assert.Contains("twice", RuleAgainst(new DeployFile("a", Hash, 1), new DeployFile("a", Hash, 1)), StringComparison.Ordinal);
        Assert.Contains("a directory", RuleAgainst(new DeployFile("a", Hash, 1), new DeployFile("a/b/c", Hash, 1)), StringComparison.Ordinal);
        Assert.Contains("a directory", RuleAgainst(new DeployFile("a/b/c", Hash, 1), new DeployFile("a/b", Hash, 1)), StringComparison.Ordinal);
        Assert.Contains("two sizes", RuleAgainst(new DeployFile("a", Hash, 1), new DeployFile("b", Hash, 2)), StringComparison.Ordinal);
    }

    [TimedFact]
    public void Number_and_size_of_files_are_bounded()
    {
        var limits = new DeployLimits { Files = 2, Bytes = 10 };

        Assert.Null(DeployFileList.RuleAgainst([new DeployFile("a", Hash, 5), new DeployFile("b", Hash, 5)], limits));
        Assert.NotNull(DeployFileList.RuleAgainst([new DeployFile("a", Hash, 5), new DeployFile("b", new string('b', 64), 6)], limits));
        Assert.NotNull(DeployFileList.RuleAgainst([new DeployFile("a", Hash, 1), new DeployFile("b", Hash, 1), new DeployFile("c", Hash, 1)], limits));
        Assert.NotNull(DeployFileList.RuleAgainst([new DeployFile("a", Hash, long.MaxValue), new DeployFile("b", new string('b', 64), long.MaxValue)], new DeployLimits()));
        Assert.NotNull(DeployFileList.RuleAgainst([new DeployFile("a", Hash, -1)], limits));
    }

    [TimedTheory]
    [InlineData("a", true)]
    [InlineData("my-site-2", true)]
    [InlineData("-a", false)]
    [InlineData("a-", false)]
    [InlineData("a--b", false)]
    [InlineData("A", false)]
    [InlineData("a.b", false)]
    [InlineData("", false)]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false)]
    public void A_site_s_name_can_stand_in_a_host_name(string name, bool legal) => Assert.Equal(legal, SiteName.IsLegal(name));

    [TimedFact]
    public void Names_of_a_deploy_are_its_own_its_alias_and_the_site_s_when_it_is_published()
    {
        var addresses = new DeployAddresses(new Uri("https://example.org:8443"));
        var site = new Site("1", "shop", ["shop.example.com"], default);
        var deploy = new Deploy { Id = "0123456789abcdef01234567", SiteId = "1", Context = "production", CreatedAt = default, Alias = "next" };

        Assert.Equal(["0123456789abcdef01234567--shop.example.org", "next--shop.example.org"], addresses.HostNamesOf(site, deploy, isPublished: false));
        Assert.Equal(["shop.example.org", "shop.example.com"], addresses.HostNamesOf(site, deploy, isPublished: true).Take(2));
        Assert.Equal("https://shop.example.org:8443", addresses.UrlOf(site));
        Assert.Equal("https://0123456789abcdef01234567--shop.example.org:8443", addresses.UrlOf(site, deploy));
        Assert.Equal("http://shop.localhost", new DeployAddresses(new Uri("http://localhost")).UrlOf(site));
    }

    private static string? RuleAgainst(params DeployFile[] files) => DeployFileList.RuleAgainst(files, new DeployLimits());
}
