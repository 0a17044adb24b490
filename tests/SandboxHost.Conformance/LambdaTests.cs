using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>`withLambda()` of the real @netlify/aws-lambda-compat (reference §11), row by row.</summary>
[Collection<Alone>]
public sealed class LambdaTests(FormsFixture fixture)
{
    private HttpClient Client => fixture.Client;

    [Fact(Timeout = 15_000)]
    public async Task FC_47_the_event_has_url_query_path_and_method()
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, "/lambda/b%20o?a=1&a=2&b=x%20y");
        var seen = (await CallAsync(request)).GetProperty("event");

        Assert.Equal($"http://localhost:{fixture.Host.Port}/lambda/b%20o?a=1&a=2&b=x%20y", Text(seen, "rawUrl"));
        Assert.Equal("a=1&a=2&b=x%20y", Text(seen, "rawQuery"));
        Assert.Equal("/lambda/b%20o", Text(seen, "path"));
        Assert.Equal("DELETE", Text(seen, "httpMethod"));
        Assert.Equal("""{"a":"2","b":"x y"}""", seen.GetProperty("queryStringParameters").GetRawText());
        Assert.Equal("""{"a":["1","2"],"b":["x y"]}""", seen.GetProperty("multiValueQueryStringParameters").GetRawText());
        Assert.False(seen.TryGetProperty("route", out _));
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_47_without_a_query_both_maps_are_null()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/lambda");
        var seen = (await CallAsync(request)).GetProperty("event");

        Assert.Equal("", Text(seen, "rawQuery"));
        Assert.Equal(JsonValueKind.Null, seen.GetProperty("queryStringParameters").ValueKind);
        Assert.Equal(JsonValueKind.Null, seen.GetProperty("multiValueQueryStringParameters").ValueKind);
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_47_headers_are_joined_and_split_at_commas()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/lambda");
        request.Headers.TryAddWithoutValidation("X-Many", ["one", "two"]);
        var seen = (await CallAsync(request)).GetProperty("event");

        Assert.Equal("one, two", Text(seen.GetProperty("headers"), "x-many"));
        Assert.Equal("""["one","two"]""", seen.GetProperty("multiValueHeaders").GetProperty("x-many").GetRawText());
    }

    [Theory(Timeout = 15_000)]
    [InlineData("text/csv", false)]
    [InlineData("application/ld+json", false)]
    [InlineData("application/atom+xml", false)]
    [InlineData("application/csp-report", false)]
    [InlineData("application/graphql", false)]
    [InlineData("application/json", false)]
    [InlineData("application/javascript", false)]
    [InlineData("application/x-www-form-urlencoded", false)]
    [InlineData("application/x-ndjson", false)]
    [InlineData("application/xml", false)]
    [InlineData("application/pdf", true)]
    [InlineData(null, true)]
    public async Task FC_47_text_types_are_text_and_all_others_base64(string? type, bool isBase64)
    {
        var content = new ByteArrayContent(Encoding.UTF8.GetBytes("grüße"));
        content.Headers.ContentType = type is null ? null : MediaTypeHeaderValue.Parse(type);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/lambda") { Content = content };
        var seen = (await CallAsync(request)).GetProperty("event");

        Assert.Equal(isBase64, seen.GetProperty("isBase64Encoded").GetBoolean());
        Assert.Equal(isBase64 ? Convert.ToBase64String("grüße"u8) : "grüße", Text(seen, "body"));
    }

    [Theory(Timeout = 15_000)]
    [InlineData("GET")]
    [InlineData("POST")]
    public async Task FC_47_without_a_body_the_body_is_null(string method)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), "/lambda");
        var seen = (await CallAsync(request)).GetProperty("event");

        Assert.Equal(JsonValueKind.Null, seen.GetProperty("body").ValueKind);
        Assert.False(seen.GetProperty("isBase64Encoded").GetBoolean());
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_47_the_context_has_the_id_and_nothing_that_lambda_alone_has()
    {
        var reply = await Client.GetAsync("/lambda");
        var seen = await reply.Content.ReadFromJsonAsync<JsonElement>();
        var context = seen.GetProperty("context");

        Assert.Equal(reply.Headers.GetValues("x-nf-request-id").Single(), Text(context, "awsRequestId"));
        Assert.True(context.GetProperty("callbackWaitsForEmptyEventLoop").GetBoolean());
        foreach (var name in new[] { "functionName", "functionVersion", "invokedFunctionArn", "memoryLimitInMB", "logGroupName", "logStreamName" })
        {
            Assert.Equal("", Text(context, name));
        }

        Assert.Equal(0, seen.GetProperty("remaining").GetInt32());
        Assert.False(context.TryGetProperty("clientContext", out _));
        Assert.False(context.TryGetProperty("identity", out _));
        Assert.Equal(
            ["done", "fail", "succeed"],
            seen.GetProperty("ends").EnumerateArray().Select(end => end.GetString()!["context.".Length..].Split('(')[0]));
        Assert.All(seen.GetProperty("ends").EnumerateArray(), end => Assert.EndsWith("() is not supported in Netlify Functions", end.GetString()));
        Assert.Equal(2, seen.GetProperty("arguments").GetInt32());
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_47_the_result_has_status_headers_and_body()
    {
        var reply = await Client.GetAsync("/lambda?kind=headers");

        Assert.Equal(HttpStatusCode.Created, reply.StatusCode);
        Assert.Equal(["1"], reply.Headers.GetValues("x-one"));
        Assert.Equal(["a=1", "b=2"], reply.Headers.GetValues("set-cookie"));
        Assert.Equal("headers", await reply.Content.ReadAsStringAsync());
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_47_a_base64_body_is_decoded_and_an_absent_one_is_empty()
    {
        Assert.Equal(new byte[] { 0, 255, 128 }, await Client.GetByteArrayAsync("/lambda?kind=bytes"));
        Assert.Empty(await Client.GetByteArrayAsync("/lambda?kind=nothing"));
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_47_an_undefined_result_is_the_functions_error()
    {
        var reply = await Client.GetAsync("/lambda?kind=forgotten");

        Assert.Equal(HttpStatusCode.InternalServerError, reply.StatusCode);
        Assert.Equal("TypeError", Text(await reply.Content.ReadFromJsonAsync<JsonElement>(), "errorType"));
    }

    private static string? Text(JsonElement element, string name) => element.GetProperty(name).GetString();

    private async Task<JsonElement> CallAsync(HttpRequestMessage request) =>
        await (await Client.SendAsync(request)).Content.ReadFromJsonAsync<JsonElement>();
}
