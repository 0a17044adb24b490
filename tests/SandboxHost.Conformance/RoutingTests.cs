using System.Net;
using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>The site of tests/functions/routing, for the tests of what answers beside functions.</summary>
public sealed class RoutingSite : IAsyncLifetime
{
    public HostProcess Host { get; private set; } = null!;

    public HttpClient Client { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Host = await HostProcess.StartAsync(Path.Combine(Repository.Root, "tests", "functions", "routing"));
        Client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = Host.Address };
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Host.DisposeAsync();
    }
}

/// <summary>Which of functions, redirects and files answers.</summary>
[Collection<Alone>]
public sealed class RoutingTests(RoutingSite site) : IClassFixture<RoutingSite>
{
    [Fact(Timeout = 60_000)]
    public async Task FC_61_a_rewrite_runs_the_function_which_sees_the_original_url()
    {
        var seen = await AskAsync("/toml/5?k=v&k=w", HttpMethod.Post, "the body");

        Assert.Equal($"{site.Host.Address}toml/5?k=v&k=w", seen.GetProperty("url").GetString());
        Assert.Equal(("show", "POST", "the body"), (seen.GetProperty("function").GetString(), seen.GetProperty("method").GetString(), seen.GetProperty("body").GetString()));
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_61_a_rewrite_to_a_function_with_a_path_goes_to_that_path() =>
        Assert.Equal($"With literal path: {site.Host.Address}to-custom", await site.Client.GetStringAsync("/to-custom"));

    [Fact(Timeout = 60_000)]
    public async Task FC_61_a_rewrite_to_the_default_url_of_a_function_with_a_path_says_404_with_status_200()
    {
        var reply = await site.Client.GetAsync("/to-custom-default");

        Assert.Equal((HttpStatusCode.OK, "404 Not Found"), (reply.StatusCode, await reply.Content.ReadAsStringAsync()));
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_61_a_method_that_no_function_takes_falls_through_to_the_file()
    {
        Assert.Equal("0123456789", await site.Client.GetStringAsync("/digits.txt"));
        Assert.Equal("behind", await (await site.Client.PostAsync("/digits.txt", null)).Content.ReadAsStringAsync());
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_61_a_function_that_prefers_static_files_yields_to_one()
    {
        Assert.Equal("shadow\n", await site.Client.GetStringAsync("/shadow.txt"));
        Assert.Equal("shadow\n", await site.Client.GetStringAsync("/to-yielding"));
        Assert.Equal("function for /missing.txt", await site.Client.GetStringAsync("/missing.txt"));
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_61_two_slashes_are_404_and_no_redirect()
    {
        using var client = await RawClient.ConnectAsync(site.Host.Port);

        await client.SendAsync("GET //evil.test/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 404 ", await client.ReadToEndAsync());
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_61_what_nothing_answers_gets_the_sites_404_page()
    {
        var reply = await site.Client.GetAsync("/nothing/here");

        Assert.Equal((HttpStatusCode.NotFound, "<h1>Not here</h1>\n"), (reply.StatusCode, await reply.Content.ReadAsStringAsync()));
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_61_rules_and_files_that_change_show_within_a_second()
    {
        using var own = new TemporarySite(("a.mjs", "export default async () => new Response('function');"));
        own.WriteFile("netlify.toml", "[build]\npublish = 'dist'\n");
        own.WriteFile("dist/_redirects", "/x /one");
        await using var host = await HostProcess.StartAsync(own.Directory);
        using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = host.Address };
        Assert.Equal("/one", (await client.GetAsync("/x")).Headers.Location?.ToString());

        own.WriteFile("dist/_redirects", "/x /two\nbroken");
        await Eventually.TrueAsync(async () => (await client.GetAsync("/x")).Headers.Location?.ToString() == "/two", TimeSpan.FromSeconds(1), "the edit showed");
        await host.WaitForLineAsync("_redirects:2: Missing destination path/URL (broken)");
        own.WriteFile("dist/deep/page.html", "page");
        Assert.Equal("page", await client.GetStringAsync("/deep/page"));
        own.WriteFile("dist/_headers", "/deep/*\n  X-Deep: yes");
        await Eventually.TrueAsync(async () => (await client.GetAsync("/deep/page")).Headers.Contains("x-deep"), TimeSpan.FromSeconds(1), "the header showed");
        own.WriteFile("netlify.toml", "[build]\npublish = 'other'\n");
        own.WriteFile("other/_redirects", "/x /three");
        await Eventually.TrueAsync(async () => (await client.GetAsync("/x")).Headers.Location?.ToString() == "/three", TimeSpan.FromSeconds(2), "the other directory showed");
        Assert.Equal("function", await client.GetStringAsync("/.netlify/functions/a"));
    }

    private async Task<JsonElement> AskAsync(string path, HttpMethod method, string body)
    {
        using var request = new HttpRequestMessage(method, path) { Content = new StringContent(body) };
        var reply = await site.Client.SendAsync(request);
        return JsonDocument.Parse(await reply.Content.ReadAsStringAsync()).RootElement;
    }
}
