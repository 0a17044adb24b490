using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace SandboxHost.Conformance;

/// <summary>The rules of tests/functions/routing: its _redirects and netlify.toml.</summary>
[Collection<Alone>]
public sealed class RedirectTests(RoutingSite site) : IClassFixture<RoutingSite>
{
    [Theory(Timeout = 60_000)]
    [InlineData("/old", 301, "/new")]
    [InlineData("/old/", 301, "/new")]
    [InlineData("/moved/a/b?x=1", 302, "/to/a/b?x=1")]
    [InlineData("/news/2020/5", 301, "/blog/5/2020")]
    [InlineData("/with-query?z=1", 301, "/there?own=1")]
    [InlineData("/away?q=2", 307, "https://example.test/x?q=2")]
    [InlineData("/search?q=a%2Fb", 301, "/found/a%2Fb?q=a%2Fb")]
    [InlineData("/open//evil.test", 302, "/evil.test")]
    [InlineData("/a", 301, "/first")]
    [InlineData("/forced.txt", 301, "/elsewhere")]
    public async Task FC_62_send_the_client_on(string path, int status, string location)
    {
        var reply = await site.Client.GetAsync(path);

        Assert.Equal((status, location), ((int)reply.StatusCode, reply.Headers.Location?.OriginalString));
    }

    [Theory(Timeout = 60_000)]
    [InlineData("/shadowed.txt", 200, "file before rule\n")]
    [InlineData("/spa/any/path", 200, "<h1>App</h1>\n")]
    [InlineData("/gone/1", 404, "<h1>Gone</h1>\n")]
    [InlineData("/teapot", 418, "<h1>Gone</h1>\n")]
    [InlineData("/OLD", 404, "<h1>Not here</h1>\n")]
    public async Task FC_62_rewrite_to_files_with_the_status_of_the_rule(string path, int status, string body)
    {
        var reply = await site.Client.GetAsync(path);

        Assert.Equal((status, body), ((int)reply.StatusCode, await reply.Content.ReadAsStringAsync()));
    }

    [Theory(Timeout = 60_000)]
    [InlineData("", "", "/greet/other")]
    [InlineData("de-AT,en;q=0.5", "", "/greet/de")]
    [InlineData("en, de;q=0.9", "", "/greet/other")]
    [InlineData("en", "nf_lang=de", "/greet/de")]
    [InlineData("en", "nf_country=AT", "/greet/at")]
    public async Task FC_62_go_by_language_and_country(string language, string cookie, string location)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/hello");
        request.Headers.TryAddWithoutValidation("accept-language", language);
        request.Headers.TryAddWithoutValidation("cookie", cookie);

        Assert.Equal(location, (await site.Client.SendAsync(request)).Headers.Location?.OriginalString);
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_62_go_by_a_cookie_that_is_there()
    {
        Assert.Equal(HttpStatusCode.Redirect, (await WithCookieAsync("/beta", "is_beta=1")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await WithCookieAsync("/beta", "is_beta=")).StatusCode);
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_62_go_by_a_role_of_a_genuine_token()
    {
        Assert.Equal(HttpStatusCode.OK, (await WithCookieAsync("/members/1", $"nf_jwt={Token("a secret of the tests", "editor")}")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await WithCookieAsync("/members/1", $"nf_jwt={Token("another secret", "editor")}")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await WithCookieAsync("/members/1", $"nf_jwt={Token("a secret of the tests", "reader")}")).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await WithCookieAsync("/staff/1", "")).StatusCode);
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_62_a_wrong_line_is_named_and_the_others_hold() =>
        await site.Host.WaitForLineAsync("_redirects:21: The destination path/URL must start with \"/\", \"http:\" or \"https:\" (this line is wrong)");

    [Fact(Timeout = 60_000)]
    public async Task FC_62_to_another_host_are_carried_out_where_that_is_allowed()
    {
        using var allowed = new LoopbackServer("from the other host");
        using var forbidden = new LoopbackServer("forbidden");
        using var own = new TemporarySite(("a.mjs", "export default async () => new Response('function');"));
        own.WriteFile("_redirects", $"/api/* http://localhost:{allowed.Port}/:splat 200\n/in http://localhost:{forbidden.Port}/ 200\n/meta http://169.254.169.254/ 200\n");
        await using var host = await HostProcess.StartAsync(own.Directory, "--egress-allow", $"localhost:{allowed.Port}");
        using var client = new HttpClient { BaseAddress = host.Address };

        Assert.Equal("from the other host", await client.GetStringAsync("/api/x"));
        Assert.Equal(HttpStatusCode.BadGateway, (await client.GetAsync("/in")).StatusCode);
        Assert.Equal(HttpStatusCode.BadGateway, (await client.GetAsync("/meta")).StatusCode);
        await host.WaitForLineAsync("is not allowed (loopback)");
        await host.WaitForLineAsync("is not allowed (link-local)");
    }

    private async Task<HttpResponseMessage> WithCookieAsync(string path, string cookie)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("cookie", cookie);
        return await site.Client.SendAsync(request);
    }

    private static string Token(string secret, string role)
    {
        var claims = """{"exp":99999999999,"app_metadata":{"authorization":{"roles":["ROLE"]}}}""".Replace("ROLE", role);
        var signed = $"{Encoded("""{"alg":"HS256"}""")}.{Encoded(claims)}";
        return $"{signed}.{Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.ASCII.GetBytes(signed)))}";
    }

    private static string Encoded(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));
}
