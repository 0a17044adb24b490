using System.Net;
using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>What a developer and a program are told of an error, over HTTP.</summary>
[Collection<Alone>]
public sealed class ErrorPageTests(ErrorPageTests.Fixture fixture) : IClassFixture<ErrorPageTests.Fixture>
{
    [Theory(Timeout = 30_000)]
    [InlineData("/throws", 500, "function_error", "RangeError", "too far")]
    [InlineData("/late", 504, "timeout", "TimeoutError", "Task timed out after 1.00 seconds")]
    [InlineData("/large", 502, "response_too_large", "Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (102400 bytes).")]
    [InlineData("/exits", 502, "worker_exited", "Runtime.ExitError", "The function called process.exit(3).")]
    [InlineData("/wrong", 500, "function_error", "Error", "Function returned an unsupported value. Accepted types are 'Response' or 'undefined'")]
    [InlineData("/nowhere", 404, "not_found", "not_found", "Nothing answers at this path.")]
    public async Task FC_53_a_program_gets_json_with_the_words_of_netlifys_clients(string path, int status, string code, string type, string message)
    {
        var (reply, text) = await fixture.AskAsync(path);
        var error = JsonSerializer.Deserialize<JsonElement>(text);

        Assert.Equal(status, (int)reply.StatusCode);
        Assert.Equal("application/json", reply.Content.Headers.ContentType!.MediaType);
        Assert.Equal((code, type, message), (error.GetProperty("code").GetString(), error.GetProperty("errorType").GetString(), error.GetProperty("errorMessage").GetString()));
        Assert.Equal(reply.Headers.GetValues("x-nf-request-id").Single(), error.GetProperty("requestId").GetString());
    }

    [Theory(Timeout = 30_000)]
    [InlineData("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true)]
    [InlineData("text/html;q=0, */*", false)]
    [InlineData("application/json, text/html;q=0.5", false)]
    [InlineData("*/*", false)]
    public async Task FC_53_a_browser_gets_a_page_and_who_says_no_gets_none(string accept, bool page)
    {
        var (reply, _) = await fixture.AskAsync("/throws", accept);

        Assert.Equal(page ? "text/html" : "application/json", reply.Content.Headers.ContentType!.MediaType);
        Assert.Equal(page, reply.Headers.Contains("Content-Security-Policy"));
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_53_a_trace_points_into_the_source()
    {
        var (_, page) = await fixture.AskAsync("/throws", "text/html");

        Assert.Contains("<h1>RangeError</h1>", page);
        Assert.Matches(@"<li>at reach \(netlify/functions/throws\.mts:5:\d+\)</li>", page);
        Assert.DoesNotContain(fixture.Site.Directory, page);
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_53_what_a_hostile_function_throws_is_text_on_the_page()
    {
        var (_, page) = await fixture.AskAsync("/hostile", "text/html");

        Assert.DoesNotContain("<script", page);
        Assert.DoesNotContain("<img", page);
        Assert.DoesNotContain(page, c => char.IsControl(c) && c != '\n');
        Assert.Contains("&lt;script&gt;alert(1)&lt;/script&gt;\u241b[2J", page);
    }

    [Theory(Timeout = 30_000)]
    [InlineData("/throws", "text/html")]
    [InlineData("/throws", "*/*")]
    [InlineData("/nowhere", "*/*")]
    public async Task FC_53_hEAD_gets_the_status_and_no_body(string path, string accept)
    {
        var (asked, text) = await fixture.AskAsync(path, accept, HttpMethod.Head);

        Assert.Equal((await fixture.AskAsync(path, accept)).Reply.StatusCode, asked.StatusCode);
        Assert.Equal("", text);
        Assert.True(asked.Content.Headers.ContentLength > 0);
    }

    [Theory(Timeout = 30_000)]
    [InlineData("/fine", 200)]
    [InlineData("/nothing", 204)]
    [InlineData("/nowhere", 404)]
    [InlineData("/.netlify/functions/nobody", 404)]
    [InlineData("/.netlify/functions/no.body", 400)]
    [InlineData("//evil.example", 404)]
    [InlineData("/work", 202)]
    [InlineData("/throws", 500)]
    [InlineData("/broken", 502)]
    public async Task FC_53_every_reply_has_a_request_id(string path, int status)
    {
        using var client = await RawClient.ConnectAsync(fixture.Host.Port);
        await client.SendAsync($"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        var reply = await client.ReadToEndAsync();

        Assert.StartsWith($"HTTP/1.1 {status} ", reply);
        Assert.Matches(@"(?i)\r\nx-nf-request-id: [0-9A-Z]{26}\r\n", reply);
    }

    [Theory(Timeout = 30_000)]
    [InlineData(8, HttpStatusCode.OK)]
    [InlineData(9, HttpStatusCode.LoopDetected)]
    public async Task FC_53_a_request_that_has_been_here_too_often_is_508(int passes, HttpStatusCode status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/fine");
        request.Headers.TryAddWithoutValidation("CDN-Loop", "other, " + string.Join(", ", Enumerable.Repeat("sandboxhost; v=1", passes)));

        Assert.Equal(status, (await fixture.Client.SendAsync(request)).StatusCode);
    }

    public sealed class Fixture : SiteFixture
    {
        protected override string[] Arguments => ["--limit", "buffered_time=1s", "--limit", "buffered_size=100kb"];

        protected override void Fill(TemporarySite site)
        {
            site.Write("throws.mts", """
                type Distance = number;

                function reach(distance: Distance): Response {
                  const limit: Distance = 1;
                  if (distance > limit) throw new RangeError('too far');
                  return new Response('there');
                }

                export default async (): Promise<Response> => reach(2);
                export const config = { path: '/throws' };
                """);
            Add(site, "late", "await new Promise(() => {})");
            Add(site, "large", "return new Response(new Uint8Array(102401))");
            Add(site, "exits", "process.exit(3)");
            Add(site, "wrong", "return 'a text'");
            Add(site, "fine", "return new Response('fine')");
            Add(site, "nothing", "return undefined");
            Add(site, "hostile", "const error = new Error('<script>alert(1)</script>\\u001b[2J\\u0007'); error.name = '<img src=x onerror=alert(1)>'; throw error");
            site.Write("work.mjs", "export default async () => {};\nexport const config = { path: '/work', background: true };");
            site.Write("broken.mjs", "throw new Error('no luck');\nexport default async () => {};\nexport const config = { path: '/broken' };");
        }

        private static void Add(TemporarySite site, string name, string body) =>
            site.Write($"{name}.mjs", $"export default async () => {{ {body}; }};\nexport const config = {{ path: '/{name}' }};\n");
    }
}
