using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>A function asks its own site, by the addresses that it is told.</summary>
public sealed class OwnSiteTests(OwnSiteTests.Fixture fixture) : IClassFixture<OwnSiteTests.Fixture>
{
    [Theory(Timeout = 30_000)]
    [InlineData("environment")]
    [InlineData("request")]
    [InlineData("context")]
    [InlineData("rewrite")]
    [InlineData("http")]
    [InlineData("http2")]
    public async Task Its_address_leads_to_its_site(string by)
    {
        var port = by == "http2" ? fixture.Http2Port : fixture.Host.Port;

        Assert.Equal($"main saw http://localhost:{port}/whoami?by={by} from 127.0.0.1", await AskAsync($"localhost:{fixture.Host.Port}", by));
    }

    [Theory(Timeout = 30_000)]
    [InlineData("environment")]
    [InlineData("request")]
    [InlineData("context")]
    [InlineData("rewrite")]
    [InlineData("http")]
    public async Task A_named_sites_address_leads_to_that_site(string by)
    {
        var host = $"second.localhost:{fixture.Host.Port}";

        Assert.Equal($"second saw http://{host}/whoami?by={by} from 127.0.0.1", await AskAsync(host, by));
    }

    [Fact(Timeout = 30_000)]
    public async Task Another_site_of_the_host_answers_at_its_own_name_as_it_does_to_everybody() =>
        Assert.Equal(
            $"second saw http://second.localhost:{fixture.Host.Port}/whoami from 127.0.0.1",
            await fixture.Client.GetStringAsync($"/fetch?url=http://second.localhost:{fixture.Host.Port}/whoami"));

    [Fact(Timeout = 30_000)]
    public async Task Its_ports_are_open_and_no_other_is()
    {
        // A server of the host's machine that is no site: what is not reached is something that is there.
        using var beside = new LoopbackServer("beside");
        var ports = new[] { fixture.Host.Port, fixture.Http2Port }.SelectMany(port => new[] { port, port - 1, port + 1 }).Append(beside.Port).Distinct().ToList();

        foreach (var address in (string[])["127.0.0.1", "::1"])
        {
            var seen = await fixture.Client.GetFromJsonAsync<Dictionary<string, string>>($"/connect?address={address}&ports={string.Join(',', ports)}");
            Assert.Equal(
                ports.ToDictionary(port => port.ToString(), port => port == fixture.Host.Port || port == fixture.Http2Port ? "connected" : "ECONNREFUSED"),
                seen!);
        }

        Assert.Equal(0, beside.Connections);
    }

