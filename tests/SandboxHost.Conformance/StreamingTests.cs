using System.Diagnostics;

namespace SandboxHost.Conformance;

/// <summary>Bodies that take long or never end: at once, in order, and at the price of a window.</summary>
[Collection<Alone>]
public sealed class StreamingTests(HostFixture fixture)
{
    [Fact(Timeout = 60_000)]
    public async Task The_streaming_example_sends_its_first_chunk_at_once_and_then_one_a_second()
    {
        await using var host = await HostProcess.StartAsync(Repository.Example("streaming"));
        using var client = new HttpClient { BaseAddress = host.Address };

        // A cold start is something else; this is about the stream.
        using (var warm = await client.GetAsync("/list", HttpCompletionOption.ResponseHeadersRead))
        {
            await warm.Content.ReadAsStreamAsync();
        }

        var watch = Stopwatch.StartNew();
        using var reply = await client.GetAsync("/list", HttpCompletionOption.ResponseHeadersRead);
        await using var stream = await reply.Content.ReadAsStreamAsync();
        var arrivals = new List<double>();
        var buffer = new byte[4096];
        while (await stream.ReadAsync(buffer) > 0)
        {
            arrivals.Add(watch.Elapsed.TotalSeconds);
        }

        Assert.InRange(arrivals[0], 0, 0.2);
        Assert.InRange(arrivals.Count, 7, 9);
        for (var i = 1; i <= 6; i++)
        {
            Assert.InRange(arrivals[i] - arrivals[i - 1], 0.75, 1.25);
        }
    }

    [Fact(Timeout = 30_000)]
    public async Task A_function_that_breaks_off_resets_the_clients_stream()
    {
        using var client = await RawClient.ConnectAsync(fixture.Host.Port);
        await client.SendAsync("GET /break-off HTTP/1.1\r\nHost: localhost\r\n\r\n");
        var reply = await client.ReadToEndAsync();

        Assert.Contains("HTTP/1.1 200", reply);
        Assert.DoesNotContain("\r\n0\r\n\r\n", reply);
        await fixture.Host.WaitForLineAsync("broke off");
    }
}
