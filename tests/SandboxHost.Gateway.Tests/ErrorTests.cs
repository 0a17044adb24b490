using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Output;

namespace SandboxHost.Gateway.Tests;

/// <summary>What a client gets when there is no response.</summary>
public sealed class ErrorTests
{
    private static readonly ThrownError Thrown = new("TypeError", "<script>alert(1)</script> & \"x\"", ["    at f (<img src=x onerror=alert(1)>:1:2)", "    at g"]);

    public static TheoryData<ErrorCode> Codes => [.. Enum.GetValues<ErrorCode>().Where(code => code != ErrorCode.ClientGone)];

    [TimedTheory]
    [MemberData(nameof(Codes))]
    public async Task Every_error_has_its_status_and_says_its_name(ErrorCode code)
    {
        await using var host = await GatewayHost.StartAsync();
        host.Invoker.Answers(FakeExchange.Failed(code, "A sentence."));

        using var answer = await host.Client.GetAsync("/", TestContext.Current.CancellationToken);
        using var body = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));

        Assert.Equal(ErrorTable.Of(code).Status, (int)answer.StatusCode);
        Assert.Equal("no-store", answer.Headers.CacheControl!.ToString());
        Assert.Equal("application/json; charset=utf-8", answer.Content.Headers.ContentType!.ToString());
        Assert.Equal(["errorType", "errorMessage", "trace", "code", "requestId"], body.RootElement.EnumerateObject().Select(member => member.Name));
        Assert.Equal(ErrorTable.Of(code).Name, body.RootElement.GetProperty("code").GetString());
        Assert.Equal(ErrorTable.Of(code).VisitorText ?? "A sentence.", body.RootElement.GetProperty("errorMessage").GetString());
        Assert.Equal(ErrorTable.Of(code).Type ?? ErrorTable.Of(code).Name, body.RootElement.GetProperty("errorType").GetString());
        Assert.Equal(host.Invoker.Single.RequestId, body.RootElement.GetProperty("requestId").GetString());
        Assert.Equal($"No response ({ErrorTable.Of(code).Name}): A sentence.", Assert.Single(host.Output).Text);
    }

    [TimedFact]
    public async Task A_client_that_is_gone_gets_nothing()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Invoker.Answers(FakeExchange.Failed(ErrorCode.ClientGone, "x"));
        using var client = await host.ConnectAsync();

        await client.SendAsync("GET / HTTP/1.1\nHost: h\n\n");

        Assert.Equal("", await client.ReceiveToEndAsync());
        Assert.Empty(host.Output);
    }

    [TimedFact]
    public async Task An_author_sees_what_was_thrown()
    {
        await using var host = await GatewayHost.StartAsync(GatewayHost.Function("shown", FunctionKind.Http, "/*"));
        host.Invoker.Answers(FakeExchange.Failed(ErrorCode.FunctionError, "The function failed.", Thrown));

        using var body = JsonDocument.Parse(await host.Client.GetAnyStringAsync("/"));

        Assert.Equal("TypeError", body.RootElement.GetProperty("errorType").GetString());
        Assert.Equal(Thrown.Message, body.RootElement.GetProperty("errorMessage").GetString());
        Assert.Equal(Thrown.Trace, body.RootElement.GetProperty("trace").EnumerateArray().Select(line => line.GetString()!));
    }

    [TimedTheory]
    [InlineData("text/html")]
    [InlineData("*/*")]
    public async Task A_visitor_does_not(string accept)
    {
        await using var host = await GatewayHost.StartAsync();
        host.Invoker.Answers(FakeExchange.Failed(ErrorCode.FunctionError, "It failed at secret.ts:3.", Thrown));

        var body = await host.Client.GetAnyStringAsync("/", accept);

        Assert.Contains("function_error", body);
        Assert.Contains(host.Invoker.Single.RequestId, body);
        Assert.DoesNotContain("secret", body);
        Assert.Contains("The function failed.", body);
        Assert.DoesNotContain("TypeError", body);
        Assert.DoesNotContain("alert", body);
    }

    [TimedTheory]
    [InlineData("text/html,application/xhtml+xml;q=0.9", true)]
    [InlineData("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", true)]
    [InlineData("application/json, TEXT/HTML", true)]
    [InlineData("text/html;q=0.1", true)]
    [InlineData("text/html;level=1", true)]
    [InlineData("text/html;q=0", false)]
    [InlineData("text/html;q=0.000, */*", false)]
    [InlineData("application/json, text/html;q=0.9", false)]
    [InlineData("text/plain, text/html;q=0.9", false)]
    [InlineData("application/json;q=0.5, text/html;q=0.9", true)]
    [InlineData("application/json", false)]
    [InlineData("text/*", false)]
    [InlineData("text/htmlx", false)]
    [InlineData("*/*", false)]
    [InlineData(", ,", false)]
    [InlineData("text/html;q=2", true)]
    [InlineData("text/html, nonsense", true)]
    [InlineData("nonsense, text/html", true)]
    [InlineData("nonsense", false)]
    [InlineData(null, false)]
    public async Task Who_accepts_html_gets_a_page(string? accept, bool page)
    {
        await using var host = await GatewayHost.StartAsync();
        host.Invoker.Answers(FakeExchange.Failed(ErrorCode.Timeout, "x"));

        var body = await host.Client.GetAnyStringAsync("/", accept);

        Assert.Equal(page, body.StartsWith("<!doctype html>", StringComparison.Ordinal));
    }

    [TimedFact]
    public async Task Accept_on_several_lines_is_one_list()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Invoker.Answers(FakeExchange.Failed(ErrorCode.Timeout, "x"));
        using var client = await host.ConnectAsync();

        await client.SendAsync("GET / HTTP/1.1\nHost: h\nAccept: text/plain;q=0.1\nAccept: text/html\nConnection: close\n\n");

        Assert.Contains("<!doctype html>", await client.ReceiveToEndAsync());
    }

    [TimedTheory]
    [InlineData("text/html")]
    [InlineData("*/*")]
    public async Task HEAD_gets_the_head_of_the_error_and_no_body(string accept)
    {
        await using var host = await GatewayHost.StartAsync();
        host.Invoker.Answers(FakeExchange.Failed(ErrorCode.Timeout, "Task timed out after 1.00 seconds"));
        var length = Encoding.UTF8.GetByteCount(await host.Client.GetAnyStringAsync("/", accept));
        using var client = await host.ConnectAsync();

        await client.SendAsync($"HEAD / HTTP/1.1\nHost: h\nAccept: {accept}\nConnection: close\n\n");
        var answer = await client.ReceiveToEndAsync();

        Assert.StartsWith("HTTP/1.1 504 ", answer);
        Assert.EndsWith("\r\n\r\n", answer);
        Assert.Matches($"Content-Length: {length}\r\n", answer);
    }

    [TimedTheory]
    [InlineData(ErrorCode.Timeout, "TimeoutError")]
    [InlineData(ErrorCode.ResponseTooLarge, "Function.ResponseSizeTooLarge")]
    [InlineData(ErrorCode.OutOfMemory, "Runtime.ExitError")]
    [InlineData(ErrorCode.LoadError, "Runtime.ImportModuleError")]
    public async Task What_netlifys_clients_know_by_a_type_has_it(ErrorCode code, string type)
    {
        await using var host = await GatewayHost.StartAsync(GatewayHost.Function("shown", FunctionKind.Http, "/*"));
        host.Invoker.Answers(FakeExchange.Failed(code, "A sentence for its author."));

        using var body = JsonDocument.Parse(await host.Client.GetAnyStringAsync("/"));

        Assert.Equal(type, body.RootElement.GetProperty("errorType").GetString());
        Assert.Equal("A sentence for its author.", body.RootElement.GetProperty("errorMessage").GetString());
    }

    [TimedFact]
    public async Task An_error_may_differ_by_accept_and_is_what_it_says()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Invoker.Answers(FakeExchange.Failed(ErrorCode.Timeout, "x"));

        using var answer = await host.Client.GetAsync("/", TestContext.Current.CancellationToken);

        Assert.Equal("Accept", Assert.Single(answer.Headers.Vary));
        Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
    }

    [TimedFact]
    public async Task The_pages_policy_allows_its_own_style_and_nothing_else()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Invoker.Answers(FakeExchange.Failed(ErrorCode.Timeout, "x"));
        using var message = new HttpRequestMessage(HttpMethod.Get, "/") { Headers = { { "Accept", "text/html" } } };

        using var answer = await host.Client.SendAsync(message, TestContext.Current.CancellationToken);
        var page = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        var style = page[(page.IndexOf("<style>", StringComparison.Ordinal) + 7)..page.IndexOf("</style>", StringComparison.Ordinal)];
        var hash = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(style)));

        Assert.Equal(
            $"default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            Assert.Single(answer.Headers.GetValues("Content-Security-Policy")));
    }

    [TimedFact]
    public async Task Nothing_that_was_thrown_hides_or_moves_what_stands_beside_it()
    {
        await using var host = await GatewayHost.StartAsync(GatewayHost.Function("shown", FunctionKind.Http, "/*"));
        var thrown = new ThrownError("E\u202eRROR", "a\u0000b\u001b[2Jc\u007f\u0085\u2066\n\tnext \ud800 line", ["at \u001b]8;;x"]);
        host.Invoker.Answers(FakeExchange.Failed(ErrorCode.FunctionError, "x", thrown));

        var page = await host.Client.GetAnyStringAsync("/", "text/html");

        Assert.Contains("<h1>E\ufffdRROR</h1>", page);
        Assert.Contains("<p>a\u2400b\u241b[2Jc\u2421\ufffd\ufffd\n\tnext \ufffd line</p>", page);
        Assert.Contains("<li>at \u241b]8;;x</li>", page);
    }

    [TimedFact]
    public async Task Json_of_what_was_thrown_is_json_whatever_it_was()
    {
        await using var host = await GatewayHost.StartAsync(GatewayHost.Function("shown", FunctionKind.Http, "/*"));
        host.Invoker.Answers(FakeExchange.Failed(ErrorCode.FunctionError, "x", new ThrownError("\"\\", "it's <caf\u00e9>\u001b\ud800\u2028", ["\u0000"])));

        var text = await host.Client.GetAnyStringAsync("/");
        using var body = JsonDocument.Parse(text);

        Assert.Equal("it's <caf\u00e9>\u001b\ufffd\u2028", body.RootElement.GetProperty("errorMessage").GetString());
        Assert.DoesNotContain(text, char.IsControl);
        Assert.Contains("it's <caf\u00e9>", text);
    }

    [TimedTheory]
    [InlineData("GET / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\nContent-Length: 3\nConnection: close\n\n0\n\n")]
    [InlineData("POST / HTTP/1.0\nTransfer-Encoding: chunked\n\n0\n\n")]
    [InlineData("OPTIONS * HTTP/1.1\nHost: h\nConnection: close\n\n")]
    public async Task A_request_that_the_host_refuses_has_an_id_too(string request)
    {
        await using var host = await GatewayHost.StartAsync();
        using var client = await host.ConnectAsync();

        await client.SendAsync(request);

        Assert.Matches("^HTTP/1.1 400 [\\s\\S]*x-nf-request-id: [0-9A-Z]{26}\r\n[\\s\\S]*\"requestId\":\"[0-9A-Z]{26}\"", await client.ReceiveToEndAsync());
    }

    [TimedFact]
    public async Task A_visitors_page_says_one_sentence_and_where_to_ask()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Invoker.Answers(FakeExchange.Failed(ErrorCode.OutOfMemory, "The worker used 192 MB of 192 MB."));

        var page = await host.Client.GetAnyStringAsync("/", "text/html");

        Assert.Contains("<title>The function ended before it answered.</title>", page);
        Assert.EndsWith(
            $"<h1>The function ended before it answered.</h1>\n<footer><code>out_of_memory</code> · request <code>{host.Invoker.Single.RequestId}</code></footer>\n</body>\n</html>\n",
            page);
    }

    [TimedFact]
    public async Task Nothing_that_was_thrown_becomes_markup()
    {
        await using var host = await GatewayHost.StartAsync(GatewayHost.Function("shown", FunctionKind.Http, "/*"));
        host.Invoker.Answers(FakeExchange.Failed(ErrorCode.FunctionError, "x", Thrown with { Type = "</title><script>alert(2)</script>" }));
        using var message = new HttpRequestMessage(HttpMethod.Get, "/") { Headers = { { "Accept", "text/html" } } };

        using var answer = await host.Client.SendAsync(message, TestContext.Current.CancellationToken);
        var page = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        Assert.DoesNotContain("<script", page);
        Assert.DoesNotContain("<img", page);
        Assert.Contains("&lt;script&gt;alert(1)&lt;/script&gt;", page);
        Assert.Contains("&lt;img src=x onerror=alert(1)&gt;", page);
        Assert.StartsWith("default-src 'none'", Assert.Single(answer.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
    }

    [TimedFact]
    public async Task An_overloaded_function_says_when_to_come_back()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Invoker.Answers(FakeExchange.Failed(ErrorCode.Overloaded, "x", retryAfter: TimeSpan.FromMilliseconds(1200)));

        using var answer = await host.Client.GetAsync("/", TestContext.Current.CancellationToken);

        Assert.Equal(TimeSpan.FromSeconds(2), answer.Headers.RetryAfter!.Delta);
    }

    [TimedTheory]
    [InlineData("/.netlify/functions/nobody", 404, "Function not found...")]
    [InlineData("/.netlify/functions/hello", 404, "Function not found...")]
    [InlineData("/.netlify/functions/no.body", 400, "Function name should consist only of alphanumeric characters, hyphen & underscores.")]
    public async Task Default_urls_that_lead_nowhere_answer_in_netlifys_words(string path, int status, string text)
    {
        await using var host = await GatewayHost.StartAsync(GatewayHost.Function("hello", FunctionKind.Http, "/hi"));

        using var answer = await host.Client.GetAsync(path, TestContext.Current.CancellationToken);

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(text, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal("text/plain; charset=utf-8", answer.Content.Headers.ContentType!.ToString());
        Assert.Equal(26, Assert.Single(answer.Headers.GetValues("x-nf-request-id")).Length);
    }

    [TimedTheory]
    [InlineData("/nothing")]
    [InlineData("//evil.example/hi")]
    public async Task A_path_without_a_function_is_not_found(string path)
    {
        await using var host = await GatewayHost.StartAsync(GatewayHost.Function("hello", FunctionKind.Http, "/hi"));
        using var client = await host.ConnectAsync();

        await client.SendAsync($"GET {path} HTTP/1.1\nHost: h\nConnection: close\n\n");
        var answer = await client.ReceiveToEndAsync();

        Assert.StartsWith("HTTP/1.1 404 ", answer);
        Assert.Contains("\"code\":\"not_found\"", answer);
        Assert.Empty(host.Invoker.Requests);
    }

    [TimedTheory]
    [InlineData("/nothing")]
    [InlineData("/.netlify/functions/nobody")]
    public async Task Head_gets_an_error_without_a_body(string path)
    {
        await using var host = await GatewayHost.StartAsync(GatewayHost.Function("hello", FunctionKind.Http, "/hi"));
        using var client = await host.ConnectAsync();

        await client.SendAsync($"HEAD {path} HTTP/1.1\nHost: h\nConnection: close\n\n");

        Assert.EndsWith("\r\n\r\n", await client.ReceiveToEndAsync());
    }

    [TimedFact]
    public async Task A_function_that_does_not_build_answers_with_its_failure_and_runs_nothing()
    {
        var function = GatewayHost.Function("shown", FunctionKind.Http, "/*");
        var broken = new FunctionVersion
        {
            Site = function.Site,
            Deploy = function.Deploy,
            Name = function.Name,
            Runtime = function.Runtime,
            ArtifactDirectory = "",
            Entry = "",
            Routes = function.Routes,
            Environment = function.Environment,
            Limits = function.Limits,
            ShowErrors = true,
            BuildError = new FunctionError(ErrorCode.LoadError, "x") { Thrown = new ThrownError("BuildError", "a.ts:1:2", []) },
        };
        await using var host = await GatewayHost.StartAsync(broken);

        using var answer = await host.Client.GetAsync("/", TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        Assert.Contains("a.ts:1:2", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Empty(host.Invoker.Requests);
    }

    [TimedFact]
    public async Task A_bug_of_the_hosts_is_an_internal_error_that_says_nothing_to_visitors()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Invoker.Answer = (_, _) => throw new InvalidOperationException("secret");

        using var answer = await host.Client.GetAsync("/", TestContext.Current.CancellationToken);
        var body = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Contains("\"code\":\"internal_error\"", body);
        Assert.DoesNotContain("secret", body);
        var line = Assert.Single(host.Output);
        Assert.Equal(OutputLevel.Error, line.Level);
        Assert.Contains("secret", line.Text);
    }

    [TimedFact]
    public async Task A_bug_of_the_hosts_after_the_head_resets()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Invoker.Answers(FakeExchange.Stream(_ => throw new InvalidOperationException("secret")));
        using var client = await host.ConnectAsync();

        await client.SendAsync("GET / HTTP/1.1\nHost: h\n\n");
        var answer = await client.ReceiveToEndAsync();

        Assert.DoesNotContain("\r\n0\r\n\r\n", answer);
        Assert.DoesNotContain("secret", answer);
    }
}

internal static class HttpClientExtensions
{
    /// <summary>The body, whatever the status.</summary>
    public static async Task<string> GetAnyStringAsync(this HttpClient client, string path, string? accept = null)
    {
        using var message = new HttpRequestMessage(HttpMethod.Get, path);
        if (accept is not null)
        {
            message.Headers.TryAddWithoutValidation("Accept", accept);
        }

        using var answer = await client.SendAsync(message, TestContext.Current.CancellationToken);
        return await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }
}
