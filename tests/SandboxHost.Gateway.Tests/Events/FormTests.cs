using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using SandboxHost.Deployments;
using SandboxHost.Gateway.Redirects;
using SandboxHost.Output;
using SandboxHost.Routing.Rules;
using SandboxHost.Runs;

namespace SandboxHost.Gateway.Tests.Events;

/// <summary>Forms that are sent to a site: which are taken, what of them is told, and what is refused.</summary>
public sealed class FormTests
{
    private const string UrlEncoded = "application/x-www-form-urlencoded";
    private const string Multipart = "multipart/form-data; boundary=X";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static FunctionVersion Subscriber(string name = "on-form", FunctionKind kind = FunctionKind.Http) => new()
    {
        Site = new SiteIdentity("1", "site", "http://localhost", "2"),
        Deploy = new DeployIdentity("0", "dev", Published: false),
        Name = name,
        Kind = kind,
        Runtime = "node",
        ArtifactDirectory = "/nowhere",
        Entry = name + ".mjs",
        Environment = new Dictionary<string, string>(),
        Limits = FunctionLimits.Default with { BackgroundBytes = 1000, RequestBytes = 5000 },
        Events = ["submission_created"],
    };

    [TimedFact]
    public async Task A_form_becomes_a_run_of_every_subscriber_with_one_body_for_both_forms_of_function()
    {
        await using var host = await GatewayHost.StartAsync(Subscriber("a"), GatewayHost.Function("b"), Subscriber("c", FunctionKind.Background));
        using var request = Form("/contact", "form-name=contact&Name=Ada+L%C3%B6&E=1&subject=Hi&topic=x&topic=y&ip=forged&empty=", UrlEncoded);
        request.Headers.UserAgent.ParseAdd("tester/1");
        request.Headers.Referrer = new Uri("http://elsewhere.example/page");
        request.Headers.Add("CDN-Loop", "other, sandboxhost");

        using var reply = await host.Client.SendAsync(request, Stop);

        Assert.Equal(HttpStatusCode.OK, reply.StatusCode);
        Assert.Equal("Thank you! Your form submission has been received.\n", await reply.Content.ReadAsStringAsync(Stop));
        Assert.Empty(host.Invoker.Requests);
        foreach (var name in (string[])["a", "c"])
        {
            var claimed = (await ClaimAsync(host, name))!;
            Assert.Equal((RunKind.Event, "POST", $"http://localhost/.netlify/functions/{name}"), (claimed.Run.Kind, claimed.Request.Method, claimed.Request.Url));
            Assert.Equal(
                ["content-type", "application/json", "x-netlify-event", "submission_created", "cdn-loop", "other, sandboxhost"], claimed.Request.Headers);
            var payload = JsonDocument.Parse(claimed.Request.Body).RootElement.GetProperty("payload");
            Assert.Equal(("Ada Lö", "Hi", "contact", "http://localhost"), (Text(payload, "name"), Text(payload, "title"), Text(payload, "form_name"), Text(payload, "site_url")));
            Assert.Equal(
                """{"form-name":"contact","Name":"Ada Lö","E":"1","subject":"Hi","topic":["x","y"],"empty":"","ip":"127.0.0.1","user_agent":"tester/1","referrer":"http://elsewhere.example/page"}""",
                payload.GetProperty("data").GetRawText());
            Assert.Equal("y", payload.GetProperty("human_fields").GetProperty("Topic")[1].GetString());
            Assert.Equal("""{"title":"Form-name","name":"form-name","value":"contact"}""", payload.GetProperty("ordered_human_fields")[0].GetRawText());
            Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", Text(payload, "created_at"));
        }

        Assert.Null(await ClaimAsync(host, "b"));
    }

