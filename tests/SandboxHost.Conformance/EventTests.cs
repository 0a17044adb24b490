using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>A site whose functions handle every platform event.</summary>
public sealed class EventFixture : SiteFixture
{
    public const string Secret = "a secret that is long enough for HS256";

    protected override void Fill(TemporarySite site)
    {
        site.WriteFile("sandboxhost.toml", $"[events]\nsecret = \"{Secret}\"\n");
        site.Write("a-audit.mjs", """
            const tell = (name) => (event) => { console.log('told', name, JSON.stringify(event)); };
            export default {
              deployBuilding: tell('deployBuilding'), deploySucceeded: tell('deploySucceeded'), deployFailed: tell('deployFailed'),
              deployDeleted: tell('deployDeleted'), deployLocked: tell('deployLocked'), deployUnlocked: tell('deployUnlocked'),
              formSubmitted: tell('formSubmitted'), userLogin: tell('userLogin'), userSignup: tell('userSignup'),
              userValidate: tell('userValidate'), userModified: tell('userModified'), userDeleted: tell('userDeleted'),
              fetch: (request) => new Response(`fetched, event ${request.headers.get('x-netlify-event')}`),
            };
            """);
        site.Write("b-gate.mts", """
            const blocked = (email?: string) => email?.endsWith('@blocked.example') ?? false;
            export default {
              userSignup(event: { user: { email?: string }, deny(): undefined }) {
                if (blocked(event.user.email)) return event.deny();
                return { user: { ...event.user, roles: ['member'] } };
              },
              userLogin: () => { throw new Error('the gate is broken'); },
              userDeleted: () => { throw new Error('too late'); },
            };
            """);
        site.Write("c-last.mjs", """export default { userSignup: (event) => console.log('last saw', event.user.roles?.join()), userLogin() { console.log('never'); }, userDeleted: (e) => console.log('last saw deleted', e.user.id) };""");
        site.Write("identity-validate.js", """exports.handler = async (event) => { const { user } = JSON.parse(event.body); return { statusCode: user.email === 'no@example.com' ? 403 : 200, body: JSON.stringify({ app_metadata: { older: true } }) }; };""");
        site.Write("submission-created.js", """
            exports.handler = async (event) => { console.log('submitted', event.headers['x-netlify-event'], event.body); return { statusCode: 200 }; };
            """);
        site.Write("deploy-succeeded-background.mjs", """export default async (request) => { console.log('named', request.headers.get('x-netlify-event'), (await request.json()).payload.state); };""");
        site.Write("flaky.mjs", """export default { deployLocked() { console.log('locked, attempt fails'); throw new Error('not yet'); } };""");
        site.Write("thanks.mjs", """export default () => new Response('the page of thanks'); export const config = { path: '/thanks', method: 'GET' };""");
    }

    /// <summary>`sandboxhost events send`, as a user runs it.</summary>
    public async Task<(int Exit, JsonElement Result, string Errors)> SendAsync(params string[] arguments)
    {
        var run = await CommandRun.SandboxHostAsync(["events", "send", arguments[0], Site.Directory, "--json", .. arguments[1..]]);
        return (run.ExitCode, run.Output.Length == 0 ? default : JsonDocument.Parse(run.Output).RootElement, run.Errors);
    }
}

/// <summary>Platform events: who is told, what handlers get, what comes of what they return.</summary>
[Collection<Alone>]
public sealed class EventTests(EventFixture fixture) : IClassFixture<EventFixture>
{
    private HostProcess Host => fixture.Host;

