using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>Routing and HTTP itself.</summary>
[Collection<Alone>]
public sealed class HttpTests(HostFixture fixture)
{
    private HttpClient Client => fixture.Client;

    [Fact(Timeout = 15_000)]
    public async Task FC_16_only_listed_methods_match_and_an_excluded_path_does_not()
    {
        Assert.Equal("got GET", await Client.GetStringAsync("/methods"));
        Assert.Equal("got DELETE", await (await Client.DeleteAsync("/methods")).Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.NotFound, (await Client.PostAsync("/methods", null)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await Client.GetAsync("/methods/not")).StatusCode);
        Assert.Equal("got GET", await Client.GetStringAsync("/Methods/"));
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_16_a_wildcard_gives_numbered_parameters()
    {
        var seen = await Client.GetFromJsonAsync<JsonElement>("/rest/a/b/c");

        Assert.Equal("a/b/c", seen.GetProperty("context").GetProperty("params").GetProperty("0").GetString());
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_17_default_urls_of_unknown_pathed_and_illegal_names_say_so()
    {
        var unknown = await Client.GetAsync("/.netlify/functions/nobody");
        var pathed = await Client.GetAsync("/.netlify/functions/inspect");
        var illegal = await Client.GetAsync("/.netlify/functions/no.body");

        Assert.Equal((HttpStatusCode.NotFound, "Function not found..."), (unknown.StatusCode, await unknown.Content.ReadAsStringAsync()));
        Assert.Equal(HttpStatusCode.NotFound, pathed.StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, illegal.StatusCode);
        Assert.Equal("plain", await Client.GetStringAsync("/.netlify/functions/plain/and/more"));
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_17_a_path_that_begins_with_two_slashes_is_404()
    {
        using var client = await RawClient.ConnectAsync(fixture.Host.Port);
        await client.SendAsync("GET //example.com/inspect HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 404", await client.ReadToEndAsync());
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_18_status_headers_and_repeated_cookies_pass_unchanged()
    {
        Assert.Equal((HttpStatusCode)418, (await Client.GetAsync("/results?kind=teapot")).StatusCode);
        var cookies = await Client.GetAsync("/results?kind=cookies");

        Assert.Equal(["a=1; Path=/", "b=2; Path=/"], cookies.Headers.GetValues("set-cookie"));
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_18_a_latin_1_header_value_keeps_its_bytes()
    {
        using var client = await RawClient.ConnectAsync(fixture.Host.Port);
        await client.SendAsync("GET /results?kind=latin1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");

        Assert.Contains("x-name: caf\u00e9\r\n", await client.ReadToEndAsync());
    }

    [Theory(Timeout = 15_000)]
    [InlineData("nocontent", 204)]
    [InlineData("notmodified", 304)]
    [InlineData("empty", 200)]
    public async Task FC_19_replies_without_a_body_have_none(string kind, int status)
    {
        using var client = await RawClient.ConnectAsync(fixture.Host.Port);
        await client.SendAsync($"GET /results?kind={kind} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        var reply = await client.ReadToEndAsync();

        Assert.StartsWith($"HTTP/1.1 {status}", reply);
        Assert.EndsWith("\r\n\r\n", reply);
        Assert.DoesNotContain("transfer-encoding", reply, StringComparison.OrdinalIgnoreCase);
    }

    [Theory(Timeout = 15_000)]
    [InlineData("teapot")]
    [InlineData("large")]
    public async Task FC_19_HEAD_reaches_the_function_and_gets_no_body(string kind)
    {
        using var client = await RawClient.ConnectAsync(fixture.Host.Port);
        await client.SendAsync($"HEAD /results?kind={kind} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        var reply = await client.ReadToEndAsync();

        Assert.EndsWith("\r\n\r\n", reply);
        Assert.DoesNotContain("short and stout", reply);
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_20_hop_by_hop_and_platform_headers_from_outside_never_reach_a_function()
    {
        using var client = await RawClient.ConnectAsync(fixture.Host.Port);
        await client.SendAsync(
            "GET /inspect HTTP/1.1\r\nHost: localhost\r\nConnection: x-private\r\nX-Private: 1\r\nTE: trailers\r\nKeep-Alive: 5\r\n"
            + "X-NF-Client-Connection-IP: 6.6.6.6\r\nx-nf-request-id: forged\r\nX-Nf-Event: schedule\r\nX-Netlify-Event: deploy_succeeded\r\n"
            + "X-Forwarded-For: 6.6.6.6\r\nX-Kept: yes\r\n\r\n");
        var reply = await client.ReadUntilAsync("\"region\":\"dev\"}}");

        Assert.Contains("\"x-kept\",\"yes\"", reply);
        Assert.DoesNotContain("6.6.6.6", reply);
        Assert.DoesNotContain("forged", reply);
        Assert.DoesNotContain("x-private", reply);
        Assert.DoesNotContain("keep-alive", reply);
        Assert.DoesNotContain("x-nf-event", reply);
        Assert.DoesNotContain("deploy_succeeded", reply);
        Assert.Contains("\"x-nf-client-connection-ip\",\"127.0.0.1\"", reply);
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_20_hop_by_hop_headers_of_a_function_do_not_leave_the_host()
    {
        var reply = await Client.GetAsync("/results?kind=hopbyhop");

        Assert.False(reply.Headers.Contains("keep-alive"));
        Assert.Equal("yes", reply.Headers.GetValues("x-kept").Single());
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_20_a_request_with_two_framings_is_refused()
    {
        using var client = await RawClient.ConnectAsync(fixture.Host.Port);
        await client.SendAsync(
            "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde");

        Assert.StartsWith("HTTP/1.1 400", await client.ReadToEndAsync());
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_35_every_site_answers_at_its_own_name_with_its_own_environment()
    {
        var neighbour = new Uri($"http://neighbour.localhost:{fixture.Host.Port}/.netlify/functions/whoami");
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(fixture.Host.Address, "/.netlify/functions/whoami"));
        request.Headers.Host = neighbour.Authority;
        var seen = await (await Client.SendAsync(request)).Content.ReadFromJsonAsync<JsonElement>();

        Assert.Equal("neighbour", seen.GetProperty("site").GetString());
        Assert.Equal("the-neighbours", seen.GetProperty("secret").GetString());
        Assert.Equal(HttpStatusCode.NotFound, (await Client.GetAsync("/.netlify/functions/whoami")).StatusCode);
    }
}
