using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>
/// Every limit can be set for the host, for a site and for a function, and its end has a name. (What happens at a limit
/// in detail is in <see cref="LimitTests"/>, which also measures vcpu.)
/// </summary>
[Collection<Alone>]
public sealed class LimitSettingTests(LimitSettingTests.Hosts hosts) : IClassFixture<LimitSettingTests.Hosts>
{
    /// <summary>Small values of every limit, together in one host.</summary>
    private static readonly (string Name, string Value)[] Values =
    [
        ("streaming_time", "1s"), ("streaming_size", "64kb"), ("buffered_time", "4s"), ("buffered_size", "32kb"),
        ("request_size", "2kb"), ("background_time", "1s"), ("background_size", "1kb"), ("scheduled_time", "1500ms"),
        ("memory", "192mb"), ("concurrency", "1"), ("max_workers", "1"), ("queue_length", "1"), ("queue_time", "2s"),
    ];

    public enum Place
    {
        /// <summary><c>--limit NAME=VALUE</c>.</summary>
        Host,

        /// <summary><c>[limits]</c> in sandboxhost.toml.</summary>
        Site,

        /// <summary><c>[functions.NAME.limits]</c> there.</summary>
        Function,
    }

    [Fact(Timeout = 60_000)]
    public Task FC_55_streaming_time_resets_the_stream() => AtEveryPlaceAsync(async host =>
    {
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => host.Client.GetStringAsync("/drip"));
        await host.Host.WaitForLineAsync("[drip] The response was cut (timeout): Task timed out after 1.00 seconds");
    });

    [Fact(Timeout = 60_000)]
    public Task FC_55_streaming_size_resets_the_stream() => AtEveryPlaceAsync(async host =>
    {
        Assert.Equal(64 * 1024, (await host.Client.GetByteArrayAsync($"/streamed?bytes={64 * 1024}")).Length);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => host.Client.GetByteArrayAsync($"/streamed?bytes={(64 * 1024) + 1}"));
        await host.Host.WaitForLineAsync("[streamed] The response was cut (response_too_large)");
    });

    [Fact(Timeout = 60_000)]
    public Task FC_55_buffered_time_is_504() => AtEveryPlaceAsync(async host =>
        await RefusedAsync(await host.Client.GetAsync("/late?ms=60000"), HttpStatusCode.GatewayTimeout, "timeout", "4.00 seconds"));

    [Fact(Timeout = 60_000)]
    public Task FC_55_buffered_size_is_502() => AtEveryPlaceAsync(async host =>
    {
        Assert.Equal(32 * 1024, (await host.Client.GetByteArrayAsync($"/sized?bytes={32 * 1024}")).Length);
        await RefusedAsync(
            await host.Client.GetAsync($"/sized?bytes={(32 * 1024) + 1}"), HttpStatusCode.BadGateway, "response_too_large", "(32768 bytes)");
    });

    [Fact(Timeout = 60_000)]
    public Task FC_55_request_size_is_413_announced_or_not() => AtEveryPlaceAsync(async host =>
    {
        Assert.Equal("2048", await (await host.Client.PostAsync("/reads", new ByteArrayContent(new byte[2048]))).Content.ReadAsStringAsync());
        await RefusedAsync(
            await host.Client.PostAsync("/reads", new ByteArrayContent(new byte[2049])), HttpStatusCode.RequestEntityTooLarge, "request_too_large", "2048 bytes");
        using var chunked = new HttpRequestMessage(HttpMethod.Post, "/reads") { Content = new StreamContent(new MemoryStream(new byte[2049])) };
        chunked.Headers.TransferEncodingChunked = true;
        await RefusedAsync(await host.Client.SendAsync(chunked), HttpStatusCode.RequestEntityTooLarge, "request_too_large", "2048 bytes");
    });

    [Fact(Timeout = 60_000)]
    public Task FC_55_background_time_ends_the_run_and_is_logged() => AtEveryPlaceAsync(async host =>
    {
        Assert.Equal(HttpStatusCode.Accepted, (await host.Client.PostAsync("/work", null)).StatusCode);
        var line = await host.Host.WaitForLineAsync("Background function work failed (timeout)");
        Assert.EndsWith("Task timed out after 1.00 seconds", line);
    });

    [Fact(Timeout = 60_000)]
    public Task FC_55_background_size_is_413() => AtEveryPlaceAsync(async host =>
        await RefusedAsync(
        await host.Client.PostAsync("/work", new ByteArrayContent(new byte[1025])),
        HttpStatusCode.RequestEntityTooLarge,
        "request_too_large",
        "1024 bytes"));

    [Fact(Timeout = 60_000)]
    public Task FC_55_scheduled_time_ends_the_run() => AtEveryPlaceAsync(async host =>
    {
        var (reply, text) = await host.AskAsync("/.netlify/functions/tick");

        Assert.Equal(HttpStatusCode.InternalServerError, reply.StatusCode);
        Assert.Contains("TimeoutError: Task timed out after 1.50 seconds", text);
    });

    [Fact(Timeout = 60_000)]
    public Task FC_55_memory_is_502() => AtEveryPlaceAsync(async host =>
        await RefusedAsync(await host.Client.GetAsync("/hoards"), HttpStatusCode.BadGateway, "out_of_memory", "192 MB"));

    [Fact(Timeout = 60_000)]
    public Task FC_55_concurrency_and_max_workers_keep_a_function_to_one_at_a_time() => AtEveryPlaceAsync(async host =>
    {
        // With one place in the queue, two can't wait for the first start.
        await host.Client.GetStringAsync("/counts");
        var seen = await Task.WhenAll(host.Client.GetFromJsonAsync<JsonElement>("/counts"), host.Client.GetFromJsonAsync<JsonElement>("/counts"));

        Assert.Equal([1, 1], seen.Select(one => one.GetProperty("together").GetInt32()));
        Assert.Single(seen.Select(one => one.GetProperty("worker").GetString()).Distinct());
    });

    [Fact(Timeout = 60_000)]
    public Task FC_55_queue_length_is_503_at_once_and_queue_time_later() => AtEveryPlaceAsync(async host =>
    {
        var running = host.Client.GetAsync("/queued?ms=3500");
        await host.Host.WaitForLineAsync("[queued] began");
        var watch = Stopwatch.StartNew();
        var others = new[] { host.Client.GetAsync("/queued?ms=1"), host.Client.GetAsync("/queued?ms=1") };

        var first = await Task.WhenAny(others);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 1.5);
        await RefusedAsync(await first, HttpStatusCode.ServiceUnavailable, "overloaded", "");
        await RefusedAsync(await others.Single(other => other != first), HttpStatusCode.ServiceUnavailable, "overloaded", "");
        Assert.InRange(watch.Elapsed.TotalSeconds, 1.9, 3.3);
        Assert.Equal(HttpStatusCode.OK, (await running).StatusCode);
    });

    /// <summary>With the three hosts at the same time: most of it is waiting for a limit.</summary>
    private Task AtEveryPlaceAsync(Func<Fixture, Task> check) => Task.WhenAll(Enum.GetValues<Place>().Select(async place =>
    {
        try
        {
            await check(await hosts.GetAsync(place));
        }
        catch (Exception ex)
        {
            throw new InvalidOperationException($"With the limits of the {place}: {ex.Message}", ex);
        }
    }));

    private static async Task RefusedAsync(HttpResponseMessage reply, HttpStatusCode status, string code, string message)
    {
        Assert.Equal(status, reply.StatusCode);
        var error = await reply.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(code, error.GetProperty("code").GetString());
        Assert.Contains(message, error.GetProperty("errorMessage").GetString());
    }

    /// <summary>A host for each place, started when it is first asked for.</summary>
    public sealed class Hosts : IAsyncLifetime
    {
        private readonly ConcurrentDictionary<Place, Task<Fixture>> _hosts = new();

        public Task<Fixture> GetAsync(Place place) => _hosts.GetOrAdd(place, async place =>
        {
            var fixture = new Fixture(place);
            await fixture.InitializeAsync();
            return fixture;
        });

        public ValueTask InitializeAsync() => ValueTask.CompletedTask;

        public async ValueTask DisposeAsync()
        {
            foreach (var host in _hosts.Values)
            {
                await (await host).DisposeAsync();
            }
        }
    }

    public sealed class Fixture(Place place) : SiteFixture
    {
        protected override string[] Arguments =>
            place == Place.Host ? [.. Values.SelectMany(limit => new[] { "--limit", $"{limit.Name}={limit.Value}" })] : [];

        protected override void Fill(TemporarySite site)
        {
            var functions = new Dictionary<string, string>
            {
                ["drip"] = Function("/drip", "return new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array(1)); } }))"),
                ["streamed"] = Function("/streamed", """
                    let left = number('bytes');
                    return new Response(new ReadableStream({
                      pull(c) {
                        if (left === 0) return c.close();
                        const size = Math.min(left, 10_000);
                        left -= size;
                        c.enqueue(new Uint8Array(size));
                      },
                    }))
                    """),
                ["late"] = Function("/late", "await pause(); return new Response('late')"),
                ["sized"] = Function("/sized", "return new Response(new Uint8Array(number('bytes')))"),
                ["reads"] = Function("/reads", "return new Response(String((await req.arrayBuffer()).byteLength))"),
                ["hoards"] = Function("/hoards", "const all = []; for (;;) { all.push(Buffer.alloc(1 << 20, 1)); await new Promise(setImmediate); }"),
                ["queued"] = Function("/queued", "console.log('began'); await pause(); return new Response('done')"),
                ["counts"] = "let running = 0;\nconst worker = crypto.randomUUID();\n" + Function(
                    "/counts", "const together = ++running; await new Promise((r) => setTimeout(r, 200)); running--; return Response.json({ together, worker })"),
                ["work"] = "export default async () => { await new Promise((r) => setTimeout(r, 60_000)); };\nexport const config = { path: '/work', background: true };",
                ["tick"] = "export default async () => { await new Promise((r) => setTimeout(r, 60_000)); };\nexport const config = { schedule: '@daily' };",
            };
            foreach (var (name, source) in functions)
            {
                site.Write($"{name}.mjs", source);
            }

            var settings = string.Concat(Values.Select(limit => $"{limit.Name} = {(int.TryParse(limit.Value, out _) ? limit.Value : $"\"{limit.Value}\"")}\n"));
            if (place == Place.Site)
            {
                site.WriteFile("sandboxhost.toml", "[limits]\n" + settings);
            }
            else if (place == Place.Function)
            {
                site.WriteFile("sandboxhost.toml", string.Concat(functions.Keys.Select(name => $"[functions.{name}.limits]\n{settings}\n")));
            }
        }

        private static string Function(string path, string body) => $$"""
            export default async (req) => {
              const number = (name) => Number(new URL(req.url).searchParams.get(name));
              const pause = () => new Promise((resolve) => setTimeout(resolve, number('ms')));
              {{body}};
            };
            export const config = { path: '{{path}}' };
            """;
    }
}
