using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>The forms that a function can have (reference §2), above all the older `handler(event, context, callback)` (§2.5).</summary>
[Collection<Alone>]
public sealed class HandlerFormTests(FormsFixture fixture)
{
    private HttpClient Client => fixture.Client;

    [Theory(Timeout = 15_000)]
    [InlineData("module-exports", "module.exports")]
    [InlineData("app", "app")]
    [InlineData("both", "older")]
    [InlineData("typed", "typed GET typed")]
    [InlineData("compiled", "compiled")]
    [InlineData("commonjs", "{\"commonjs\":\"GET\"}")]
    [InlineData("instance", "hello from an instance")]
    public async Task FC_37_a_module_of_every_kind_is_called_by_the_form_that_it_has(string function, string expected)
    {
        Assert.Equal(expected, await Client.GetStringAsync($"/.netlify/functions/{function}"));
    }

    [Theory(Timeout = 15_000)]
    [InlineData("with-this", "Cannot read properties of undefined (reading 'greeting')")]
    [InlineData("not-callable", "Class constructor Nobody cannot be invoked without 'new'")]
    public async Task FC_38_an_instance_is_called_unbound_and_a_class_is_no_function(string function, string message)
    {
        Assert.Equal(message, (await ErrorOfAsync($"/.netlify/functions/{function}", HttpStatusCode.InternalServerError)).Message);
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_37_a_commonjs_handler_answers_by_its_callback()
    {
        var reply = await Client.PostAsync("/.netlify/functions/callback", null);

        Assert.Equal(HttpStatusCode.Accepted, reply.StatusCode);
        Assert.Equal("called back POST", await reply.Content.ReadAsStringAsync());
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_39_an_event_has_the_request_as_production_gives_it()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/.netlify/functions/event/b%20o?a=1&b=x%20y&a=2");
        request.Headers.TryAddWithoutValidation("cookie", "a=1; b=2");
        var seen = await EventAsync(request);

        Assert.Equal($"http://localhost:{fixture.Host.Port}/.netlify/functions/event/b%20o?a=1&b=x%20y&a=2", Text(seen, "rawUrl"));
        Assert.Equal("a=1&b=x%20y&a=2", Text(seen, "rawQuery"));
        Assert.Equal("/.netlify/functions/event/b%20o", Text(seen, "path"));
        Assert.Equal("GET", Text(seen, "httpMethod"));
        Assert.Equal("""{"a":"1, 2","b":"x y"}""", seen.GetProperty("queryStringParameters").GetRawText());
        Assert.Equal("""{"a":["1","2"],"b":["x y"]}""", seen.GetProperty("multiValueQueryStringParameters").GetRawText());
        Assert.Equal("a=1; b=2", Text(seen.GetProperty("headers"), "cookie"));
        Assert.Equal(JsonValueKind.Null, seen.GetProperty("body").ValueKind);
        Assert.False(seen.GetProperty("isBase64Encoded").GetBoolean());
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_39_repeated_headers_are_joined_in_headers_and_as_they_came_in_multiValueHeaders()
    {
        using var client = await RawClient.ConnectAsync(fixture.Host.Port);
        await client.SendAsync("GET /.netlify/functions/event HTTP/1.1\r\nHost: localhost\r\nX-Many: one, two\r\nX-Many: three\r\nConnection: close\r\n\r\n");
        var reply = await client.ReadToEndAsync();

        Assert.Contains("\"x-many\":\"one, two, three\"", reply);
        Assert.Contains("\"x-many\":[\"one, two\",\"three\"]", reply);
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_39_an_event_without_a_query_or_a_route_has_empty_maps_and_no_route()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/.netlify/functions/event");
        var seen = await EventAsync(request);

        Assert.Equal("", Text(seen, "rawQuery"));
        Assert.Equal("{}", seen.GetProperty("queryStringParameters").GetRawText());
        Assert.Equal("{}", seen.GetProperty("multiValueQueryStringParameters").GetRawText());
        Assert.False(seen.TryGetProperty("route", out _));
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_39_an_event_tells_who_the_client_is_and_believes_no_client_about_it()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/.netlify/functions/event");
        request.Headers.TryAddWithoutValidation("client-ip", "6.6.6.6");
        request.Headers.TryAddWithoutValidation("x-nf-client-connection-ip", "6.6.6.6");
        var headers = (await EventAsync(request)).GetProperty("headers");

        Assert.Contains(Text(headers, "client-ip"), new[] { "127.0.0.1", "::1" });
        Assert.Equal(Text(headers, "client-ip"), Text(headers, "x-nf-client-connection-ip"));
    }

    [Theory(Timeout = 15_000)]
    [InlineData("text/plain; charset=utf-8", false)]
    [InlineData("application/json", false)]
    [InlineData("application/problem+json", false)]
    [InlineData("image/svg+xml", false)]
    [InlineData("application/x-www-form-urlencoded", false)]
    [InlineData("application/graphql", false)]
    [InlineData("multipart/form-data; boundary=x", true)]
    [InlineData("application/octet-stream", true)]
    [InlineData("image/png", true)]
    [InlineData(null, true)]
    public async Task FC_40_a_body_whose_type_says_no_text_is_base64(string? type, bool isBase64)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/.netlify/functions/event") { Content = Body("grüße", type) };
        var seen = await EventAsync(request);

        Assert.Equal(isBase64, seen.GetProperty("isBase64Encoded").GetBoolean());
        Assert.Equal(isBase64 ? Convert.ToBase64String("grüße"u8) : "grüße", Text(seen, "body"));
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_40_a_large_body_is_in_the_event_whole()
    {
        var sent = new byte[1_000_000];
        new Random(1).NextBytes(sent);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/.netlify/functions/event") { Content = new ByteArrayContent(sent) };

        Assert.Equal(sent, (await EventAsync(request)).GetProperty("body").GetBytesFromBase64());
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_41_the_lambda_context_knows_id_function_memory_and_the_time_that_is_left()
    {
        var reply = await Client.GetAsync("/.netlify/functions/event");
        var seen = await reply.Content.ReadFromJsonAsync<JsonElement>();
        var context = seen.GetProperty("context");

        Assert.Equal(reply.Headers.GetValues("x-nf-request-id").Single(), Text(context, "awsRequestId"));
        Assert.Equal("event", Text(context, "functionName"));
        Assert.Equal("1024", Text(context, "memoryLimitInMB"));
        Assert.True(context.GetProperty("callbackWaitsForEmptyEventLoop").GetBoolean());
        Assert.Equal(JsonValueKind.Null, context.GetProperty("identity").ValueKind);
        Assert.InRange(seen.GetProperty("remaining").GetInt64(), 40_000, 60_000);
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_42_on_a_developers_machine_a_token_says_who_the_user_is()
    {
        var claims = Convert.ToBase64String("""{"sub":"42","email":"ada@example.com"}"""u8).TrimEnd('=').Replace('+', '-').Replace('/', '_');
        using var request = new HttpRequestMessage(HttpMethod.Get, "/.netlify/functions/event");
        request.Headers.TryAddWithoutValidation("authorization", $"Bearer eyJhbGciOiJub25lIn0.{claims}.sig");
        var seen = await (await Client.SendAsync(request)).Content.ReadFromJsonAsync<JsonElement>();
        var client = seen.GetProperty("context").GetProperty("clientContext");

        Assert.Equal("ada@example.com", Text(client.GetProperty("user"), "email"));
        Assert.EndsWith("/.netlify/identity", Text(client.GetProperty("identity"), "url"));
        using var custom = JsonDocument.Parse(Convert.FromBase64String(Text(client.GetProperty("custom"), "netlify")!));
        Assert.Equal("42", Text(custom.RootElement.GetProperty("user"), "sub"));
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_42_a_background_handler_has_no_caller_to_believe()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/.netlify/functions/later-background") { Content = new StringContent("job-1") };
        request.Headers.TryAddWithoutValidation("authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiI0MiJ9.sig");
        var reply = await Client.SendAsync(request);

        Assert.Equal(HttpStatusCode.Accepted, reply.StatusCode);
        Assert.EndsWith("later job-1 [{},null]", await fixture.Host.WaitForLineAsync("later job-1"));
    }

    [Theory(Timeout = 15_000)]
    [InlineData("succeeds", HttpStatusCode.OK, "succeeded")]
    [InlineData("done", HttpStatusCode.OK, "done")]
    [InlineData("textStatus", HttpStatusCode.Created, "text status")]
    [InlineData("empty", HttpStatusCode.OK, "")]
    [InlineData("noContent", HttpStatusCode.NoContent, "")]
    [InlineData("notModified", HttpStatusCode.NotModified, "")]
    [InlineData("nodeStream", HttpStatusCode.OK, "one two")]
    [InlineData("webStream", HttpStatusCode.OK, "web stream")]
    public async Task FC_43_a_result_of_every_kind_becomes_a_reply(string kind, HttpStatusCode status, string body)
    {
        var reply = await Client.GetAsync($"/.netlify/functions/answers?kind={kind}");

        Assert.Equal(status, reply.StatusCode);
        Assert.Equal(body, await reply.Content.ReadAsStringAsync());
    }

    [Theory(Timeout = 15_000)]
    [InlineData("undefined", "Error", "lambda response was undefined. check your function code again")]
    [InlineData("null", "Error", "no lambda response. check your function code again. make sure to return a promise or use the callback.")]
    [InlineData("noStatus", "Error", "Your function response must have a numerical statusCode. You gave: undefined")]
    [InlineData("badStatus", "Error", "Your function response must have a numerical statusCode. You gave: 'no'")]
    [InlineData("objectBody", "Error", "Your function response must have a string or a stream body. You gave: { a: 1 }")]
    [InlineData("throws", "TypeError", "it broke")]
    [InlineData("callbackError", "RangeError", "told by callback")]
    [InlineData("fails", "RangeError", "told by fail")]
    public async Task FC_43_a_result_that_is_none_is_the_stated_error(string kind, string type, string message)
    {
        Assert.Equal((type, message), await ErrorOfAsync($"/.netlify/functions/answers?kind={kind}", HttpStatusCode.InternalServerError));
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_43_a_handler_that_forgot_to_answer_is_told_so_at_once()
    {
        var error = await ErrorOfAsync("/.netlify/functions/forgetful", HttpStatusCode.InternalServerError);

        Assert.Equal("lambda response was undefined. check your function code again", error.Message);
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_43_base64_results_are_sent_as_bytes()
    {
        var reply = await Client.GetAsync("/.netlify/functions/answers?kind=bytes");

        Assert.Equal("image/x", reply.Content.Headers.ContentType!.MediaType);
        Assert.Equal(new byte[] { 0, 255, 128 }, await reply.Content.ReadAsByteArrayAsync());
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_43_headers_with_several_values_stay_separate_and_double_ones_count_once()
    {
        using var client = await RawClient.ConnectAsync(fixture.Host.Port);
        await client.SendAsync("GET /.netlify/functions/answers?kind=headers HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        var lines = (await client.ReadToEndAsync()).Split("\r\n").Select(line => line.ToLowerInvariant()).ToList();

        Assert.Equal(["set-cookie: a=1", "set-cookie: b=2"], lines.Where(line => line.StartsWith("set-cookie:", StringComparison.Ordinal)));
        Assert.Equal(["x-list: a", "x-list: b"], lines.Where(line => line.StartsWith("x-list:", StringComparison.Ordinal)));
        Assert.Equal(["x-many: c", "x-many: d"], lines.Where(line => line.StartsWith("x-many:", StringComparison.Ordinal)));
        Assert.Contains("x-one: 1", lines);
        Assert.Contains("content-type: text/plain; charset=utf-8", lines);
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_44_the_stream_helper_sends_chunk_by_chunk()
    {
        const string streamed = "/.netlify/functions/streamed";
        using var client = await RawClient.ConnectAsync(fixture.Host.Port);
        await client.SendAsync($"GET {streamed} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        var head = await client.ReadUntilAsync("first ");
        var released = await Client.GetStringAsync($"{streamed}?release");
        var rest = await client.ReadToEndAsync();

        Assert.StartsWith("HTTP/1.1 206 ", head);
        Assert.Contains("x-kind: streamed", head);
        Assert.Equal("released", released);
        Assert.Equal(200_000, rest.Count(letter => letter == 'x'));
        Assert.EndsWith("0\r\n\r\n", rest);
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_44_a_stream_has_the_limits_of_streams_and_a_text_those_of_buffered_replies()
    {
        var streamed = await Client.GetStringAsync("/.netlify/functions/limited?streamed");
        var buffered = await Client.GetAsync("/.netlify/functions/limited?buffered");

        Assert.Equal(200_000, streamed.Length);
        Assert.Equal(HttpStatusCode.BadGateway, buffered.StatusCode);
        var error = await buffered.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("response_too_large", Text(error, "code"));
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_45_a_builder_hides_the_query_and_takes_nothing_but_get_and_head()
    {
        foreach (var path in new[] { "/.netlify/builders/built", "/.netlify/functions/built" })
        {
            var built = await Client.GetFromJsonAsync<JsonElement>($"{path}?a=1");
            var posted = await Client.PostAsync(path, null);
            using var head = new HttpRequestMessage(HttpMethod.Head, path);

            Assert.Equal("{}", built.GetProperty("query").GetRawText());
            Assert.Equal(path, Text(built, "path"));
            Assert.Equal(HttpStatusCode.OK, (await Client.SendAsync(head)).StatusCode);
            Assert.Equal(HttpStatusCode.MethodNotAllowed, posted.StatusCode);
            Assert.Equal("Method Not Allowed", await posted.Content.ReadAsStringAsync());
        }
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_45_a_handler_that_is_no_builder_does_not_answer_as_one()
    {
        var reply = await Client.GetAsync("/.netlify/builders/both");

        Assert.Equal(HttpStatusCode.BadRequest, reply.StatusCode);
        var body = await reply.Content.ReadFromJsonAsync<JsonElement>();
        Assert.StartsWith("Function is not an on-demand builder.", Text(body, "message"));
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_45_the_schedule_helper_leaves_a_handler_that_runs()
    {
        await Client.GetAsync("/.netlify/functions/hourly");

        await fixture.Host.WaitForLineAsync("hourly ran");
    }

    [Theory(Timeout = 15_000)]
    [InlineData("/.netlify/functions/bad-headers?kind=latin1")]
    [InlineData("/.netlify/functions/answers?kind=notLatin1")]
    public async Task FC_46_a_response_header_outside_latin_1_is_answered_with_what_to_do(string path)
    {
        var reply = await Client.GetAsync(path);

        Assert.Equal(HttpStatusCode.InternalServerError, reply.StatusCode);
        Assert.Equal("text/plain", reply.Content.Headers.ContentType!.MediaType);
        Assert.StartsWith(
            "Response header contains a character that is not a Latin-1 character (code point 0-255). Consider encoding the value using encodeURIComponent() or base64.",
            await reply.Content.ReadAsStringAsync());
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_46_a_response_header_that_http_does_not_take_is_an_error_of_that_call_alone()
    {
        const string function = "/.netlify/functions/bad-headers";
        var before = (await Client.GetFromJsonAsync<JsonElement>(function)).GetProperty("calls").GetInt32();

        Assert.Equal(("TypeError", "The value of the response header 'x-name' holds a control character"), await ErrorOfAsync($"{function}?kind=control", HttpStatusCode.InternalServerError));
        Assert.Equal("RangeError", (await ErrorOfAsync($"{function}?kind=many", HttpStatusCode.InternalServerError)).Type);

        // The worker that it happened on still counts.
        Assert.Equal(before + 3, (await Client.GetFromJsonAsync<JsonElement>(function)).GetProperty("calls").GetInt32());
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_46_a_request_header_outside_ascii_is_discarded_with_a_warning()
    {
        using var client = await RawClient.ConnectAsync(fixture.Host.Port);
        await client.SendAsync("GET /.netlify/functions/event HTTP/1.1\r\nHost: localhost\r\nX-Name: J\u00fcrgen\r\nX-Other: kept\r\nConnection: close\r\n\r\n");
        var reply = await client.ReadToEndAsync();

        Assert.DoesNotContain("x-name", reply);
        Assert.Contains("kept", reply);
        await fixture.Host.WaitForLineAsync("Discarded request header 'x-name' because it contains non-ASCII characters");
    }

    [Theory(Timeout = 15_000)]
    [InlineData("OPTIONS")]
    [InlineData("PATCH")]
    public async Task FC_39_every_method_is_handed_to_the_handler(string method)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), "/.netlify/functions/event");

        Assert.Equal(method, Text(await EventAsync(request), "httpMethod"));
    }

    private static ByteArrayContent Body(string text, string? type)
    {
        var content = new ByteArrayContent(Encoding.UTF8.GetBytes(text));
        content.Headers.ContentType = type is null ? null : MediaTypeHeaderValue.Parse(type);
        return content;
    }

    private static string? Text(JsonElement element, string name) => element.GetProperty(name).GetString();

    private async Task<JsonElement> EventAsync(HttpRequestMessage request) =>
        (await (await Client.SendAsync(request)).Content.ReadFromJsonAsync<JsonElement>()).GetProperty("event");

    private async Task<(string? Type, string? Message)> ErrorOfAsync(string path, HttpStatusCode status)
    {
        var reply = await Client.GetAsync(path);
        Assert.Equal(status, reply.StatusCode);
        var error = await reply.Content.ReadFromJsonAsync<JsonElement>();
        return (Text(error, "errorType"), Text(error, "errorMessage"));
    }
}
