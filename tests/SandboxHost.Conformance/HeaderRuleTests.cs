namespace SandboxHost.Conformance;

/// <summary>The header rules of tests/functions/routing: its _headers and netlify.toml.</summary>
[Collection<Alone>]
public sealed class HeaderRuleTests(RoutingSite site) : IClassFixture<RoutingSite>
{
    [Theory(Timeout = 60_000)]
    [InlineData("/", "x-every", "yes")]
    [InlineData("/sub/", "x-every", "overridden")]
    [InlineData("/sub/", "x-sub", "one")]
    [InlineData("/sub/", "x-from-file", "a, b")]
    [InlineData("/page", "x-page", ":1")]
    [InlineData("/other.bin", "content-type", "application/x-own")]
    [InlineData("/spa/x", "x-every", "yes")]
    [InlineData("/nothing", "x-every", "yes")]
    public async Task FC_64_headers_apply_to_files(string path, string name, string value)
    {
        var reply = await site.Client.GetAsync(path);

        Assert.Equal(value, (reply.Headers.TryGetValues(name, out var values) ? values : reply.Content.Headers.GetValues(name)).Single());
    }

    [Theory(Timeout = 60_000)]
    [InlineData("/custom/path")]
    [InlineData("/to-custom")]
    [InlineData("/.netlify/functions/show")]
    [InlineData("/old")]
    public async Task FC_64_headers_do_not_apply_to_functions_and_redirects(string path) =>
        Assert.False((await site.Client.GetAsync(path)).Headers.Contains("x-every"));
}