    [TimedFact]
    public async Task A_multipart_form_keeps_its_texts_and_only_names_its_files()
    {
        await using var host = await GatewayHost.StartAsync(Subscriber());
        var body = Parts(
            ("name=\"message\"", "", "über\r\nzwei Zeilen"), ("name=\"photo\"; filename=\"a \\\"b\\\".png\"", "Content-Type: image/png\r\n", new string('p', 3000)),
            ("name=\"none\"; filename=\"\"", "Content-Type: application/octet-stream\r\n", ""), ("name=\"photo\"; filename=\"c.png\"", "", "q"));

        using var reply = await host.Client.SendAsync(Form("/", body, Multipart), Stop);

        Assert.Equal(HttpStatusCode.OK, reply.StatusCode);
        var payload = await PayloadAsync(host);
        Assert.Equal(
            """{"message":"über\r\nzwei Zeilen","photo":[{"filename":"a \"b\".png","size":3000,"type":"image/png"},{"filename":"c.png","size":1}],"ip":"127.0.0.1"}""",
            payload.GetProperty("data").GetRawText());
        Assert.Equal("c.png", payload.GetProperty("human_fields").GetProperty("Photo")[1].GetString());
    }

    [TimedTheory]
    [InlineData("bot-field=I+am+one&a=1", UrlEncoded)]
    [InlineData("--X\r\nContent-Disposition: form-data; name=\"bot-field\"\r\n\r\nx\r\n--X--\r\n", Multipart)]
    public async Task A_form_with_its_trap_filled_in_is_thanked_for_and_forgotten(string body, string type)
    {
        await using var host = await GatewayHost.StartAsync(Subscriber());

        using var reply = await host.Client.SendAsync(Form("/", body, type), Stop);

        Assert.Equal(HttpStatusCode.OK, reply.StatusCode);
        Assert.Null(await ClaimAsync(host, "on-form"));
        Assert.Contains("discarded", Assert.Single(host.Output).Text);
    }

    [TimedTheory]
    [InlineData("POST", "/contact", "text/plain")]
    [InlineData("POST", "/contact", "application/json")]
    [InlineData("POST", "/contact", "multipart/mixed; boundary=X")]
    [InlineData("POST", "/contact", "not a type")]
    [InlineData("POST", "/contact", null)]
    [InlineData("PUT", "/contact", UrlEncoded)]
    [InlineData("POST", "/.netlify/other", UrlEncoded)]
    [InlineData("POST", "/.netlify/functions/nobody", UrlEncoded)]
    [InlineData("POST", "//contact", UrlEncoded)]
    public async Task What_is_no_form_for_the_site_goes_on_as_before(string method, string path, string? type)
    {
        await using var host = await GatewayHost.StartAsync(Subscriber());
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri($"{host.Address.GetLeftPart(UriPartial.Authority)}{path}")) { Content = new StringContent("a=1") };
        request.Content.Headers.Remove("Content-Type");
        if (type is not null)
        {
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        using var reply = await host.Client.SendAsync(request, Stop);

        Assert.Equal(HttpStatusCode.NotFound, reply.StatusCode);
        Assert.Null(await ClaimAsync(host, "on-form"));
    }

    [TimedFact]
    public async Task A_site_that_nobody_listens_for_answers_as_before_and_a_function_takes_its_own_forms()
    {
        await using var deaf = await GatewayHost.StartAsync(GatewayHost.Function("a"));
        using var missed = await deaf.Client.SendAsync(Form("/", "a=1", UrlEncoded), Stop);
        Assert.Equal(HttpStatusCode.NotFound, missed.StatusCode);

        await using var host = await GatewayHost.StartAsync(Subscriber(), GatewayHost.Function("own", FunctionKind.Http, "/own"));
        using var taken = await host.Client.SendAsync(Form("/own", "a=1", UrlEncoded), Stop);
        Assert.Equal("own", host.Invoker.Single.Function.Name);
        Assert.Null(await ClaimAsync(host, "on-form"));
    }

