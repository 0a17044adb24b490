using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using SandboxHost.Deployments;
using SandboxHost.Gateway.Events;
using SandboxHost.Gateway.Redirects;
using SandboxHost.Invocations;
using SandboxHost.Runs;

namespace SandboxHost.Gateway.Tests.Events;

/// <summary>Events from outside: which signatures hold.</summary>
public sealed class SignedEventTests
{
    private const string Secret = "0123456789abcdef0123456789abcdef";
    private const string Body = """{"user":{}}""";
    private static readonly DateTimeOffset Noon = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [TimedFact]
    public async Task A_signed_event_reaches_the_function_as_it_was_sent()
    {
        await using var host = await StartAsync();

        using var reply = await SendAsync(host, Sign(Claims()));

        Assert.Equal(HttpStatusCode.OK, reply.StatusCode);
        var request = host.Invoker.Single;
        Assert.Equal(("POST", InvocationTrigger.Http, Body), (request.Method, request.Trigger, Encoding.UTF8.GetString(request.Body.Complete.Span)));
        Assert.Equal(["x-netlify-event", "identity_signup"], request.Headers.SkipWhile(header => header != "x-netlify-event"));
    }

    [TimedFact]
    public async Task A_background_function_gets_a_run_for_it()
    {
        await using var host = await StartAsync(GatewayHost.Function("work", FunctionKind.Background));

        using var reply = await SendAsync(host, Sign(Claims()), "work");

        Assert.Equal(HttpStatusCode.Accepted, reply.StatusCode);
        var claimed = (await host.Runs.ClaimAsync(new FunctionKey("1", "work"), "test", Noon, Stop))!;
        Assert.Equal((RunKind.Event, Body), (claimed.Run.Kind, Encoding.UTF8.GetString(claimed.Request.Body.Span)));
        Assert.Contains("identity_signup", claimed.Request.Headers);
    }

