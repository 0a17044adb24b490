using System.Net.Http.Json;
using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>What a function finds beside its request (reference §3): the context, platform headers, globals.</summary>
[Collection<Alone>]
public sealed class ContextTests(FormsFixture fixture)
{
    private HttpClient Client => fixture.Client;

    [Fact(Timeout = 15_000)]
    public async Task FC_48_the_context_has_every_property_and_can_be_spread()
    {
        var reply = await Client.GetAsync("/context/all");
        var context = await reply.Content.ReadFromJsonAsync<JsonElement>();

        Assert.Equal(
            ["account", "cookies", "deploy", "flags", "geo", "ip", "json", "log", "next", "params", "path", "requestId", "rewrite", "server", "site", "url", "waitUntil"],
            context.GetProperty("keys").EnumerateArray().Select(key => key.GetString()!));
        Assert.Equal(reply.Headers.GetValues("x-nf-request-id").Single(), Text(context, "requestId"));
        Assert.Equal(Text(context, "requestId"), Text(context, "spread"));
        Assert.Matches("^[0-9A-HJKMNP-TV-Z]{26}$", Text(context, "requestId"));
        Assert.NotEmpty(Text(context.GetProperty("account"), "id")!);
        Assert.Equal("""{"branch":"feature","context":"dev","id":"0","published":false}""", context.GetProperty("deploy").GetRawText());
        Assert.Equal("""{"region":"dev"}""", context.GetProperty("server").GetRawText());
        Assert.Equal("forms", Text(context.GetProperty("site"), "name"));
        Assert.NotEmpty(Text(context.GetProperty("site"), "id")!);
        Assert.Equal($"http://localhost:{fixture.Host.Port}", Text(context.GetProperty("site"), "url"));
        Assert.Equal($"http://localhost:{fixture.Host.Port}/context/all", Text(context, "url"));
        Assert.Equal("/context/:what", Text(context, "path"));
        Assert.Equal("""{"what":"all"}""", context.GetProperty("params").GetRawText());
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_48_geo_is_the_mock_of_a_developers_machine_in_context_and_header()
    {
        const string mock =
            """{"city":"San Francisco","country":{"code":"US","name":"United States"},"subdivision":{"code":"CA","name":"California"},"timezone":"UTC","latitude":0,"longitude":0}""";
        var context = await GetAsync("/context/all");
        var headers = await GetAsync("/context/headers");

        Assert.Equal(mock, context.GetProperty("geo").GetRawText());
        Assert.Equal(mock, System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(Text(headers, "x-nf-geo")!)));
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_49_the_platforms_headers_arrive_and_the_clients_lies_do_not()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/context/headers");
        foreach (var name in new[] { "x-nf-geo", "x-nf-account-id", "x-nf-identity-info", "x-nf-request-start", "x-nf-branch", "x-nf-made-up" })
        {
            request.Headers.TryAddWithoutValidation(name, "a-lie");
        }

        var before = DateTimeOffset.UtcNow;
        var reply = await Client.SendAsync(request);
        var headers = await reply.Content.ReadFromJsonAsync<JsonElement>();
        var context = await GetAsync("/context/all");

        Assert.DoesNotContain("a-lie", headers.GetRawText());
        Assert.Equal(reply.Headers.GetValues("x-nf-request-id").Single(), Text(headers, "x-nf-request-id"));
        Assert.Equal(Text(context, "ip"), Text(headers, "x-nf-client-connection-ip"));
        Assert.Equal(Text(context.GetProperty("account"), "id"), Text(headers, "x-nf-account-id"));
        Assert.Equal(Text(context.GetProperty("site"), "id"), Text(headers, "x-nf-site-id"));
        Assert.Equal(("0", "dev", "0", "feature"), (Text(headers, "x-nf-deploy-id"), Text(headers, "x-nf-deploy-context"), Text(headers, "x-nf-deploy-published"), Text(headers, "x-nf-branch")));
        var start = long.Parse(Text(headers, "x-nf-request-start")!, System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(DateTimeOffset.FromUnixTimeMilliseconds(start), before.AddMilliseconds(-1), DateTimeOffset.UtcNow);
    }

    [Theory(Timeout = 15_000)]
    [InlineData("/params/one/two/three", """{"0":"two/three","a":"one"}""")]
    [InlineData("/params/bo%20o/%C3%A9", """{"0":"%C3%A9","a":"bo%20o"}""")]
    public async Task FC_48_params_are_the_groups_of_the_route_not_decoded(string path, string expected)
    {
        var context = await GetAsync($"{path}?show=/context/all");

        Assert.Equal(expected, context.GetProperty("params").GetRawText());
        Assert.Equal("/params/:a/*", Text(context, "path"));
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_48_cookies_are_read_set_with_every_option_and_deleted()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/context/cookies");
        request.Headers.TryAddWithoutValidation("cookie", "one=a=b; two=%20");
        var reply = await Client.SendAsync(request);
        var seen = await reply.Content.ReadFromJsonAsync<JsonElement>();

        Assert.Equal(
            [
                "plain=v",
                "full=v; Secure; HttpOnly; Max-Age=5; Domain=a.example; SameSite=Lax; Path=/x; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Partitioned",
                "__Host-h=v; Secure; Path=/",
                "gone=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
                "too=; Domain=a.example; Path=/p; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            ],
            reply.Headers.GetValues("set-cookie"));
        Assert.Equal("""["a=b",null]""", seen.GetProperty("read").GetRawText());
        Assert.Equal("TypeError: You must provide the cookie value as a string to 'cookies.set'", Text(seen, "notText"));
        Assert.StartsWith("TypeError: ", Text(seen, "bad"));
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_48_next_and_an_empty_waitUntil_are_the_standard_errors_and_flags_know_nothing()
    {
        var seen = await GetAsync("/context/calls");

        Assert.Equal("Error: `context.next` is not implemented for serverless functions", Text(seen, "next"));
        Assert.Equal("TypeError: waitUntil: At least 1 argument required, but only 0 passed", Text(seen, "waitUntil"));
        Assert.Equal(JsonValueKind.Null, seen.GetProperty("flag").ValueKind);
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_48_log_prints_and_json_answers()
    {
        var reply = await Client.GetAsync("/context/log");

        Assert.Equal("application/json", reply.Content.Headers.ContentType!.MediaType);
        Assert.StartsWith("[context] logged by context", await fixture.Host.WaitForLineAsync("logged by context"));
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_50_globals_give_the_context_and_the_environment()
    {
        var seen = await GetAsync("/context/globals");

        Assert.True(seen.GetProperty("same").GetBoolean());
        Assert.Equal(JsonValueKind.Null, seen.GetProperty("outside").ValueKind);
        Assert.Equal("""[false,"given",true,"given","dev"]""", seen.GetProperty("env").GetRawText());
        Assert.False(seen.GetProperty("deleted").GetBoolean());
        Assert.Equal(JsonValueKind.Null, seen.GetProperty("identity").ValueKind);
        Assert.True(seen.GetProperty("pattern").GetBoolean());
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_50_getContext_of_the_real_package_works_in_the_handler_and_its_children_and_nowhere_else()
    {
        var seen = await GetAsync("/context/get");

        Assert.True(seen.GetProperty("same").GetBoolean());
        Assert.True(seen.GetProperty("child").GetBoolean());
        Assert.Equal(
            "getContext() can only be called within a Netlify serverless function's request handler or one of its async children.",
            Text(seen, "outside"));
    }

    [Theory(Timeout = 15_000)]
    [InlineData("path", "GET /context/target?to=path ")]
    [InlineData("url", "GET /context/target?to=url ")]
    public async Task FC_48_rewrite_fetches_another_path_of_the_site_or_another_url(string to, string expected)
    {
        // The site is asked by the name of a server outside, so that what it fetches arrives there.
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/context/rewrite?to={to}");
        request.Headers.Host = $"host.internal:{fixture.Outside.Port}";

        Assert.Equal("outside", await (await Client.SendAsync(request)).Content.ReadAsStringAsync());
        Assert.StartsWith(expected, fixture.Outside.LastRequest);
    }

    [Theory(Timeout = 15_000)]
    [InlineData("fetch")]
    [InlineData("http")]
    public async Task FC_51_what_a_function_sends_carries_where_its_request_has_been(string by)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/outgoing?by={by}&url=http://host.internal:{fixture.Outside.Port}/");
        request.Headers.TryAddWithoutValidation("cdn-loop", "another; a=b");
        var site = Text((await GetAsync("/context/all")).GetProperty("site"), "id");

        Assert.Equal("outside", await (await Client.SendAsync(request)).Content.ReadAsStringAsync());
        Assert.Contains($"cdn-loop: another; a=b, sandboxhost; site={site}\r\n", fixture.Outside.LastRequest, StringComparison.OrdinalIgnoreCase);
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_74_purgeCache_says_that_it_skips()
    {
        Assert.Equal("purged", await Client.GetStringAsync("/purge"));
        await fixture.Host.WaitForLineAsync("[purge] Skipping purgeCache for tags a, b in local development.");
    }

    private static string? Text(JsonElement element, string name) => element.GetProperty(name).GetString();

    private async Task<JsonElement> GetAsync(string path) => await Client.GetFromJsonAsync<JsonElement>(path);
}