    [TimedTheory]
    [InlineData("text/html", "http://HOST/contact", "/contact", 200)]
    [InlineData("text/html", "http://HOST/page/index.html", "/page", 200)]
    [InlineData("text/html", "http://HOST/page/", "/p%61ge.html", 200)]
    [InlineData("text/html", null, "/page", 200)]
    [InlineData("*/*", "http://HOST/contact", "/page", 303)]
    [InlineData("text/html", "http://HOST/contact?a=1", "/page?x=1", 303)]
    [InlineData("text/html", "http://elsewhere.example/contact", "/page", 200)]
    [InlineData("text/html", "http://HOST/contact", "/no-page", 200)]
    public async Task The_reply_is_the_page_of_the_action_or_a_page_of_thanks(string accept, string? referrer, string path, int status)
    {
        using var folder = new TempFolder();
        await File.WriteAllTextAsync(folder.File("page.html"), "a page", Stop);
        var site = GatewayHost.SiteOf([Subscriber()], new PublishedFiles(folder.Path, []));
        await using var host = await GatewayHost.StartAsync(TimeProvider.System, site, new RewriteProxyOptions());
        using var request = Form(path, "a=1", UrlEncoded);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        request.Headers.TryAddWithoutValidation("Referer", referrer?.Replace("HOST", host.Address.Authority, StringComparison.Ordinal));

        using var reply = await host.Client.SendAsync(request, Stop);

        Assert.Equal((HttpStatusCode)status, reply.StatusCode);
        Assert.Equal(status == 303 ? "/page" : null, reply.Headers.Location?.OriginalString);
        if (status == 200)
        {
            Assert.Equal("text/html", reply.Content.Headers.ContentType!.MediaType);
            var back = referrer?.StartsWith("http://HOST", StringComparison.Ordinal) == true ? referrer["http://HOST".Length..] : "/";
            Assert.Contains($"<a href=\"{back}\">", await reply.Content.ReadAsStringAsync(Stop));
        }

        Assert.NotNull(await ClaimAsync(host, "on-form"));
    }

    [TimedTheory]
    [InlineData("/", 200, true)]
    [InlineData("/any/where", 200, true)]
    [InlineData("/to-function", 200, false)]
    [InlineData("/moved", 301, false)]
    [InlineData("/none", 404, false)]
    public async Task Redirects_go_first_and_a_site_of_one_page_is_sent_forms_all_the_same(string path, int status, bool isTaken)
    {
        using var folder = new TempFolder();
        await File.WriteAllTextAsync(folder.File("index.html"), "the page", Stop);
        RedirectRule[] rules = [Rule("/to-function", "/.netlify/functions/f", 200), Rule("/moved", "/elsewhere", 301), Rule("/none", "/.netlify/functions/nobody", 404), Rule("/*", "/index.html", 200)];
        var site = GatewayHost.SiteOf([Subscriber(), GatewayHost.Function("f")], new PublishedFiles(folder.Path, []), new RedirectTable(rules));
        await using var host = await GatewayHost.StartAsync(TimeProvider.System, site, new RewriteProxyOptions());

        using var reply = await host.Client.SendAsync(Form(path, "a=1", UrlEncoded), Stop);

        Assert.Equal((HttpStatusCode)status, reply.StatusCode);
        Assert.Equal(isTaken, await ClaimAsync(host, "on-form") is not null);
        Assert.Equal(path == "/to-function" ? 1 : 0, host.Invoker.Requests.Count);
    }

    [TimedTheory]
    [InlineData("Content-Disposition: form-data; name=\"a\"\r\n\r\nx", "X", "not the multipart form")]
    [InlineData("--Y\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--Y--\r\n", "X", "not the multipart form")]
    [InlineData("--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nno end", "X", "not the multipart form")]
    [InlineData("--X\r\nno header\r\n\r\nx\r\n--X--\r\n", "X", "not the multipart form")]
    [InlineData("--X\r\nContent-Type: text/plain\r\n\r\nx\r\n--X--\r\n", "X", "has no name")]
    [InlineData("--X\r\nContent-Disposition: attachment\r\n\r\nx\r\n--X--\r\n", "X", "has no name")]
    [InlineData("--X--\r\n", "", "boundary of 1 to 70")]
    [InlineData("--X--\r\n", "0123456789012345678901234567890123456789012345678901234567890123456789x", "boundary of 1 to 70")]
    public async Task A_broken_multipart_form_is_refused_with_what_is_wrong(string body, string boundary, string wrong)
    {
        await using var host = await GatewayHost.StartAsync(Subscriber("shown"));

        using var reply = await host.Client.SendAsync(Form("/", body, $"multipart/form-data; boundary=\"{boundary}\""), Stop);

        Assert.Equal(HttpStatusCode.BadRequest, reply.StatusCode);
        Assert.Contains(wrong, await reply.Content.ReadAsStringAsync(Stop));
        Assert.Null(await ClaimAsync(host, "shown"));
        Assert.DoesNotContain(host.Output, line => line.Level == OutputLevel.Error);
    }

