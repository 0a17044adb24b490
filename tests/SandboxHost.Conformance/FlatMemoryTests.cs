using System.Diagnostics;

namespace SandboxHost.Conformance;

/// <summary>A body that moves slowly is held back at its source, and not in the host's memory.</summary>
[Collection<Alone>]
public sealed class FlatMemoryTests(HostFixture fixture)
{
    private const long Megabyte = 1 << 20;

    [Fact(Timeout = 120_000)]
    public async Task A_slow_reader_of_an_endless_response_leaves_the_hosts_memory_flat()
    {
        var before = fixture.Host.ResidentBytes();
        using var client = await RawClient.ConnectAsync(fixture.Host.Port, receiveBuffer: 4096);
        await client.SendAsync("GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
        await client.ReadUntilAsync("\r\n\r\n");

        // The function makes more than 100 MB a second as long as it is asked, and the reader takes 20 KB: what is held of that grows in
        // every stretch. A host of a minute grows too (some 11 MB), by what it does for the first time and until the first collections
        // of its heap, but not in every stretch.
        var highest = before;
        var growth = long.MaxValue;
        for (var stretch = 0; stretch < 8 && growth > Megabyte; stretch++)
        {
            var next = Math.Max(highest, await HighestWhileReadingAsync(client, TimeSpan.FromSeconds(8)));
            growth = next - highest;
            highest = next;
            Assert.InRange(highest - before, 0, 32 * Megabyte);
        }

        Assert.InRange(growth, 0, Megabyte);
    }

    [Fact(Timeout = 180_000)]
    public async Task An_upload_of_a_gigabyte_to_a_slow_function_leaves_the_hosts_memory_flat()
    {
        using var client = await RawClient.ConnectAsync(fixture.Host.Port);
        const long size = 1L << 30;
        await client.SendAsync($"POST /read-slowly?pause=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n");
        var block = new byte[64 * 1024];
        long sent = 0;
        var firstHalf = 0L;
        var secondHalf = 0L;
        while (sent < size)
        {
            await client.SendAsync(block);
            sent += block.Length;
            if (sent % (16 * Megabyte) == 0)
            {
                var now = fixture.Host.ResidentBytes();
                firstHalf = sent <= size / 2 ? Math.Max(firstHalf, now) : firstHalf;
                secondHalf = sent > size / 2 ? Math.Max(secondHalf, now) : secondHalf;
            }
        }

        Assert.Contains($"{{\"bytes\":{size}}}", await client.ReadUntilAsync("}"));
        // By its half the garbage collector has found its size; half a gigabyte more changes nothing.
        Assert.InRange(secondHalf - firstHalf, long.MinValue, Megabyte);
    }

    private async Task<long> HighestWhileReadingAsync(RawClient client, TimeSpan time)
    {
        var watch = Stopwatch.StartNew();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        var highest = 0L;
        while (watch.Elapsed < time)
        {
            Assert.True(await client.SkipAsync(2048) > 0);
            await timer.WaitForNextTickAsync();
            highest = Math.Max(highest, fixture.Host.ResidentBytes());
        }

        return highest;
    }
}
