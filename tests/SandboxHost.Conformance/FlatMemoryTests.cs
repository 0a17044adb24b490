using System.Diagnostics;

namespace SandboxHost.Conformance;

/// <summary>A body that moves slowly is held back at its source, and not in the host's memory.</summary>
[Collection<Alone>]
public sealed class FlatMemoryTests(HostFixture fixture)
{
    private const long Megabyte = 1 << 20;

    [Fact(Timeout = 90_000)]
    public async Task A_slow_reader_of_an_endless_response_leaves_the_hosts_memory_flat()
    {
        using var client = await RawClient.ConnectAsync(fixture.Host.Port, receiveBuffer: 4096);
        await client.SendAsync("GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
        await client.ReadUntilAsync("\r\n\r\n");
        // What the host does for the first time in its first seconds (freeze, sweep, twice its lease) is compiled once and stays. So is
        // what it does when the kernel has sent half of its 128 KiB (TCP_NOTSENT_LOWAT), which this reader has it do in both parts.
        var settle = TimeSpan.FromSeconds(Math.Max(26 - fixture.Age.TotalSeconds, 6));
        var samples = await SampleAsync(settle, TimeSpan.FromSeconds(12), () => client.SkipAsync(2048), TimeSpan.FromMilliseconds(100));

        Assert.InRange(samples.Growth, long.MinValue, Megabyte);
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

    // Does something again and again, and compares the host's memory at the end with that after the first part.
    private async Task<(long Before, long Growth)> SampleAsync(TimeSpan settle, TimeSpan measure, Func<Task<int>> step, TimeSpan pace)
    {
        var watch = Stopwatch.StartNew();
        using var timer = new PeriodicTimer(pace);
        long before = 0;
        long highest = 0;
        while (watch.Elapsed < settle + measure)
        {
            Assert.True(await step() > 0);
            await timer.WaitForNextTickAsync();
            var now = fixture.Host.ResidentBytes();
            if (watch.Elapsed < settle)
            {
                before = Math.Max(before, now);
            }
            else
            {
                highest = Math.Max(highest, now);
            }
        }

        return (before, highest - before);
    }
}
