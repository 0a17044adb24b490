using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using SandboxHost.Egress;
using SandboxHost.Gateway.Redirects;
using SandboxHost.Routing.Rules;

namespace SandboxHost.Gateway.Tests;

/// <summary>Rewrites to another host, against a real one on the loopback.</summary>
public sealed class RewriteProxyTests : IAsyncLifetime
{
    private readonly WebApplication _target;

    public RewriteProxyTests()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _target = builder.Build();
        _target.Run(context => Answer(context));
    }

    private RequestDelegate Answer { get; set; } = context => context.Response.WriteAsync("target");

    private Uri Target => new(_target.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());

    public async ValueTask InitializeAsync() => await _target.StartAsync(TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _target.StopAsync(now.Token);
        await _target.DisposeAsync();
    }

    [TimedFact]
    public async Task Method_path_query_body_and_headers_go_there_and_the_reply_comes_back()
    {
        Answer = async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            var body = await reader.ReadToEndAsync();
            context.Response.StatusCode = 418;
            context.Response.Headers.Append("set-cookie", "a=1");
            context.Response.Headers.Append("set-cookie", "b=2");
            context.Response.Headers["x-nf-request-id"] = "theirs";
            await context.Response.WriteAsync($"{context.Request.Method} {context.Request.Path}{context.Request.QueryString} {context.Request.Host} {context.Request.Headers["x-mine"]} {body}");
        };
        await using var host = await StartAsync(Rule("/api/*", $"{Target}v1/:splat"));
        using var request = new HttpRequestMessage(HttpMethod.Put, "/api/a%20b/c?x=1&y=%2F") { Content = new StringContent("body"), Headers = { { "x-mine", "own" } } };

        var reply = await host.Client.SendAsync(request);

        Assert.Equal(418, (int)reply.StatusCode);
        Assert.StartsWith($"PUT /v1/a%20b/c?x=1&y=%2F {Target.Authority} own body", await reply.Content.ReadAsStringAsync());
        Assert.Equal(["a=1", "b=2"], reply.Headers.GetValues("set-cookie"));
        Assert.NotEqual("theirs", reply.Headers.GetValues("x-nf-request-id").Single());
        Assert.Empty(host.Output);
    }

    [TimedTheory]
    [InlineData("Connection: X-Secret\nX-Secret: 1", "x-secret")]
    [InlineData("Connection: Content-Type\nContent-Type: text/x\nContent-Length: 0", "content-type")]
    [InlineData("Proxy-Authorization: Basic x", "proxy-authorization")]
    [InlineData("X-Nf-Sign: forged", "x-nf-sign")]
    [InlineData("X-Netlify-Event: x", "x-netlify-event")]
    [InlineData("X-Forwarded-Port: 1", "x-forwarded-port")]
    [InlineData("Upgrade: websocket\nConnection: Upgrade", "upgrade")]
    public async Task Headers_of_one_connection_and_of_the_platform_stay_here(string headers, string name)
    {
        Answer = context => context.Response.WriteAsync($"has:{context.Request.Headers.ContainsKey(name)}");
        await using var host = await StartAsync(Rule("/a", Target.ToString()));
        using var client = await host.ConnectAsync();

        await client.SendAsync($"GET /a HTTP/1.1\nHost: site.test\n{headers}\n\n");

        await client.ReceiveUntilAsync("has:False");
    }

    [TimedFact]
    public async Task The_target_is_told_who_asked_and_what_the_rule_adds()
    {
        Answer = context => context.Response.WriteAsync(JsonSerializer.Serialize(context.Request.Headers.ToDictionary(header => header.Key.ToLowerInvariant(), header => header.Value.ToString())));
        var rule = Rule("/a", Target.ToString(), headers: ["X-Api-Key", "k", "content-type", "text/own"], secret: "secret");
        await using var host = await StartAsync(rule);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/a") { Content = new StringContent("x"), Headers = { { "x-api-key", "forged" }, { "x-forwarded-for", "1.2.3.4" } } };

        var reply = await (await host.Client.SendAsync(request)).Content.ReadAsStringAsync();
        Assert.Empty(host.Output.Select(line => line.Text));
        var seen = JsonSerializer.Deserialize<Dictionary<string, string>>(reply)!;

        Assert.Equal(("k", "text/own", "127.0.0.1", "http", host.Address.Authority), (seen["x-api-key"], seen["content-type"], seen["x-forwarded-for"], seen["x-forwarded-proto"], seen["x-forwarded-host"]));
        var token = seen["x-nf-sign"].Split('.');
        var claims = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(token[1]));
        Assert.Contains("\"netlify_id\":\"1\",\"site_url\":\"http://localhost\"", claims);
        Assert.Contains("\"iss\":\"netlify\"", claims);
        Assert.Equal(HMACSHA256.HashData("secret"u8, Encoding.ASCII.GetBytes($"{token[0]}.{token[1]}")), Base64Url.DecodeFromChars(token[2]));
    }

    [TimedFact]
    public async Task Both_directions_stream()
    {
        var finish = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Answer = async context =>
        {
            await context.Response.WriteAsync("first,");
            await context.Response.Body.FlushAsync();
            await finish.Task;
            await context.Response.WriteAsync("last");
        };
        await using var host = await StartAsync(Rule("/a", Target.ToString()));

        using var reply = await host.Client.GetAsync("/a", HttpCompletionOption.ResponseHeadersRead);
        using var body = await reply.Content.ReadAsStreamAsync();
        var buffer = new byte[6];
        await body.ReadExactlyAsync(buffer);
        Assert.Equal("first,", Encoding.ASCII.GetString(buffer));

        finish.SetResult();
        using var rest = new StreamReader(body);
        Assert.Equal("last", await rest.ReadToEndAsync());
    }

    [TimedTheory]
    [InlineData("http://127.0.0.1:1/", "loopback")]
    [InlineData("http://localhost:1/", "loopback")]
    [InlineData("http://[::1]:1/", "loopback")]
    [InlineData("http://[::ffff:127.0.0.1]:1/", "loopback")]
    [InlineData("http://2130706433:1/", "loopback")]
    [InlineData("http://0x7f.1:1/", "loopback")]
    [InlineData("http://169.254.169.254/latest/meta-data", "link-local")]
    [InlineData("http://10.0.0.1/", "private")]
    [InlineData("http://8.8.4.4:25/", "port")]
    public async Task Addresses_that_functions_may_not_reach_are_out_of_reach_here_too(string to, string rule)
    {
        await using var host = await StartAsync(new RewriteProxyOptions(), Rule("/a", to), EgressPolicy.Internet);

        var reply = await host.Client.GetAsync("/a");

        Assert.Equal(HttpStatusCode.BadGateway, reply.StatusCode);
        var body = await reply.Content.ReadAsStringAsync();
        Assert.Contains("\"code\":\"proxy_failed\"", body);
        Assert.DoesNotContain(rule, body);
        Assert.Contains($"({rule})", Assert.Single(host.Output).Text);
    }

    [TimedFact]
    public async Task The_hosts_own_public_address_is_out_of_reach()
    {
        var own = IPAddress.Parse("8.8.4.4");
        await using var host = await StartAsync(new RewriteProxyOptions { OwnAddresses = () => new HashSet<IPAddress> { own } }, Rule("/a", "http://8.8.4.4/"), EgressPolicy.Internet);

        Assert.Equal(HttpStatusCode.BadGateway, (await host.Client.GetAsync("/a")).StatusCode);
        Assert.Contains("(host-address)", Assert.Single(host.Output).Text);
    }

    [TimedFact]
    public async Task A_target_that_sends_nothing_is_a_named_timeout()
    {
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Answer = async context =>
        {
            using var registration = context.RequestAborted.Register(gone.SetResult);
            await gone.Task;
        };
        await using var host = await StartAsync(new RewriteProxyOptions { Limit = TimeSpan.FromMilliseconds(200) }, Rule("/a", Target.ToString()), TargetAllowed);

        var reply = await host.Client.GetAsync("/a");

        Assert.Equal(HttpStatusCode.GatewayTimeout, reply.StatusCode);
        Assert.Contains("\"code\":\"proxy_timeout\"", await reply.Content.ReadAsStringAsync());
        await gone.Task;
    }

    [TimedFact]
    public async Task A_target_that_breaks_off_breaks_the_reply_off()
    {
        Answer = async context =>
        {
            context.Response.ContentLength = 100;
            await context.Response.WriteAsync("part");
            await context.Response.Body.FlushAsync();
            context.Abort();
        };
        await using var host = await StartAsync(Rule("/a", Target.ToString()));

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => host.Client.GetStringAsync("/a"));
    }

    [TimedFact]
    public async Task A_client_that_leaves_takes_the_request_to_the_target_along()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Answer = async context =>
        {
            using var registration = context.RequestAborted.Register(gone.SetResult);
            asked.SetResult();
            await gone.Task;
        };
        await using var host = await StartAsync(Rule("/a", Target.ToString()));
        using var client = await host.ConnectAsync();

        await client.SendAsync("GET /a HTTP/1.1\nHost: site.test\n\n");
        await asked.Task;
        client.Reset();

        await gone.Task;
    }

    [TimedFact]
    public async Task A_rewrite_that_comes_back_is_not_sent_out_again()
    {
        await using var host = await StartAsync(Rule("/a", Target.ToString()));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/a") { Headers = { { "CDN-Loop", "other, sandboxhost" } } };

        Assert.Equal(HttpStatusCode.BadGateway, (await host.Client.SendAsync(request)).StatusCode);
        Assert.Contains("loop", Assert.Single(host.Output).Text);
    }

    [TimedTheory]
    [InlineData(EgressMode.None, "none")]
    [InlineData(EgressMode.List, "not-listed")]
    public async Task A_rewrite_goes_no_further_than_the_sites_functions(EgressMode mode, string rule)
    {
        var policy = new EgressPolicy(new EgressRules { Mode = mode, Names = mode == EgressMode.List ? ["example.com"] : [] });
        await using var host = await StartAsync(new RewriteProxyOptions(), Rule("/a", "http://other.example/"), policy);

        Assert.Equal(HttpStatusCode.BadGateway, (await host.Client.GetAsync("/a")).StatusCode);
        Assert.Contains($"other.example:80 is not allowed ({rule})", Assert.Single(host.Output).Text);
    }

    [TimedFact]
    public async Task A_connection_that_one_sites_policy_let_through_is_not_there_for_another()
    {
        await using var host = await StartAsync(Rule("/a", Target.ToString()));
        Assert.Equal("target", await host.Client.GetStringAsync("/a"));

        host.Publish(GatewayHost.SiteOf([], redirects: new RedirectTable([Rule("/a", Target.ToString())])));

        Assert.Equal(HttpStatusCode.BadGateway, (await host.Client.GetAsync("/a")).StatusCode);
    }

    [TimedFact]
    public async Task A_redirect_of_the_target_is_the_clients_to_follow()
    {
        Answer = context =>
        {
            context.Response.Redirect("http://169.254.169.254/");
            return Task.CompletedTask;
        };
        await using var host = await StartAsync(Rule("/a", Target.ToString()));

        Assert.Equal(HttpStatusCode.Redirect, (await host.Client.GetAsync("/a")).StatusCode);
    }

    private EgressPolicy TargetAllowed => new(new EgressRules { AllowedPrivate = [$"127.0.0.1:{Target.Port}"] });

    private async Task<GatewayHost> StartAsync(RedirectRule rule) => await StartAsync(new RewriteProxyOptions(), rule, TargetAllowed);

    private static async Task<GatewayHost> StartAsync(RewriteProxyOptions options, RedirectRule rule, EgressPolicy egress) =>
        await GatewayHost.StartAsync(TimeProvider.System, GatewayHost.SiteOf([], redirects: new RedirectTable([rule]), egress: egress), options);

    private static RedirectRule Rule(string from, string to, string[]? headers = null, string? secret = null) => new()
    {
        From = RulePattern.Parse(from, RuleDialect.Redirects),
        To = RedirectTarget.TryParse(to, out var target) ? target : throw new InvalidOperationException(to),
        Status = 200,
        Headers = headers ?? [],
        SigningSecret = secret,
    };
}
