using SandboxHost.Routing;

namespace SandboxHost.Tests.Routing;

public sealed class UrlPathTests
{
    [TimedTheory]
    [InlineData("/")]
    [InlineData("/.netlify/functions/hello")]
    [InlineData("/a/b.c/...//x/")]
    [InlineData("/a/..b/%2e%2e%2e/.%2fx")]
    [InlineData("/%c3%A9%20")]
    public void An_ordinary_path_stays_as_it_is(string path) => Assert.Same(path, UrlPath.Resolve(path));

    [TimedTheory]
    [InlineData("/a/../b", "/b")]
    [InlineData("/a/./b", "/a/b")]
    [InlineData("/a/b/..", "/a/")]
    [InlineData("/a/.", "/a/")]
    [InlineData("/..", "/")]
    [InlineData("/../../a", "/a")]
    [InlineData("/a//../b", "/a/b")]
    [InlineData("/a\\b", "/a/b")]
    [InlineData("/{a}", "/%7Ba%7D")]
    [InlineData("/a\"<>^`", "/a%22%3C%3E%5E%60")]
    [InlineData("/é", "/%C3%A9")]
    public void A_path_is_read_as_a_url_parser_reads_it(string path, string resolved) => Assert.Equal(resolved, UrlPath.Resolve(path));

    [TimedTheory]
    [InlineData("/a/b-c_d~e", "/a/b-c_d~e")]
    [InlineData("/%61%2D", "/a-")]
    [InlineData("/a%2fb", "/a%2Fb")]
    [InlineData("/%25", "/%25")]
    [InlineData("/%2561", "/%2561")]
    [InlineData("/%c3%a9", "/%C3%A9")]
    [InlineData("/é", "/%C3%A9")]
    [InlineData("/%zz%4", "/%25zz%254")]
    [InlineData("/a b\"", "/a%20b%22")]
    [InlineData("/😀", "/%F0%9F%98%80")]
    public void A_path_has_one_canonical_spelling(string path, string canonical)
    {
        Assert.Equal(canonical, UrlPath.Canonical(path));
        Assert.Equal(canonical, UrlPath.Canonical(canonical));
    }

    [TimedFact]
    public async Task Node_reads_the_same_paths()
    {
        using var oracle = new NodeOracle(Repository.Node, "return new URL('http://host' + question).pathname;");
        var random = new Random(20261123);
        string[] pieces = ["/", "/", "/", ".", "..", "%2e", "%2E", "a", "b", "\\", "{", "^", "é", "😀", "%20", "|", "[", "~", "*", "'", "\"", ":", "@"];
        for (var i = 0; i < 2000; i++)
        {
            var path = "/" + string.Concat(Enumerable.Range(0, random.Next(9)).Select(_ => pieces[random.Next(pieces.Length)]));

            Assert.Equal(await oracle.AskAsync<string>(path), UrlPath.Resolve(path));
        }
    }
}