    [TimedTheory]
    [InlineData("iso-8859-1", 400)]
    [InlineData("utf-7", 400)]
    [InlineData("\"UTF-8\"", 200)]
    [InlineData("us-ascii", 200)]
    public async Task Forms_are_read_in_utf_8_only(string charset, int status)
    {
        await using var host = await GatewayHost.StartAsync(Subscriber());

        using var reply = await host.Client.SendAsync(Form("/", "a=%FF%C3%BC", $"{UrlEncoded}; charset={charset}"), Stop);

        Assert.Equal((HttpStatusCode)status, reply.StatusCode);
    }

    [TimedTheory]
    [InlineData("a=%FF%C3%BC&%zz=%&=x&?b=c&__proto__=d", """{"a":"%FFü","%zz":"%","":"x","?b":"c","__proto__":"d","ip":"127.0.0.1"}""")]
    [InlineData("", """{"ip":"127.0.0.1"}""")]
    [InlineData("&&a&b=&a=%00", """{"a":["","\u0000"],"b":"","ip":"127.0.0.1"}""")]
    public async Task Odd_fields_are_told_as_they_are(string body, string data)
    {
        await using var host = await GatewayHost.StartAsync(Subscriber());

        using var reply = await host.Client.SendAsync(Form("/", body, UrlEncoded), Stop);

        Assert.Equal(data, (await PayloadAsync(host)).GetProperty("data").GetRawText());
    }

    [TimedFact]
    public async Task A_form_that_is_too_large_is_refused_whichever_way_it_is()
    {
        await using var host = await GatewayHost.StartAsync(Subscriber());
        var large = new string('x', 1001);
        HttpRequestMessage[] forms =
        [
            Form("/", "a=" + large, UrlEncoded),
            Form("/", "a=" + large, UrlEncoded, chunked: true),
            Form("/", Parts(("name=\"a\"", "", large)), Multipart),
            Form("/", Parts(("name=\"a\"", "", new string('x', 600)), ("name=\"b\"", "", new string('x', 600))), Multipart),
            Form("/", Parts(($"name=\"{large}\"", "", "")), Multipart),
            Form("/", Parts(($"name=\"a\"; filename=\"{large}\"", "", "")), Multipart),
            Form("/", Parts(("name=\"a\"; filename=\"f\"", "", new string('x', 5000))), Multipart),
            Form("/", Parts(("name=\"a\"; filename=\"f\"", "", new string('x', 5000))), Multipart, chunked: true),
        ];
        foreach (var form in forms)
        {
            using var reply = await host.Client.SendAsync(form, Stop);

            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, reply.StatusCode);
            Assert.Contains("\"request_too_large\"", await reply.Content.ReadAsStringAsync(Stop));
            form.Dispose();
        }