    [Theory(Timeout = 60_000)]
    [InlineData("deployBuilding", "\"state\":\"building\"")]
    [InlineData("deploySucceeded", "\"siteId\":")]
    [InlineData("deployFailed", "\"errorMessage\":\"A sample of a failure\"")]
    [InlineData("deployDeleted", "\"permalinkUrl\":")]
    [InlineData("deployUnlocked", "\"manual\":true")]
    [InlineData("formSubmitted", "{\"data\":{\"email\":\"somebody@example.com\",\"message\":\"Hello\"}}")]
    [InlineData("userModified", "\"name\":\"Some Body\"")]
    [InlineData("userValidate", "\"email\":\"somebody@example.com\"")]
    public async Task FC_70_every_event_that_is_sent_calls_its_handler(string name, string told)
    {
        var (exit, result, errors) = await fixture.SendAsync(name);

        Assert.True(exit == 0, errors);
        var audit = result.GetProperty("deliveries").EnumerateArray().First(item => item.GetProperty("function").GetString() == "a-audit");
        Assert.Equal(name.StartsWith("user", StringComparison.Ordinal) ? "accepted" : "queued", audit.GetProperty("outcome").GetString());
        await Host.WaitForLineAsync(line => line.Contains($"told {name} ", StringComparison.Ordinal) && line.Contains(told, StringComparison.Ordinal), TimeSpan.FromSeconds(20));
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_70_a_function_is_told_by_its_name_and_the_older_form_gets_the_same_body()
    {
        Assert.Equal(0, (await fixture.SendAsync("deploy_succeeded")).Exit);
        await Host.WaitForLineAsync("named deploy_succeeded ready");

        Assert.Equal(0, (await fixture.SendAsync("submission-created", "--payload", """{"payload":{"data":{"from":"send"}}}""")).Exit);
        await Host.WaitForLineAsync("""submitted submission_created {"payload":{"data":{"from":"send"}}""");
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_71_handlers_of_a_signup_run_in_order_and_each_gets_the_user_as_the_one_before_left_it()
    {
        var (exit, result, errors) = await fixture.SendAsync("userSignup");

        Assert.True(exit == 0, errors);
        Assert.Equal("a-audit accepted, b-gate changed, c-last accepted", Outcomes(result));
        Assert.Equal("member", result.GetProperty("user").GetProperty("app_metadata").GetProperty("roles")[0].GetString());
        Assert.Equal("somebody@example.com", result.GetProperty("user").GetProperty("email").GetString());
        await Host.WaitForLineAsync("last saw member");
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_71_the_first_that_denies_is_the_last_that_is_asked()
    {
        var (exit, result, _) = await fixture.SendAsync("identity_signup", "--payload", User("a@blocked.example"));

        Assert.Equal((0, true), (exit, result.GetProperty("denied").GetBoolean()));
        Assert.Equal("a-audit accepted, b-gate denied", Outcomes(result));
        Assert.Equal(401, result.GetProperty("deliveries")[1].GetProperty("status").GetInt32());
        Assert.Equal(JsonValueKind.Null, result.GetProperty("user").ValueKind);
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_71_a_handler_that_throws_denies_but_not_what_has_happened_already()
    {
        var (exit, login, _) = await fixture.SendAsync("userLogin");

        Assert.Equal((1, true), (exit, login.GetProperty("denied").GetBoolean()));
        Assert.Equal("a-audit accepted, b-gate failed", Outcomes(login));
        Assert.Contains("the gate is broken", login.GetProperty("deliveries")[1].GetProperty("errorMessage").GetString());
        Assert.DoesNotContain(Host.Output, line => line.Contains("never", StringComparison.Ordinal));

        var (_, deleted, _) = await fixture.SendAsync("userDeleted");
        Assert.Equal("a-audit accepted, b-gate failed, c-last accepted", Outcomes(deleted));
        Assert.False(deleted.GetProperty("denied").GetBoolean());
    }

    [Theory(Timeout = 60_000)]
    [InlineData("yes@example.com", "a-audit accepted, identity-validate changed", false)]
    [InlineData("no@example.com", "a-audit accepted, identity-validate denied", true)]
    public async Task FC_71_an_older_event_function_denies_by_its_status(string email, string outcomes, bool denied)
    {
        var (_, result, _) = await fixture.SendAsync("identity-validate", "--payload", User(email));

        Assert.Equal((outcomes, denied), (Outcomes(result), result.GetProperty("denied").GetBoolean()));
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_70_a_handler_that_fails_is_tried_again_later()
    {
        Assert.Equal(0, (await fixture.SendAsync("deployLocked")).Exit);

        await Host.WaitForLineAsync("Event function flaky failed (function_error), attempt 1, next attempt in 60 s: Error: not yet");
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_70_an_event_without_listeners_an_unknown_one_and_a_folder_without_a_host_are_told()
    {
        Assert.Contains("No function of the site is told of split_test_modified", (await fixture.SendAsync("split-test-modified")).Errors);
        Assert.Contains("Did you mean userSignup?", (await fixture.SendAsync("userSignUp")).Errors);
        using var elsewhere = new TemporarySite();
        Assert.Contains("No host serves", (await CommandRun.SandboxHostAsync("events", "send", "userLogin", elsewhere.Directory)).Errors);
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_72_a_form_that_is_sent_to_the_site_is_told_to_every_subscriber()
    {
        using var form = new HttpRequestMessage(HttpMethod.Post, "/contact?x=1");
        form.Content = new FormUrlEncodedContent([new("form-name", "contact"), new("Name", "Ünal"), new("topic", "a"), new("topic", "b"), new("bot-field", "")]);
        form.Headers.TryAddWithoutValidation("Accept", "text/html");

        using var reply = await fixture.Client.SendAsync(form);

        Assert.Equal((HttpStatusCode.OK, "text/html"), (reply.StatusCode, reply.Content.Headers.ContentType!.MediaType));
        Assert.Contains("Thank you!", await reply.Content.ReadAsStringAsync());
        var line = await Host.WaitForLineAsync(line => line.Contains("told formSubmitted", StringComparison.Ordinal) && line.Contains("Ünal", StringComparison.Ordinal), TimeSpan.FromSeconds(20));
        Assert.Contains("\"topic\":[\"a\",\"b\"]", line);
        Assert.Contains("\"ip\":\"127.0.0.1\"", line);
        await Host.WaitForLineAsync(line => line.Contains("submitted submission_created", StringComparison.Ordinal) && line.Contains("\"form_name\":\"contact\"", StringComparison.Ordinal), TimeSpan.FromSeconds(20));
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_72_a_multipart_form_leads_to_the_page_of_its_action_and_its_files_are_named()
    {
        using var form = new HttpRequestMessage(HttpMethod.Post, "/thanks");
        form.Headers.Referrer = new Uri(Host.Address, "/contact");
        form.Content = new MultipartFormDataContent { { new StringContent("with a file"), "message" }, { new ByteArrayContent(new byte[300_000]), "photo", "me.png" } };

        using var reply = await fixture.Client.SendAsync(form);

        Assert.Equal((HttpStatusCode.SeeOther, "/thanks"), (reply.StatusCode, reply.Headers.Location?.OriginalString));
        Assert.Equal("the page of thanks", await fixture.Client.GetStringAsync("/thanks"));
        await Host.WaitForLineAsync(line => line.Contains("told formSubmitted", StringComparison.Ordinal) && line.Contains("\"photo\":{\"filename\":\"me.png\",\"size\":300000", StringComparison.Ordinal), TimeSpan.FromSeconds(20));
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_73_an_event_from_outside_is_believed_with_a_signature_only()
    {
        var body = User("a@blocked.example");

        using var unsigned = await PostAsync("a-audit", body, null);
        Assert.Equal("fetched, event null", await unsigned.Content.ReadAsStringAsync());

        using var wrong = await PostAsync("b-gate", body, Sign(body, "another secret, which is long enough"));
        Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
        Assert.Contains("bad_signature", await wrong.Content.ReadAsStringAsync());

        var signature = Sign(body, EventFixture.Secret);
        using var right = await PostAsync("b-gate", body, signature);
        Assert.Equal((HttpStatusCode.Unauthorized, ""), (right.StatusCode, await right.Content.ReadAsStringAsync()));

        using var again = await PostAsync("b-gate", body, signature);
        Assert.Contains("this jti was used before", await again.Content.ReadAsStringAsync());

        var other = User("a@example.com");
        using var changed = await PostAsync("b-gate", other, Sign(other, EventFixture.Secret));
        Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
        Assert.Contains("\"roles\":[\"member\"]", await changed.Content.ReadAsStringAsync());
    }

    private async Task<HttpResponseMessage> PostAsync(string function, string body, string? signature)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/.netlify/functions/{function}") { Content = new StringContent(body, null, "application/json") };
        request.Headers.Add("x-netlify-event", "identity_signup");
        if (signature is not null)
        {
            request.Headers.Add("x-webhook-signature", signature);
        }

        return await fixture.Client.SendAsync(request);
    }

    private static string Sign(string body, string secret)
    {
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        var head = Part("""{"alg":"HS256","typ":"JWT"}""");
        var claims = Part(JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["event"] = "identity_signup",
            ["sha256"] = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(body))),
            ["iat"] = now,
            ["exp"] = now + 60,
            ["jti"] = Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture),
        }));
        return $"{head}.{claims}.{System.Buffers.Text.Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.ASCII.GetBytes($"{head}.{claims}")))}";

        static string Part(string json) => System.Buffers.Text.Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));
    }

    private static string User(string email) => $$$"""{"user":{"id":"u1","email":"{{{email}}}","created_at":"2026-01-01T00:00:00Z"}}""";

    private static string Outcomes(JsonElement result) => string.Join(
        ", ", result.GetProperty("deliveries").EnumerateArray().Select(item => $"{item.GetProperty("function").GetString()} {item.GetProperty("outcome").GetString()}"));
}