    [Fact(Timeout = 30_000)]
    public async Task What_it_gets_streams_through_it()
    {
        var watch = Stopwatch.StartNew();
        using var reply = await fixture.Client.GetAsync("/fetch?url=/slow", HttpCompletionOption.ResponseHeadersRead);
        using var body = new StreamReader(await reply.Content.ReadAsStreamAsync());

        // The second line is sent when the test has seen the first.
        Assert.Equal("one", await body.ReadLineAsync());
        Assert.Equal("sent", await fixture.Client.GetStringAsync("/go"));
        Assert.Equal("two", await body.ReadLineAsync());
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(9), "The first line waited for the last.");
    }

    [Fact(Timeout = 30_000)]
    public async Task What_it_sends_arrives_whole()
    {
        var sent = new byte[3 << 20];
        new Random(1).NextBytes(sent);

        var reply = await fixture.Client.PostAsync("/fetch?url=/echo", new ByteArrayContent(sent));

        Assert.Equal(sent, await reply.Content.ReadAsByteArrayAsync());
    }

    [Fact(Timeout = 60_000)]
    public async Task Asking_for_itself_without_end_ends_with_508_and_the_worker_serves_on()
    {
        var reply = await fixture.Client.GetAsync("/itself");

        Assert.Equal((HttpStatusCode)508, reply.StatusCode);
        Assert.Equal("loop_detected", (await reply.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString());
        Assert.Equal("9", Assert.Single(reply.Headers.GetValues("x-rounds")));
        Assert.Equal("within", await fixture.Client.GetStringAsync("/itself?stop"));
    }

    [Fact(Timeout = 60_000)]
    public async Task Waiting_for_its_own_only_slot_ends_when_the_queue_time_is_over()
    {
        var watch = Stopwatch.StartNew();
        var reply = await fixture.Client.GetAsync("/lonely");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, reply.StatusCode);
        Assert.Equal("overloaded", (await reply.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString());
        Assert.InRange(watch.Elapsed, TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(8));
        Assert.Equal("within", await fixture.Client.GetStringAsync("/lonely?stop"));
    }

    [Fact(Timeout = 60_000)]
    public async Task Background_runs_that_ask_for_themselves_without_end_end_too()
    {
        Assert.Equal(HttpStatusCode.Accepted, (await fixture.Client.GetAsync("/chain")).StatusCode);

        await fixture.Host.WaitForLineAsync("the chain ended with 508");
        Assert.Equal(9, fixture.Host.Output.Count(line => line.Contains("a link of the chain", StringComparison.Ordinal)));
    }

    [Fact(Timeout = 60_000)]
    public async Task After_a_sleep_it_still_leads_there()
    {
        using var site = new TemporarySite(("twice.mjs", """
            export default async (req) => new Response(req.url.endsWith('?inner') ? 'inner' : await (await fetch(`${req.url}?inner`)).text());
            """));
        await using var host = await HostProcess.StartAsync(site.Directory, "--placeholders", "0", "--freeze-after", "0.1");
        using var client = new HttpClient { BaseAddress = host.Address };
        Assert.Equal("inner", await client.GetStringAsync("/.netlify/functions/twice"));
        await Eventually.TrueAsync(() => Leftovers.IsAnyFrozen(host.Instance), TimeSpan.FromSeconds(10), "its worker sleeps");

        Assert.Equal("inner", await client.GetStringAsync("/.netlify/functions/twice"));
    }

    [Fact(Timeout = 60_000)]
    public async Task Without_isolation_it_is_the_same()
    {
        await using var host = await HostProcess.StartAsync(fixture.Site.Directory, "--isolation", "none");
        using var client = new HttpClient { BaseAddress = host.Address };

        Assert.Equal($"main saw http://localhost:{host.Port}/whoami?by=environment from 127.0.0.1", await client.GetStringAsync("/ask?by=environment"));
        Assert.Equal((HttpStatusCode)508, (await client.GetAsync("/itself")).StatusCode);
    }

    private async Task<string> AskAsync(string host, string by)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/ask?by={by}");
        request.Headers.Host = host;
        request.Headers.Add("x-http2-port", $"{fixture.Http2Port}");
        return await (await fixture.Client.SendAsync(request)).Content.ReadAsStringAsync();
    }

    public sealed class Fixture : SiteFixture, IAsyncLifetime
    {
        private readonly TemporarySite _second = new(("whoami.mjs", Whoami("second")), ("ask.mjs", Ask));

        /// <summary>Picked by the host: the ports of sandboxes have to be known before anything listens.</summary>
        public int Http2Port => Host.Output.Select(line => line.Split("also at http://127.0.0.1:")).Where(parts => parts.Length == 2).Select(parts => int.Parse(parts[1])).Single();

        protected override string[] Arguments => ["--site", $"second={_second.Directory}", "--http2-port", "0"];

        async ValueTask IAsyncDisposable.DisposeAsync()
        {
            await DisposeAsync();
            _second.Dispose();
        }

        protected override void Fill(TemporarySite site)
        {
            site.Write("whoami.mjs", Whoami("main"));
            site.Write("ask.mjs", Ask);
            site.Write("fetch.mjs", """
                export default (req) => {
                  const url = new URL(new URL(req.url).searchParams.get('url'), process.env.URL);
                  return fetch(url, { method: req.method, body: req.body, duplex: 'half' });
                };
                export const config = { path: '/fetch' };
                """);
            site.Write("echo.mjs", "export default (req) => new Response(req.body);\nexport const config = { path: '/echo' };");
            site.Write("slow.mjs", """
                let go;
                const gone = new Promise(done => { go = done; });
                export default (req) => {
                  if (new URL(req.url).pathname === '/go') { go(); return new Response('sent'); }
                  const lines = async function* () { yield 'one\n'; await gone; yield 'two\n'; };
                  return new Response(ReadableStream.from(lines()).pipeThrough(new TextEncoderStream()));
                };
                export const config = { path: ['/slow', '/go'] };
                """);
            site.Write("connect.mjs", """
                import { connect } from 'node:net';
                const attempt = (port, host) => new Promise(done => {
                  const socket = connect({ port, host }, () => { socket.destroy(); done('connected'); }).on('error', error => done(error.code));
                });
                export default async (req) => {
                  const { address, ports } = Object.fromEntries(new URL(req.url).searchParams);
                  const seen = await Promise.all(ports.split(',').map(async port => [port, await attempt(Number(port), address)]));
                  return Response.json(Object.fromEntries(seen));
                };
                export const config = { path: '/connect' };
                """);
            site.Write("itself.mjs", AsksItself("/itself"));
            site.Write("lonely.mjs", AsksItself("/lonely"));
            site.WriteFile("sandboxhost.toml", "[functions.lonely.limits]\nmax_workers = 1\nconcurrency = 1\nqueue_time = \"1s\"\n");
            site.Write("chain.mjs", """
                export default async (req) => {
                  console.log('a link of the chain');
                  const { status } = await fetch(req.url);
                  if (status !== 202) console.log(`the chain ended with ${status}`);
                };
                export const config = { path: '/chain', background: true };
                """);
        }

        private static string Whoami(string site) => $$"""
            export default (req, context) => new Response(`{{site}} saw ${req.url} from ${context.ip}`);
            export const config = { path: '/whoami' };
            """;

        private static string AsksItself(string path) => $$"""
            export default async (req) => {
              if (req.url.endsWith('?stop')) return new Response('within');
              const { status, body, headers } = await fetch(`${process.env.URL}{{path}}`);
              return new Response(body, { status, headers: { 'content-type': headers.get('content-type'), 'x-rounds': Number(headers.get('x-rounds')) + 1 } });
            };
            export const config = { path: '{{path}}' };
            """;

        private const string Ask = """
            import http from 'node:http';
            import http2 from 'node:http2';
            const all = async (stream) => { let text = ''; for await (const part of stream.setEncoding('utf8')) text += part; return text; };
            const ways = {
              environment: async (path) => (await fetch(process.env.URL + path)).text(),
              request: async (path, req) => (await fetch(new URL(path, req.url))).text(),
              context: async (path, req, context) => (await fetch(context.url.origin + path)).text(),
              rewrite: async (path, req, context) => (await context.rewrite(path.split('?')[0])).text(),
              http: (path) => new Promise((done, failed) => http.get(process.env.URL + path, (reply) => done(all(reply))).on('error', failed)),
              http2: (path, req) => new Promise((done, failed) => {
                const session = http2.connect(`http://localhost:${req.headers.get('x-http2-port')}`).on('error', failed);
                done(all(session.request({ ':path': path })).finally(() => session.close()));
              }),
            };
            export default async (req, context) => {
              const by = new URL(req.url).searchParams.get('by');
              return new Response(await ways[by](`/whoami?by=${by}`, req, context));
            };
            export const config = { path: '/ask' };
            """;
    }
}
