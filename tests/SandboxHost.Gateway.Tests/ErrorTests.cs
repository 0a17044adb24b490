using System.Net;
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
        Assert.Equal("A sentence.", body.RootElement.GetProperty("errorMessage").GetString());
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
        host.Invoker.Answers(FakeExchange.Failed(ErrorCode.FunctionError, "The function failed.", Thrown));

        var body = await host.Client.GetAnyStringAsync("/", accept);

        Assert.Contains("function_error", body);
        Assert.Contains("The function failed.", body);
        Assert.DoesNotContain("TypeError", body);
        Assert.DoesNotContain("alert", body);
    }

    [TimedTheory]
    [InlineData("text/html,application/xhtml+xml;q=0.9", true)]
    [InlineData("application/json, TEXT/HTML", true)]
    [InlineData("application/json", false)]
    [InlineData("*/*", false)]
    [InlineData(null, false)]
    public async Task Who_accepts_html_gets_a_page(string? accept, bool page)
    {
        await using var host = await GatewayHost.StartAsync();
        host.Invoker.Answers(FakeExchange.Failed(ErrorCode.Timeout, "x"));

        var body = await host.Client.GetAnyStringAsync("/", accept);

        Assert.Equal(page, body.StartsWith("<!doctype html>", StringComparison.Ordinal));
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
