using System.Net;

namespace SandboxHost.Conformance;

/// <summary>Files of the publish directory.</summary>
[Collection<Alone>]
public sealed class StaticFileTests(RoutingSite site) : IClassFixture<RoutingSite>
{
    [Theory(Timeout = 60_000)]
    [InlineData("/", "<h1>Home</h1>\n")]
    [InlineData("/index.html", "<h1>Home</h1>\n")]
    [InlineData("/page", "<p>page</p>\n")]
    [InlineData("/page/", "<p>page</p>\n")]
    [InlineData("/page.html", "<p>page</p>\n")]
    [InlineData("/sub", "<p>sub</p>\n")]
    [InlineData("/sub/", "<p>sub</p>\n")]
    [InlineData("/docs/a%20b.txt", "Straße\n")]
    [InlineData("/.well-known/security.json", "{}\n")]
    public async Task FC_63_a_path_finds_its_file(string path, string body) => Assert.Equal(body, await site.Client.GetStringAsync(path));

    [Theory(Timeout = 60_000)]
    [InlineData("/.env")]
    [InlineData("/%2eenv")]
    [InlineData("/.secret/x.txt")]
    [InlineData("/_redirects")]
    [InlineData("/_headers")]
    [InlineData("/../netlify.toml")]
    [InlineData("/%2e%2e/netlify.toml")]
    [InlineData("/..%2fnetlify.toml")]
    [InlineData("/..%5cnetlify.toml")]
    [InlineData("/docs/upper.txt")]
    [InlineData("/docs")]
    public async Task FC_63_nothing_else_is_served(string path)
    {
        using var client = await RawClient.ConnectAsync(site.Host.Port);

        await client.SendAsync($"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 404 ", await client.ReadToEndAsync());
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_63_the_site_folder_is_published_without_what_describes_it()
    {
        using var own = new TemporarySite(("a.mjs", "export default async () => new Response('x');"));
        own.WriteFile("index.html", "home");
        string[] hidden = ["sandboxhost.toml", "netlify.toml", "package.json", "package-lock.json", "node_modules/x/index.js", "netlify/functions/readme.txt", ".sandboxhost/x"];
        foreach (var name in hidden)
        {
            own.WriteFile(name, name.EndsWith(".toml", StringComparison.Ordinal) ? "# nothing" : "{}");
        }

        await using var host = await HostProcess.StartAsync(own.Directory);
        using var client = new HttpClient { BaseAddress = host.Address };

        Assert.Equal("home", await client.GetStringAsync("/"));
        foreach (var name in hidden.Append("netlify/functions/a.mjs"))
        {
            Assert.Equal((name, HttpStatusCode.NotFound), (name, (await client.GetAsync("/" + name)).StatusCode));
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_63_files_have_type_age_tag_ranges_and_conditions()
    {
        var whole = await site.Client.GetAsync("/digits.txt");
        Assert.Equal("text/plain; charset=utf-8", whole.Content.Headers.ContentType!.ToString());
        Assert.Equal(("public, must-revalidate, max-age=0", TimeSpan.Zero), (whole.Headers.CacheControl!.ToString(), whole.Headers.Age));

        using var range = new HttpRequestMessage(HttpMethod.Get, "/digits.txt") { Headers = { { "range", "bytes=2-4" } } };
        var part = await site.Client.SendAsync(range);
        Assert.Equal((HttpStatusCode.PartialContent, "234", "bytes 2-4/10"), (part.StatusCode, await part.Content.ReadAsStringAsync(), part.Content.Headers.ContentRange!.ToString()));

        using var known = new HttpRequestMessage(HttpMethod.Get, "/digits.txt") { Headers = { { "if-none-match", whole.Headers.ETag!.Tag } } };
        Assert.Equal(HttpStatusCode.NotModified, (await site.Client.SendAsync(known)).StatusCode);

        using var beyond = new HttpRequestMessage(HttpMethod.Get, "/digits.txt") { Headers = { { "range", "bytes=10-" } } };
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, (await site.Client.SendAsync(beyond)).StatusCode);

        using var head = new HttpRequestMessage(HttpMethod.Head, "/digits.txt");
        Assert.Equal(10, (await site.Client.SendAsync(head)).Content.Headers.ContentLength);
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_63_only_get_and_head_are_answered()
    {
        var reply = await site.Client.PostAsync("/page", null);

        Assert.Equal((HttpStatusCode.MethodNotAllowed, "Method Not Allowed"), (reply.StatusCode, await reply.Content.ReadAsStringAsync()));
        Assert.Equal(["GET", "HEAD"], reply.Content.Headers.Allow);
    }
}
