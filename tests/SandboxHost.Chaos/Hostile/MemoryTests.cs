using System.Net;

namespace SandboxHost.Chaos.Hostile;

/// <summary>Functions that take memory and room on disk. Numbers are those of docs/threat-model.md.</summary>
[Collection(nameof(HostileCases))]
public sealed class MemoryTests(HostileHost hostile)
{
    private const long Megabyte = 1 << 20;

    /// <summary>What the host's own memory may move by while a worker's goes through hundreds of megabytes.</summary>
    private const long HostMargin = 48 * Megabyte;

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_2_memory_outside_the_heap_ends_as_out_of_memory_with_limit_and_peak() => hostile.RunAsync("memory", async attack =>
    {
        await attack.AnswerEnoughAsync();
        var before = attack.Host.ResidentBytes();
        var message = await attack.MustFailAsync("buffers", HttpStatusCode.BadGateway, "out_of_memory");

        Assert.Contains("limit of 512 MB (peak 51", message);
        Assert.InRange(attack.Host.ResidentBytes() - before, long.MinValue, HostMargin);
    });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_3_the_javascript_heap_ends_as_out_of_memory_with_a_summary_in_the_log() => hostile.RunAsync("memory", async attack =>
    {
        await attack.AnswerEnoughAsync();
        var message = await attack.MustFailAsync("", HttpStatusCode.BadGateway, "out_of_memory");

        Assert.Contains("JavaScript heap", message);
        Assert.Contains("512 MB", message);
        await attack.WaitForLineAsync("Mark-Compact");
    });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_2_memory_in_sockets_that_nobody_reads_is_bounded_like_any_other() => hostile.RunAsync("sockets", async attack =>
    {
        var before = SocketMemory.Bytes();
        Assert.Equal(400, (await attack.AskForJsonAsync()).GetProperty("connected").GetInt32());

        // All that a worker may have; without a bound it is over a gigabyte.
        Assert.InRange(SocketMemory.Bytes() - before, 1 * Megabyte, 256 * Megabyte);
    }, repeats: false);

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_4_a_leak_retires_its_worker_between_calls_and_no_call_fails() => hostile.RunAsync("leak", async attack =>
    {
        var workers = new HashSet<string>();
        // Three times the limit.
        for (var i = 0; i < 48; i++)
        {
            workers.Add(await attack.AskForTextAsync());
        }

        Assert.InRange(workers.Count, 3, 10);
        await attack.WaitForLineAsync("is replaced: it uses");
    });

    [Theory(Timeout = HostileHost.CaseMilliseconds)]
    [InlineData("/tmp", "", 60, 64)]
    [InlineData("/dev/shm", "", 12, 16)]
    [InlineData("/tmp", "&tiny", 3_000, 16_384)]
    [InlineData("/dev/shm", "&tiny", 500, 4_096)]
    public Task Case_6_a_full_disk_is_the_functions_own(string directory, string kind, int least, int most) => hostile.RunAsync("disk-fill", async attack =>
    {
        var seen = await attack.AskForJsonAsync($"in={directory}{kind}");

        Assert.Equal("ENOSPC", seen.GetProperty("code").GetString());
        Assert.InRange(seen.GetProperty("written").GetInt32(), least, most);
    });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_7_an_absurd_file_is_refused_and_its_call_fails_alone() => hostile.RunAsync("sparse-file", async attack =>
        Assert.Contains("EFBIG", await attack.MustFailAsync("", HttpStatusCode.InternalServerError, "function_error")));
}