    [TimedFact]
    public async Task Without_a_signature_nothing_is_an_event_and_without_an_event_a_signature_is_the_functions_business()
    {
        await using var host = await StartAsync();

        using var unsigned = await SendAsync(host, null);
        using var other = new HttpRequestMessage(HttpMethod.Post, "/.netlify/functions/on-event") { Content = new StringContent("x") };
        other.Headers.Add("x-webhook-signature", "theirs");
        using var reply = await host.Client.SendAsync(other, Stop);

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (unsigned.StatusCode, reply.StatusCode));
        Assert.All(host.Invoker.Requests, request => Assert.DoesNotContain("x-netlify-event", request.Headers));
        Assert.Contains("theirs", host.Invoker.Requests.Last().Headers);
    }

    public static TheoryData<string, string> Forgeries => new()
    {
        { Sign(Claims(), "another secret of the right length"), "another secret" },
        { Sign(Claims(), head: """{"alg":"none"}"""), "HS256" },
        { Sign(Claims(), head: """{"alg":"HS512"}"""), "HS256" },
        { Sign(Claims(), head: """{"alg":"HS256","crit":["x"]}"""), "crit" },
        { Sign(Claims(), head: """{"alg":5}"""), "no JSON web signature" },
        { Sign(Claims(), head: "[]"), "no JSON web signature" },
        { Sign(Claims())[..^1], "no JSON web signature" },
        { Sign(Claims()) + "=", "no JSON web signature" },
        { Sign(Claims()) + ".x", "no JSON web signature" },
        { Sign(Claims()) + new string('a', 5000), "no JSON web signature" },
        { "..", "no JSON web signature" },
        { "!.!.!", "no JSON web signature" },
        { Sign(Claims()).Split('.')[0] + "." + Part(Claims("userx").ToJsonString()) + "." + Sign(Claims()).Split('.')[2], "another secret" },
        { Sign(Claims("iat", "now")), "right types" },
        { Sign(Claims("jti", 7)), "right types" },
        { Sign(Claims("jti", null)), "are needed" },
        { Sign(Claims("jti", "")), "are needed" },
        { Sign(Claims("jti", new string('j', 65))), "are needed" },
        { Sign(Claims("exp", null)), "are needed" },
        { Sign(Claims("iat", null)), "are needed" },
        { Sign(Claims("sha256", null)), "are needed" },
        { Sign(Claims("event", null)), "are needed" },
        { Sign(Claims("event", "identity_login")), "event is not that" },
        { Sign(Claims("sha256", Convert.ToHexStringLower(SHA256.HashData("other"u8)))), "hash of the body" },
        { Sign(Claims("sha256", "ab")), "hash of the body" },
        { Sign(Claims("exp", Seconds(0))), "exp is over" },
        { Sign(Claims("exp", -1)), "exp is over" },
        { Sign(Claims("iat", Seconds(31))), "in the future" },
        { Sign(Claims("iat", Seconds(-241))), "at most 300 seconds" },
        { Sign(Claims("exp", Seconds(400))), "at most 300 seconds" },
        { Sign(Claims("exp", long.MaxValue)), "at most 300 seconds" },
        { Sign(Claims("iat", long.MinValue)), "at most 300 seconds" },
    };

    [TimedTheory]
    [MemberData(nameof(Forgeries), DisableDiscoveryEnumeration = true)]
    public async Task A_signature_that_does_not_hold_is_401_and_says_why(string signature, string wrong)
    {
        await using var host = await StartAsync();

        using var reply = await SendAsync(host, signature);

        Assert.Equal(HttpStatusCode.Unauthorized, reply.StatusCode);
        var body = await reply.Content.ReadAsStringAsync(Stop);
        Assert.Contains("\"code\":\"bad_signature\"", body);
        Assert.Contains(wrong, body);
        Assert.Empty(host.Invoker.Requests);
    }

    [TimedFact]
    public async Task A_signature_holds_once_and_until_it_expires()
    {
        var clock = new FakeTimeProvider(Noon);
        await using var host = await StartAsync(clock: clock);
        var signature = Sign(Claims());

        using var first = await SendAsync(host, signature);
        using var second = await SendAsync(host, signature);
        using var other = await SendAsync(host, Sign(Claims("jti", "another")));
        clock.Advance(TimeSpan.FromSeconds(61));
        using var late = await SendAsync(host, Sign(Claims("jti", "late")));

        Assert.Equal([HttpStatusCode.OK, HttpStatusCode.Unauthorized, HttpStatusCode.OK, HttpStatusCode.Unauthorized], new[] { first, second, other, late }.Select(reply => reply.StatusCode));
        Assert.Contains("used before", await second.Content.ReadAsStringAsync(Stop));
    }

    [TimedFact]
    public async Task A_site_without_a_secret_takes_no_events_and_an_unknown_one_is_none()
    {
        await using var open = await StartAsync(secret: null);
        using var refused = await SendAsync(open, Sign(Claims()));
        Assert.Contains("has no [events] secret", await refused.Content.ReadAsStringAsync(Stop));

        await using var host = await StartAsync();
        using var unknown = await SendAsync(host, Sign(Claims("event", "no_event")), slug: "no_event");
        Assert.Contains("no such event", await unknown.Content.ReadAsStringAsync(Stop));
    }

    [TimedFact]
    public async Task An_event_has_the_size_of_a_request()
    {
        await using var host = await StartAsync();
        var large = new string('x', 1001);

        using var reply = await SendAsync(host, Sign(Claims("sha256", Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(large))))), body: large);

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, reply.StatusCode);
    }

    [TimedFact]
    public void What_was_used_is_forgotten_when_it_has_expired_and_never_before()
    {
        var used = new UsedSignatures(capacity: 2);

        Assert.Equal(SignatureUse.First, used.Use("1", "a", Noon.AddSeconds(10), Noon));
        Assert.Equal(SignatureUse.First, used.Use("2", "a", Noon.AddSeconds(20), Noon));
        Assert.Equal(SignatureUse.Again, used.Use("1", "a", Noon.AddSeconds(30), Noon.AddSeconds(9)));
        Assert.Equal(SignatureUse.Full, used.Use("1", "b", Noon.AddSeconds(30), Noon.AddSeconds(9)));
        Assert.Equal(SignatureUse.First, used.Use("1", "b", Noon.AddSeconds(30), Noon.AddSeconds(10)));
        Assert.Equal(SignatureUse.Again, used.Use("2", "a", Noon.AddSeconds(30), Noon.AddSeconds(10)));
    }

    private static Task<GatewayHost> StartAsync(FunctionVersion? function = null, string? secret = Secret, TimeProvider? clock = null)
    {
        var site = GatewayHost.SiteOf([function ?? GatewayHost.Function("on-event")], eventSecret: secret);
        return GatewayHost.StartAsync(clock ?? new FakeTimeProvider(Noon), site, new RewriteProxyOptions());
    }

    private static async Task<HttpResponseMessage> SendAsync(
        GatewayHost host, string? signature, string function = "on-event", string slug = "identity_signup", string body = Body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/.netlify/functions/{function}") { Content = new StringContent(body) };
        request.Headers.Add("x-netlify-event", slug);
        if (signature is not null)
        {
            request.Headers.TryAddWithoutValidation("x-webhook-signature", signature);
        }

        return await host.Client.SendAsync(request, Stop);
    }

    private static long Seconds(int afterNoon) => Noon.AddSeconds(afterNoon).ToUnixTimeSeconds();

    /// <summary>Claims that hold, but for one.</summary>
    private static JsonObject Claims(string? name = null, JsonNode? value = null)
    {
        var claims = new JsonObject
        {
            ["event"] = "identity_signup",
            ["sha256"] = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Body))),
            ["iat"] = Seconds(0),
            ["exp"] = Seconds(60),
            ["jti"] = "once",
        };
        if (name is not null)
        {
            claims[name] = value;
        }

        return claims;
    }

    private static string Sign(JsonObject claims, string secret = Secret, string head = """{"alg":"HS256","typ":"JWT"}""")
    {
        var signed = $"{Part(head)}.{Part(claims.ToJsonString())}";
        return $"{signed}.{Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.ASCII.GetBytes(signed)))}";
    }

    private static string Part(string json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));
}
