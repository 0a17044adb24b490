using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>Handler forms, what a function gets and what it may return.</summary>
[Collection<Alone>]
public sealed class HandlerTests(HostFixture fixture)
{
    private HttpClient Client => fixture.Client;

    [Fact(Timeout = 15_000)]
    public async Task FC_1_a_default_function_answers_at_its_default_url()
    {
        Assert.Equal("plain", await Client.GetStringAsync("/.netlify/functions/plain"));
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_2_a_module_object_with_fetch_is_called_unbound()
    {
        var seen = await Client.GetFromJsonAsync<JsonElement>("/fetchable");

        Assert.True(seen.GetProperty("unbound").GetBoolean());
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_3_undefined_is_204_without_a_body()
    {
        var reply = await Client.GetAsync("/results?kind=undefined");

        Assert.Equal(HttpStatusCode.NoContent, reply.StatusCode);
        Assert.Empty(await reply.Content.ReadAsByteArrayAsync());
    }

    [Theory(Timeout = 15_000)]
    [InlineData("null")]
    [InlineData("object")]
    public async Task FC_4_a_value_that_is_no_response_is_the_stated_error(string kind)
    {
        var reply = await Client.GetAsync($"/results?kind={kind}");

        Assert.Equal(HttpStatusCode.InternalServerError, reply.StatusCode);
        var error = await reply.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("Function returned an unsupported value. Accepted types are 'Response' or 'undefined'", error.GetProperty("errorMessage").GetString());
        Assert.Equal("function_error", error.GetProperty("code").GetString());
    }

    [Theory(Timeout = 15_000)]
    [InlineData("throwError", "TypeError", "it broke")]
    [InlineData("reject", "RangeError", "rejected")]
    [InlineData("throwUndefined", null, null)]
    [InlineData("throwNull", null, null)]
    [InlineData("throwString", null, "a string")]
    [InlineData("throwFrozen", null, null)]
    [InlineData("throwProxy", null, null)]
    public async Task FC_5_any_thrown_value_is_an_error_reply_and_the_function_lives(string kind, string? type, string? message)
    {
        var reply = await Client.GetAsync($"/results?kind={kind}");

        Assert.Equal(HttpStatusCode.InternalServerError, reply.StatusCode);
        var error = await reply.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(type ?? error.GetProperty("errorType").GetString(), error.GetProperty("errorType").GetString());
        Assert.Contains(message ?? "", error.GetProperty("errorMessage").GetString());
        Assert.Equal("short and stout", await (await Client.GetAsync("/results?kind=teapot")).Content.ReadAsStringAsync());
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_5_a_trace_points_into_the_authors_file()
    {
        var error = await (await Client.GetAsync("/results?kind=throwError")).Content.ReadFromJsonAsync<JsonElement>();

        var trace = error.GetProperty("trace").EnumerateArray().Select(line => line.GetString()).ToList();
        Assert.Contains(trace, line => line!.Contains("netlify/functions/results.mjs:", StringComparison.Ordinal));
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_5_a_browser_gets_a_page_that_escapes_what_was_thrown()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/results?kind=throwError");
        request.Headers.TryAddWithoutValidation("accept", "text/html,*/*");
        var reply = await Client.SendAsync(request);

        Assert.Equal("text/html", reply.Content.Headers.ContentType!.MediaType);
        Assert.Contains("it broke", await reply.Content.ReadAsStringAsync());
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_6_the_request_arrives_as_it_was_sent()
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, "/inspect?x=1&y=a%20b&x=2") { Content = new StringContent("grüße", Encoding.UTF8, "text/plain") };
        request.Headers.TryAddWithoutValidation("x-many", ["one", "two"]);
        var seen = await (await Client.SendAsync(request)).Content.ReadFromJsonAsync<JsonElement>();

        Assert.Equal("PUT", seen.GetProperty("method").GetString());
        Assert.Equal($"http://localhost:{fixture.Host.Port}/inspect?x=1&y=a%20b&x=2", seen.GetProperty("url").GetString());
        Assert.Equal("grüße", seen.GetProperty("body").GetString());
        Assert.Equal("one, two", Header(seen, "x-many"));
        Assert.Equal("text/plain; charset=utf-8", Header(seen, "content-type"));
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_7_a_body_of_every_size_comes_back_whole()
    {
        foreach (var size in new[] { 0, 1, 1_000, 65_535, 65_536, 65_537, 1_000_000, 5_000_000 })
        {
            var sent = new byte[size];
            new Random(size).NextBytes(sent);
            var reply = await Client.PostAsync("/echo", new ByteArrayContent(sent));

            Assert.Equal(HttpStatusCode.OK, reply.StatusCode);
            Assert.Equal(sent, await reply.Content.ReadAsByteArrayAsync());
        }
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_8_request_and_response_flow_at_the_same_time()
    {
        // HTTP/1.1 clients in .NET read the response while they send only when they are told to by hand.
        using var client = await RawClient.ConnectAsync(fixture.Host.Port);
        await client.SendAsync("POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
        await client.ReadUntilAsync("first");
        await client.SendAsync("6\r\nsecond\r\n");
        await client.ReadUntilAsync("second");
        await client.SendAsync("0\r\n\r\n");

        Assert.EndsWith("0\r\n\r\n", await client.ReadUntilAsync("0\r\n\r\n"));
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_9_the_signal_aborts_within_50_ms_when_the_client_goes_away()
    {
        using (var client = await RawClient.ConnectAsync(fixture.Host.Port))
        {
            await client.SendAsync("GET /signal/wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
            await Eventually.TrueAsync(async () => (await SeenAsync()).Count > 0, TimeSpan.FromSeconds(10), "the call began");
        }

        var took = await Eventually.TrueAsync(async () => (await SeenAsync()).Count > 1, TimeSpan.FromSeconds(5), "the signal aborted");

        // 50 ms are the promise; the asking over HTTP comes on top.
        Assert.InRange(took.TotalMilliseconds, 0, 250);
        Assert.Equal("AbortError", (await SeenAsync())[1]);
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_10_the_context_tells_id_address_parameters_site_and_deploy()
    {
        var reply = await Client.GetAsync("/inspect/bo%20o/two?q=1");
        var context = (await reply.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("context");

        Assert.Equal(reply.Headers.GetValues("x-nf-request-id").Single(), context.GetProperty("requestId").GetString());
        Assert.Equal(26, context.GetProperty("requestId").GetString()!.Length);
        Assert.Contains(context.GetProperty("ip").GetString(), new[] { "127.0.0.1", "::1" });
        Assert.Equal("bo%20o", context.GetProperty("params").GetProperty("first").GetString());
        Assert.Equal("two", context.GetProperty("params").GetProperty("second").GetString());
        Assert.Equal("/inspect/:first/:second", context.GetProperty("path").GetString());
        Assert.Equal($"http://localhost:{fixture.Host.Port}/inspect/bo%20o/two?q=1", context.GetProperty("url").GetString());
        Assert.Equal("dev", context.GetProperty("deploy").GetProperty("context").GetString());
        Assert.Equal("0", context.GetProperty("deploy").GetProperty("id").GetString());
        Assert.Equal("dev", context.GetProperty("region").GetString());
        Assert.NotEmpty(context.GetProperty("site").GetProperty("id").GetString()!);
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_11_the_reply_goes_out_before_waitUntil_has_settled()
    {
        Assert.Equal("answered", await Client.GetStringAsync("/wait-until/start"));
        var before = (await Client.GetFromJsonAsync<JsonElement>("/wait-until/state")).GetProperty("done").GetInt32();

        await Eventually.TrueAsync(
            async () => (await Client.GetFromJsonAsync<JsonElement>("/wait-until/state")).GetProperty("done").GetInt32() == 1,
            TimeSpan.FromSeconds(5),
            "the promise settled");

        Assert.Equal(0, before);
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_12_a_background_function_answers_202_before_it_runs()
    {
        var id = Guid.NewGuid();
        var reply = await Client.PostAsJsonAsync("/job", new { id });

        Assert.Equal(HttpStatusCode.Accepted, reply.StatusCode);
        Assert.Empty(await reply.Content.ReadAsByteArrayAsync());
        await fixture.Host.WaitForLineAsync($"job {id} ran");
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_12_a_background_payload_above_256_kb_is_413()
    {
        var reply = await Client.PostAsync("/job", new ByteArrayContent(new byte[(256 * 1024) + 1]));

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, reply.StatusCode);
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_13_a_request_to_a_scheduled_function_plays_a_tick_on_a_developers_machine()
    {
        await Client.GetAsync("/.netlify/functions/nightly");

        var line = await fixture.Host.WaitForLineAsync("tick POST schedule");
        Assert.Matches(@"\{""next_run"":""\d{4}-\d\d-\d\dT\d\d:\d\d:00\.000Z""\}", line);
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_14_what_a_function_prints_is_shown_with_its_name_and_obeyed_by_no_terminal()
    {
        await Client.GetAsync("/log?text=a-word");

        Assert.StartsWith("[log] said a-word", await fixture.Host.WaitForLineAsync("said a-word"));
        Assert.StartsWith("[log] complained about a-word", await fixture.Host.WaitForLineAsync("complained about"));
        Assert.Equal("[log] escape \u241b[31mred", await fixture.Host.WaitForLineAsync("escape"));
    }

    [Fact(Timeout = 20_000)]
    public async Task FC_15_process_exit_ends_its_own_call_only()
    {
        var beside = Client.GetAsync("/exit?wait");
        await Eventually.TrueAsync(async () => await WaitingAsync() == 1, TimeSpan.FromSeconds(10), "the other call began");
        var exiting = await Client.GetAsync("/exit?exit=7");

        Assert.Equal(HttpStatusCode.BadGateway, exiting.StatusCode);
        var error = await exiting.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("worker_exited", error.GetProperty("code").GetString());
        Assert.Contains("7", error.GetProperty("errorMessage").GetString());
        Assert.Equal("survived", await (await beside).Content.ReadAsStringAsync());
        Assert.Equal(0, await WaitingAsync());
    }

    private async Task<int> WaitingAsync() => (await Client.GetFromJsonAsync<JsonElement>("/exit")).GetProperty("waiting").GetInt32();

    private static string? Header(JsonElement seen, string name) => seen.GetProperty("headers").EnumerateArray()
        .Where(pair => pair[0].GetString() == name).Select(pair => pair[1].GetString()).SingleOrDefault();

    private async Task<List<string>> SeenAsync() => (await Client.GetFromJsonAsync<List<string>>("/signal/seen"))!;
}
