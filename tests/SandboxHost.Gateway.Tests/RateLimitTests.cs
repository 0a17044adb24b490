using System.Diagnostics.Metrics;
using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using SandboxHost.Deployments;

namespace SandboxHost.Gateway.Tests;

/// <summary>A function's rate limit, on the way of a request.</summary>
public sealed class RateLimitTests
{
    private readonly FakeTimeProvider _clock = new();

    [TimedFact]
    public async Task Above_the_limit_a_client_is_told_when_to_come_back()
    {
        await using var host = await StartAsync(Limited("a", Rule(limit: 2)));
        Assert.Equal(200, await StatusAsync(host, "/a"));
        _clock.Advance(TimeSpan.FromSeconds(3.5));
        Assert.Equal(200, await StatusAsync(host, "/a"));

        using var refused = await host.Client.GetAsync("/a", TestContext.Current.CancellationToken);
        using var body = JsonDocument.Parse(await refused.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));

        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(7), refused.Headers.RetryAfter!.Delta);
        Assert.Equal("rate_limited", body.RootElement.GetProperty("code").GetString());
        Assert.Equal(2, host.Invoker.Requests.Count);
        _clock.Advance(TimeSpan.FromSeconds(7));
        Assert.Equal(200, await StatusAsync(host, "/a"));
    }

    [TimedFact]
    public async Task A_person_gets_a_page()
    {
        await using var host = await StartAsync(Limited("a", Rule()));
        await StatusAsync(host, "/a");

        Assert.Contains("<code>rate_limited</code>", await host.Client.GetAnyStringAsync("/a", "text/html"));
    }

    [TimedFact]
    public async Task Only_requests_that_reach_the_function_count()
    {
        await using var host = await StartAsync(Limited("a", Rule()), GatewayHost.Function("b", FunctionKind.Http, "/b"));
        Assert.Equal(404, await StatusAsync(host, "/.netlify/functions/a"));
        Assert.Equal(404, await StatusAsync(host, "/elsewhere"));
        Assert.Equal(200, await StatusAsync(host, "/b"));

        Assert.Equal(200, await StatusAsync(host, "/a"));
        Assert.Equal(429, await StatusAsync(host, "/a"));
        Assert.Equal(200, await StatusAsync(host, "/b"));
    }

    [TimedFact]
    public async Task A_new_version_with_the_same_rule_inherits_the_count_and_one_with_another_rule_does_not()
    {
        await using var host = await StartAsync(Limited("a", Rule()));
        Assert.Equal(200, await StatusAsync(host, "/a"));

        host.Publish(Limited("a", Rule()));
        Assert.Equal(429, await StatusAsync(host, "/a"));
        host.Publish(Limited("a", Rule(limit: 5)));
        Assert.Equal(200, await StatusAsync(host, "/a"));
    }

    [TimedFact]
    public async Task Names_that_a_site_does_not_have_are_one_domain()
    {
        await using var host = await StartAsync(Limited("a", Rule()));

        Assert.Equal(200, await StatusAsync(host, "/a", "one.example"));
        Assert.Equal(429, await StatusAsync(host, "/a", "ONE.example:81"));
        Assert.Equal(200, await StatusAsync(host, "/a", "two.example"));
        Assert.Equal(200, await StatusAsync(host, "/a", "made-up-1.example"));
        Assert.Equal(429, await StatusAsync(host, "/a", "made-up-2.example"));
    }

    [TimedFact]
    public async Task Above_the_limit_of_a_rewrite_another_function_answers_for_the_same_url()
    {
        await using var host = await StartAsync(Limited("a", Rule(to: "/busy?x")), GatewayHost.Function("busy", FunctionKind.Http, "/busy"));
        Assert.Equal(200, await StatusAsync(host, "/a?q=1"));

        Assert.Equal(200, await StatusAsync(host, "/a?q=2"));

        var last = host.Invoker.Requests.Last();
        Assert.Equal(("busy", $"{host.Address}a?q=2"), (last.Function.Name, last.Url));
    }

    [TimedTheory]
    [InlineData("/a", 429)]
    [InlineData("/nowhere", 404)]
    [InlineData("/.netlify/functions/a", 200)]
    [InlineData("/b", 429)]
    public async Task A_rewrite_neither_loops_nor_gets_around_a_limit(string to, int status)
    {
        // b is used up as well, and would send on to c.
        await using var host = await StartAsync(
            Limited("a", Rule(to: to)), Limited("b", Rule(to: "/c")), GatewayHost.Function("c", FunctionKind.Http, "/c"));
        await StatusAsync(host, "/a");
        await StatusAsync(host, "/b");

        Assert.Equal(status, await StatusAsync(host, "/a"));
        Assert.Equal(2, host.Invoker.Requests.Count);
    }

    [TimedFact]
    public async Task What_a_rewrite_leads_to_counts_for_its_own_limit()
    {
        await using var host = await StartAsync(Limited("a", Rule(to: "/b")), Limited("b", Rule(limit: 2)));
        await StatusAsync(host, "/a");
        await StatusAsync(host, "/a");

        Assert.Equal(200, await StatusAsync(host, "/b"));
        Assert.Equal(429, await StatusAsync(host, "/b"));
        Assert.Equal(429, await StatusAsync(host, "/a"));
    }

    [TimedFact]
    public async Task Background_functions_have_limits_too()
    {
        await using var host = await StartAsync(GatewayHost.Make("a", FunctionKind.Background, ["/a"], Rule()));

        Assert.Equal(202, await StatusAsync(host, "/a"));
        Assert.Equal(429, await StatusAsync(host, "/a"));
    }

    [TimedFact]
    public async Task Every_request_above_a_limit_is_measured()
    {
        var seen = new List<string>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument is { Meter.Name: GatewayMetrics.MeterName, Name: "faas.rate_limited" })
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, count, tags, _) =>
        {
            lock (seen)
            {
                seen.Add($"{count} {string.Join(' ', tags.ToArray().Select(tag => tag.Value))}");
            }
        });
        listener.Start();
        await using var host = await StartAsync(Limited("measured", Rule(to: "/b")), GatewayHost.Function("b", FunctionKind.Http, "/b"));
        await StatusAsync(host, "/measured");
        await StatusAsync(host, "/measured");

        Assert.Equal(["1 site measured rewrite"], seen.Where(line => line.Contains("measured", StringComparison.Ordinal)));
    }

    private Task<GatewayHost> StartAsync(params FunctionVersion[] functions) => GatewayHost.StartAsync(_clock, functions);

    private static async Task<int> StatusAsync(GatewayHost host, string path, string? hostName = null)
    {
        using var message = new HttpRequestMessage(HttpMethod.Get, path);
        message.Headers.Host = hostName;
        using var answer = await host.Client.SendAsync(message, TestContext.Current.CancellationToken);
        return (int)answer.StatusCode;
    }

    private static FunctionVersion Limited(string name, RateLimitRule rule) => GatewayHost.Make(name, FunctionKind.Http, ["/" + name], rule);

    private static RateLimitRule Rule(int limit = 1, string? to = null) => new(limit, TimeSpan.FromSeconds(10), RateLimitKeys.Domain, to);
}
