using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>The shapes of function that Netlify's documentation shows, unchanged: examples/netlify-docs.</summary>
[Collection<Alone>]
public sealed class NetlifyDocsTests(NetlifyDocsTests.Site site) : IClassFixture<NetlifyDocsTests.Site>
{
    private HttpClient Client => site.Client;

    [Fact(Timeout = 60_000)]
    public async Task FC_69_hello_world() => Assert.Equal("Hello, world!", await Client.GetStringAsync("/.netlify/functions/hello-world"));

    [Fact(Timeout = 60_000)]
    public async Task FC_69_parameters_in_a_path() =>
        Assert.Equal("""{"kind":"cats","name":"felix","path":"/pets/cats/felix"}""", await Client.GetStringAsync("/pets/cats/felix"));

    [Fact(Timeout = 60_000)]
    public async Task FC_69_a_method_at_a_time()
    {
        Assert.Equal("""[{"id":1,"text":"Buy milk"}]""", await Client.GetStringAsync("/notes"));
        var posted = await Client.PostAsJsonAsync("/notes", new { text = "Sell milk" });
        Assert.Equal((HttpStatusCode.Created, """{"text":"Sell milk"}"""), (posted.StatusCode, await posted.Content.ReadAsStringAsync()));
        Assert.Equal(HttpStatusCode.NoContent, (await Client.DeleteAsync("/notes")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await Client.PutAsync("/notes", new StringContent("x"))).StatusCode);
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_69_streamed_text()
    {
        using var reply = await Client.GetAsync("/countdown", HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await reply.Content.ReadAsStreamAsync());

        Assert.Equal("text/plain", reply.Content.Headers.ContentType?.ToString());
        Assert.Null(reply.Content.Headers.ContentLength);
        Assert.Equal("3\n2\n1\nGo!\n", await reader.ReadToEndAsync());
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_69_work_after_the_reply()
    {
        using var reply = await Client.GetAsync("/audited");
        var id = await reply.Content.ReadAsStringAsync();

        Assert.Equal(reply.Headers.GetValues("x-nf-request-id").Single(), id);
        await site.Host.WaitForLineAsync($"[audited] audit record of {id} written");
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_69_a_background_function_by_its_name()
    {
        var reply = await Client.PostAsJsonAsync("/.netlify/functions/digest-background", new { recipients = new[] { "ada@example.com", "bob@example.com" } });

        Assert.Equal((HttpStatusCode.Accepted, ""), (reply.StatusCode, await reply.Content.ReadAsStringAsync()));
        await site.Host.WaitForLineAsync("[digest-background] digest sent to bob@example.com");
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_69_a_scheduled_function()
    {
        await Client.GetAsync("/.netlify/functions/nightly");

        await site.Host.WaitForLineAsync("[nightly] Received event! Next invocation at: 20");
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_69_cookies()
    {
        Assert.Equal("Visit 1", await Client.GetStringAsync("/visits"));
        using var again = new HttpRequestMessage(HttpMethod.Get, "/visits") { Headers = { { "Cookie", "a=b; visits=41" } } };
        using var reply = await Client.SendAsync(again);
        Assert.Equal("Visit 42", await reply.Content.ReadAsStringAsync());
        var cookie = Assert.Single(reply.Headers.GetValues("Set-Cookie"));
        Assert.StartsWith("visits=42", cookie);
        Assert.Contains("HttpOnly", cookie);
        Assert.Contains("SameSite=Lax", cookie);
        using var forgotten = await Client.GetAsync("/visits?forget");
        Assert.Matches("^visits=;.*(Expires=Thu, 01 Jan 1970|Max-Age=0)", Assert.Single(forgotten.Headers.GetValues("Set-Cookie")));
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_69_where_the_client_is()
    {
        var where = await Client.GetFromJsonAsync<JsonElement>("/where");

        Assert.Equal("Mock City", where.GetProperty("city").GetString());
        Assert.Equal("DE", where.GetProperty("country").GetProperty("code").GetString());
        Assert.Equal("Mock Subdivision", where.GetProperty("subdivision").GetProperty("name").GetString());
        Assert.Equal("UTC", where.GetProperty("timezone").GetString());
        Assert.Equal("127.0.0.1", where.GetProperty("ip").GetString());
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_69_a_rate_limit()
    {
        Assert.Equal("One of two.", await Client.GetStringAsync("/limited"));
        Assert.Equal("One of two.", await Client.GetStringAsync("/limited"));
        var third = await Client.GetAsync("/limited");

        Assert.Equal(HttpStatusCode.TooManyRequests, third.StatusCode);
        Assert.NotNull(third.Headers.RetryAfter);
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_69_the_older_form_of_AWS_Lambda() =>
        Assert.Equal("""{"message":"Hello, Ada","method":"GET"}""", await Client.GetStringAsync("/.netlify/functions/older?name=Ada"));

    [Fact(Timeout = 60_000)]
    public async Task FC_69_types_for_context_and_config() =>
        Assert.Equal("""{"city":"Lisbon","site":"netlify-docs"}""", await Client.GetStringAsync("/travel-guide/Lisbon"));

    /// <summary>The example as it lies in the repository, for a client in Germany.</summary>
    public sealed class Site : IAsyncLifetime
    {
        public HostProcess Host { get; private set; } = null!;

        public HttpClient Client { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Host = await HostProcess.StartAsync(Repository.Example("netlify-docs"), "--country", "DE");
            Client = new HttpClient(new SocketsHttpHandler { UseCookies = false }) { BaseAddress = Host.Address };
        }

        public async ValueTask DisposeAsync()
        {
            Client.Dispose();
            await Host.DisposeAsync();
        }
    }
}