        Assert.Null(await ClaimAsync(host, "on-form"));
    }

    [TimedTheory]
    [InlineData(1000, 200)]
    [InlineData(1001, 413)]
    public async Task A_form_may_have_a_thousand_fields(int fields, int status)
    {
        var subscriber = Subscriber();
        await using var host = await GatewayHost.StartAsync(GatewayHost.Function("other"), With(subscriber, FunctionLimits.Default));

        using var reply = await host.Client.SendAsync(Form("/", string.Join('&', Enumerable.Range(0, fields).Select(i => $"f{i}=")), UrlEncoded), Stop);

        Assert.Equal((HttpStatusCode)status, reply.StatusCode);
    }

    [TimedFact]
    public async Task A_part_may_not_have_endless_headers()
    {
        await using var host = await GatewayHost.StartAsync(With(Subscriber(), FunctionLimits.Default));
        foreach (var headers in (string[])[string.Concat(Enumerable.Range(0, 20).Select(i => $"H{i}: x\r\n")), $"H: {new string('x', 20_000)}\r\n"])
        {
            using var reply = await host.Client.SendAsync(Form("/", Parts(("name=\"a\"", headers, "x")), Multipart), Stop);

            Assert.Equal(HttpStatusCode.BadRequest, reply.StatusCode);
        }
    }

    [TimedFact]
    public async Task A_form_that_never_ends_is_given_up_and_one_in_a_circle_is_refused()
    {
        var clock = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var host = await GatewayHost.StartAsync(clock, Subscriber());
        using var client = await host.ConnectAsync();
        await client.SendAsync($"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: {UrlEncoded}\r\nContent-Length: 10\r\n\r\na=");
        var answered = client.ReceiveUntilAsync("in time");
        while (!answered.IsCompleted)
        {
            clock.Advance(TimeSpan.FromSeconds(30));
            await Task.Yield();
        }

        Assert.Contains("did not come to its end in time", await answered);

        using var circle = Form("/", "a=1", UrlEncoded);
        circle.Headers.Add("CDN-Loop", string.Join(", ", Enumerable.Repeat("sandboxhost", 9)));
        using var refused = await host.Client.SendAsync(circle, Stop);
        Assert.Equal(508, (int)refused.StatusCode);
    }

    [TimedFact]
    public async Task A_form_that_cannot_be_stored_is_503_and_never_thanked_for()
    {
        await using var host = await GatewayHost.StartAsync(Subscriber());
        for (var i = 0; i < 3; i++)
        {
            using var waiting = await host.Client.SendAsync(Form("/", "a=1", UrlEncoded), Stop);
            Assert.Equal(HttpStatusCode.OK, waiting.StatusCode);
        }

        using var full = await host.Client.SendAsync(Form("/", "a=1", UrlEncoded), Stop);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(10)), (full.StatusCode, full.Headers.RetryAfter!.Delta));

        await host.BreakStoreAsync();
        using var broken = await host.Client.SendAsync(Form("/", "a=1", UrlEncoded), Stop);
        Assert.Contains("\"store_failed\"", await broken.Content.ReadAsStringAsync(Stop));
    }

    private static RedirectRule Rule(string from, string to, int status) => new()
    {
        From = RulePattern.Parse(from, RuleDialect.Redirects),
        To = RedirectTarget.TryParse(to, out var target) ? target : throw new InvalidOperationException(to),
        Status = status,
    };

    private static FunctionVersion With(FunctionVersion function, FunctionLimits limits) => new()
    {
        Site = function.Site,
        Deploy = function.Deploy,
        Name = function.Name,
        Runtime = function.Runtime,
        ArtifactDirectory = function.ArtifactDirectory,
        Entry = function.Entry,
        Environment = function.Environment,
        Limits = limits,
        Events = function.Events,
    };

    private static HttpRequestMessage Form(string path, string body, string type, bool chunked = false)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        request.Headers.TransferEncodingChunked = chunked;
        return request;
    }

    private static string Parts(params (string Disposition, string Headers, string Body)[] parts) =>
        string.Concat(parts.Select(part => $"--X\r\nContent-Disposition: form-data; {part.Disposition}\r\n{part.Headers}\r\n{part.Body}\r\n")) + "--X--\r\n";

    private static Task<ClaimedRun?> ClaimAsync(GatewayHost host, string function) =>
        host.Runs.ClaimAsync(new FunctionKey("1", function), "test", TimeProvider.System.GetUtcNow() + TimeSpan.FromDays(1), Stop);

    private static async Task<JsonElement> PayloadAsync(GatewayHost host) =>
        JsonDocument.Parse((await ClaimAsync(host, "on-form"))!.Request.Body).RootElement.GetProperty("payload");

    private static string? Text(JsonElement element, string name) => element.GetProperty(name).GetString();
}
