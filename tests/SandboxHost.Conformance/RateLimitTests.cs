using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary><c>config.rateLimit</c>, as its author and its clients see it.</summary>
[Collection<Alone>]
public sealed class RateLimitTests(RateLimitTests.Fixture fixture) : IClassFixture<RateLimitTests.Fixture>
{
    [Fact(Timeout = 30_000)]
    public async Task FC_52_above_the_window_limit_the_answer_is_429_until_the_time_that_it_names()
    {
        var watch = Stopwatch.StartNew();
        Assert.Equal("within", await fixture.Client.GetStringAsync("/two-in-three"));
        Assert.Equal("within", await fixture.Client.GetStringAsync("/two-in-three"));

        var refused = await fixture.Client.GetAsync("/two-in-three");
        var wait = refused.Headers.RetryAfter!.Delta!.Value;
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.InRange(wait, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3));
        Assert.Equal("rate_limited", (await refused.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString());

        await Eventually.TrueAsync(
            async () => (await fixture.Client.GetAsync("/two-in-three")).IsSuccessStatusCode, wait + TimeSpan.FromSeconds(2), "the window moved on");
        Assert.True(watch.Elapsed > TimeSpan.FromSeconds(2.9), $"It passed after {watch.Elapsed.TotalSeconds:0.00} s.");
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_52_in_no_window_do_more_than_the_limit_pass_however_many_ask()
    {
        const int limit = 50;
        var window = TimeSpan.FromSeconds(1);
        var passes = new ConcurrentBag<(TimeSpan Began, TimeSpan Ended)>();
        var watch = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            while (watch.Elapsed < window * 3)
            {
                var began = watch.Elapsed;
                using var reply = await fixture.Client.GetAsync("/fifty-in-one");
                if (reply.IsSuccessStatusCode)
                {
                    passes.Add((began, watch.Elapsed));
                }
            }
        }));

        var ordered = passes.OrderBy(pass => pass.Ended).ToList();
        Assert.InRange(ordered.Count, 2 * limit, 4 * limit);
        for (var i = 0; i + limit < ordered.Count; i++)
        {
            var together = ordered.GetRange(i, limit + 1);
            Assert.True(together.Max(pass => pass.Ended) - together.Min(pass => pass.Began) >= window, $"{limit + 1} passed within a window, from {together[0].Began} on");
        }
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_52_by_ip_each_client_has_its_own_limit()
    {
        using var other = fixture.NewClient(From("127.0.0.2"));

        Assert.Equal(HttpStatusCode.OK, (await fixture.Client.GetAsync("/one-each")).StatusCode);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await fixture.Client.GetAsync("/one-each")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await other.GetAsync("/one-each")).StatusCode);
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_52_by_domain_which_is_the_default_all_clients_share_it()
    {
        using var other = fixture.NewClient(From("127.0.0.2"));

        Assert.Equal(HttpStatusCode.OK, (await fixture.Client.GetAsync("/one-for-all")).StatusCode);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await other.GetAsync("/one-for-all")).StatusCode);
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_52_with_rewrite_another_function_answers_for_the_url_that_was_asked()
    {
        Assert.Equal("within", await fixture.Client.GetStringAsync("/then-busy?q=1"));

        Assert.Equal($"busy for {fixture.Host.Address}then-busy?q=2", await fixture.Client.GetStringAsync("/then-busy?q=2"));
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_52_with_rewrite_to_itself_it_is_429_and_no_loop()
    {
        Assert.Equal(HttpStatusCode.OK, (await fixture.Client.GetAsync("/itself")).StatusCode);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await fixture.Client.GetAsync("/itself")).StatusCode);
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_52_an_edit_that_leaves_the_rule_as_it_was_leaves_the_count()
    {
        Assert.Equal("one", await fixture.Client.GetStringAsync("/edited"));
        fixture.Site.Write("edited.mjs", Fixture.Edited("two", 1));
        await fixture.Host.WaitForLineAsync("Reloaded function edited");
        Assert.Equal(HttpStatusCode.TooManyRequests, (await fixture.Client.GetAsync("/edited")).StatusCode);

        fixture.Site.Write("edited.mjs", Fixture.Edited("three", 2));
        await Eventually.TrueAsync(async () => (await fixture.Client.GetAsync("/edited")).IsSuccessStatusCode, TimeSpan.FromSeconds(10), "the new rule held");
    }

    private static SocketsHttpHandler From(string address) => new()
    {
        ConnectCallback = async (context, cancellationToken) =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Parse(address), 0));
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, context.DnsEndPoint.Port), cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        },
    };

    public sealed class Fixture : SiteFixture
    {
        public static string Edited(string text, int limit) => Source(text, "/edited", $"windowLimit: {limit}, windowSize: 60");

        protected override void Fill(TemporarySite site)
        {
            site.Write("two-in-three.mjs", Source("within", "/two-in-three", "windowLimit: 2, windowSize: 3"));
            site.Write("fifty-in-one.mjs", Source("within", "/fifty-in-one", "windowLimit: 50, windowSize: 1"));
            site.Write("one-each.mjs", Source("within", "/one-each", "windowLimit: 1, windowSize: 60, aggregateBy: ['ip', 'domain']"));
            site.Write("one-for-all.mjs", Source("within", "/one-for-all", "windowLimit: 1, windowSize: 60"));
            site.Write("then-busy.mjs", Source("within", "/then-busy", "action: 'rewrite', to: '/busy', windowLimit: 1, windowSize: 60"));
            site.Write("itself.mjs", Source("within", "/itself", "action: 'rewrite', to: '/itself', windowLimit: 1, windowSize: 60"));
            site.Write("busy.mjs", "export default async (req) => new Response(`busy for ${req.url}`);\nexport const config = { path: '/busy' };");
            site.Write("edited.mjs", Edited("one", 1));
        }

        private static string Source(string text, string path, string rule) =>
            $"export default async () => new Response('{text}');\nexport const config = {{ path: '{path}', rateLimit: {{ {rule} }} }};\n";
    }
}
