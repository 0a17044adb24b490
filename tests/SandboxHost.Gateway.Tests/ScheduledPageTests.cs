using System.Net;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Output;

namespace SandboxHost.Gateway.Tests;

/// <summary>A scheduled function that is asked for by its URL.</summary>
public sealed class ScheduledPageTests
{
    private const string Url = "/.netlify/functions/tick";
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 11, 23, 12, 59, 31, 77, TimeSpan.Zero));

    [TimedTheory]
    [InlineData("@hourly", "\"2026-11-23T13:00:00.000Z\"")]
    [InlineData("30 6 * * 1", "\"2026-11-30T06:30:00.000Z\"")]
    public async Task It_gets_a_tick_whatever_was_asked(string schedule, string nextRun)
    {
        await using var host = await StartAsync(schedule);

        await host.Client.PutAsync(Url + "?x", new StringContent("ignored"), TestContext.Current.CancellationToken);

        var request = host.Invoker.Single;
        Assert.Equal(("POST", InvocationTrigger.Schedule, -1), (request.Method, request.Trigger, request.Route));
        Assert.Equal(
            ["content-type=application/json", "user-agent=Netlify Clockwork", "x-nf-event=schedule"],
            request.Headers.Chunk(2).Select(pair => $"{pair[0]}={pair[1]}").Order());
        Assert.Equal($"{{\"next_run\":{nextRun}}}", Encoding.UTF8.GetString(request.Body.Complete.Span));
    }

    [TimedFact]
    public async Task Its_developer_is_told_how_it_went_and_when_it_runs_next()
    {
        await using var host = await StartAsync();
        host.Invoker.Answers(FakeExchange.Of(204, ""));

        using var answer = await host.Client.GetAsync(Url, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("text/plain; charset=utf-8", answer.Content.Headers.ContentType!.ToString());
        Assert.Equal(host.Invoker.Single.RequestId, Assert.Single(answer.Headers.GetValues("x-nf-request-id")));
        Assert.Equal(
            """
            You made an HTTP request to `tick`, which is a scheduled function. Here that runs it once, so that you can try it; in production its URL does not answer, and only its schedule runs it.

            It ran to its end.

            Its schedule is `@hourly`; the next run is due at `2026-11-23T13:00:00.000Z`.


            """,
            await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [TimedFact]
    public async Task What_it_returns_is_not_shown_but_told_of()
    {
        await using var host = await StartAsync();
        host.Invoker.Answers(FakeExchange.Of(503, "hidden", "content-type", "text/plain", "x-hidden", "1", "set-cookie", "a=1"));

        using var answer = await host.Client.GetAsync(Url, TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Contains("It returned the status code `503`.", text);
        Assert.Contains("It returned `headers` and `body`. Is that a mistake?", text);
        Assert.DoesNotContain("hidden", text + answer.Headers);
        Assert.False(answer.Headers.Contains("set-cookie"));
    }

    [TimedTheory]
    [InlineData(499, "", false, false)]
    [InlineData(500, "", true, false)]
    [InlineData(200, "x", false, true)]
    public async Task Only_what_is_so_is_told(int status, string body, bool failed, bool ignored)
    {
        await using var host = await StartAsync();
        host.Invoker.Answers(FakeExchange.Of(status, body, "content-type", "text/plain", "content-length", "1"));

        var text = await host.Client.GetAnyStringAsync(Url);

        Assert.Equal(failed, text.Contains("status code", StringComparison.Ordinal));
        Assert.Equal(ignored, text.Contains("It returned `body`.", StringComparison.Ordinal));
    }

    [TimedFact]
    public async Task A_stream_is_not_read()
    {
        await using var host = await StartAsync();
        var exchange = FakeExchange.Stream(_ => throw new InvalidOperationException("was read"));
        host.Invoker.Answers(exchange);

        Assert.Contains("It returned `body`.", await host.Client.GetAnyStringAsync(Url));
        await exchange.Disposed;
    }

    [TimedFact]
    public async Task An_error_is_500_with_its_trace_and_is_logged()
    {
        await using var host = await StartAsync();
        host.Invoker.Answers(FakeExchange.Failed(ErrorCode.FunctionError, "The function failed.", new ThrownError("RangeError", "<b>too far</b>", ["at f (tick.ts:3:7)"])));

        using var answer = await host.Client.GetAsync(Url, TestContext.Current.CancellationToken);
        var page = await host.Client.GetAnyStringAsync(Url, "text/html");

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Contains(
            "There was an error during execution of your scheduled function:\n\nRangeError: <b>too far</b>\n    at f (tick.ts:3:7)\n\n",
            await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Contains("<h2>RangeError: &lt;b&gt;too far&lt;/b&gt;</h2>", page);
        Assert.Contains("<li>at f (tick.ts:3:7)</li>", page);
        Assert.Contains(host.Output, line => line is { Level: OutputLevel.Error } && line.Text.Contains("RangeError", StringComparison.Ordinal));
    }

    [TimedFact]
    public async Task A_run_that_is_late_says_so()
    {
        await using var host = await StartAsync();
        host.Invoker.Answers(FakeExchange.Failed(ErrorCode.Timeout, "Task timed out after 30.00 seconds"));

        Assert.Contains("\nTimeoutError: Task timed out after 30.00 seconds\n", await host.Client.GetAnyStringAsync(Url));
    }

    [TimedTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Clockwork_is_not_told_that_it_made_a_request(bool fails)
    {
        await using var host = await StartAsync();
        host.Invoker.Answers(fails ? FakeExchange.Failed(ErrorCode.Timeout, "late") : FakeExchange.Of(204, ""));
        using var message = new HttpRequestMessage(HttpMethod.Post, Url) { Headers = { { "User-Agent", "Netlify Clockwork" } } };

        using var answer = await host.Client.SendAsync(message, TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        Assert.StartsWith(fails ? "There was an error" : "It ran to its end.", text);
        Assert.DoesNotContain("HTTP request", text);
    }

    [TimedFact]
    public async Task A_browser_gets_a_page_on_which_nothing_runs()
    {
        await using var host = await StartAsync();
        host.Invoker.Answers(FakeExchange.Of(200, "x"));
        using var message = new HttpRequestMessage(HttpMethod.Get, Url) { Headers = { { "Accept", "text/html" } } };

        using var answer = await host.Client.SendAsync(message, TestContext.Current.CancellationToken);
        var page = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        Assert.Equal("text/html; charset=utf-8", answer.Content.Headers.ContentType!.ToString());
        Assert.StartsWith("default-src 'none'", Assert.Single(answer.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
        Assert.Contains("<p>You made an HTTP request to <code>tick</code>, which is a scheduled function.", page);
        Assert.Contains("<p>It returned <code>body</code>. Is that a mistake?", page);
    }

    [TimedTheory]
    [InlineData("every day")]
    [InlineData("0 0 30 2 *")]
    public async Task A_schedule_that_is_none_says_so_and_runs_nothing(string schedule)
    {
        await using var host = await StartAsync(schedule);

        using var answer = await host.Client.GetAsync(Url, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        Assert.Empty(host.Invoker.Requests);
    }

    [TimedTheory]
    [InlineData("production")]
    [InlineData("deploy-preview")]
    [InlineData("branch-deploy")]
    public async Task On_a_deployed_site_the_url_answers_as_if_there_were_no_such_function(string deployContext)
    {
        await using var host = await GatewayHost.StartAsync(GatewayHost.Make("tick", FunctionKind.Scheduled, [], schedule: "@hourly", deployContext: deployContext));

        using var answer = await host.Client.GetAsync(Url, TestContext.Current.CancellationToken);
        using var unknown = await host.Client.GetAsync("/.netlify/functions/nobody", TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Equal(
            await unknown.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Empty(host.Invoker.Requests);
    }

    private Task<GatewayHost> StartAsync(string schedule = "@hourly") =>
        GatewayHost.StartAsync(_clock, GatewayHost.Make("tick", FunctionKind.Scheduled, [], schedule: schedule));
}
