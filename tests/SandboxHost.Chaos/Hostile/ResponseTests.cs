using System.Net;

namespace SandboxHost.Chaos.Hostile;

/// <summary>Heads and bodies of responses that are not as they should be. Numbers are those of docs/threat-model.md.</summary>
[Collection(nameof(HostileCases))]
public sealed class ResponseTests(HostileHost hostile)
{
    private const long Megabyte = 1 << 20;

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_33_a_head_that_is_none_is_refused_whole() => hostile.RunAsync("framing", async attack =>
    {
        foreach (var how in new[] { "long", "many", "status" })
        {
            using var reply = await attack.AskAsync($"how={how}");

            Assert.Contains(reply.StatusCode, new[] { HttpStatusCode.BadGateway, HttpStatusCode.InternalServerError });
            Assert.DoesNotContain(reply.Headers, header => header.Key.StartsWith("x-long", StringComparison.Ordinal) || header.Key.StartsWith("x-1", StringComparison.Ordinal));
        }
    });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_33_line_breaks_in_headers_never_reach_a_client() => hostile.RunAsync("injection", async attack =>
    {
        using var client = await RawClient.ConnectAsync(attack.Host.Port);
        await client.SendAsync($"GET {attack.Path()} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        var reply = await client.ReadToEndAsync();

        Assert.StartsWith("HTTP/1.1 50", reply);
        var head = reply[..reply.IndexOf("\r\n\r\n", StringComparison.Ordinal)];
        Assert.DoesNotContain("stolen", head);
        Assert.DoesNotContain("x-injected", head);
    });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_34_headers_of_the_connection_do_not_leave_the_host() => hostile.RunAsync("framing", async attack =>
    {
        using var client = await RawClient.ConnectAsync(attack.Host.Port);
        await client.SendAsync($"GET {attack.Path("how=hop")} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        var head = (await client.ReadUntilAsync("\r\n\r\n")).ToLowerInvariant();

        Assert.StartsWith("http/1.1 200", head);
        Assert.All(["transfer-encoding", "\r\nconnection", "upgrade", "trailer", "keep-alive"], name => Assert.DoesNotContain(name, head));
        Assert.Contains("content-length: 4", head);
    });

    [Theory(Timeout = HostileHost.CaseMilliseconds)]
    [InlineData("short", 5)]
    [InlineData("over", 15)]
    public Task Case_34_a_length_that_is_none_is_replaced_by_the_hosts_own_framing(string how, int bytes) => hostile.RunAsync("framing", async attack =>
    {
        using var client = await RawClient.ConnectAsync(attack.Host.Port);
        await client.SendAsync($"GET {attack.Path($"how={how}")} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        var head = await client.ReadUntilAsync("\r\n\r\n");

        Assert.DoesNotContain("Content-Length", head, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("Transfer-Encoding: chunked", head);
        Assert.Equal(bytes, (await client.ReadUntilAsync("\r\n0\r\n\r\n")).Count(c => c == 'y'));
    });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_38_a_body_that_drips_is_cut_at_its_time() => hostile.RunAsync("endless", attack => MustBeCutAsync(attack, "trickle", "timeout"));

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_38_a_body_of_a_byte_too_many_is_cut() => hostile.RunAsync("sized", attack => MustBeCutAsync(attack, $"bytes={(20 * Megabyte) + 1}", "response_too_large"));

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_38_a_body_of_just_the_limit_is_whole() => hostile.RunAsync("sized", async attack =>
        Assert.Equal(20 * Megabyte, (await attack.Client.GetByteArrayAsync(attack.Path($"bytes={20 * Megabyte}"))).Length));

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_39_readers_that_stall_cost_the_host_a_window_each() => hostile.RunAsync("endless", async attack =>
    {
        const int readers = 60;
        var before = attack.Host.ResidentBytes();
        var clients = await Task.WhenAll(Enumerable.Range(0, readers).Select(_ => RawClient.ConnectAsync(attack.Host.Port, receiveBuffer: 4096)));
        try
        {
            await Task.WhenAll(clients.Select(client => client.SendAsync($"GET {attack.Path()} HTTP/1.1\r\nHost: localhost\r\n\r\n")));
            await Task.WhenAll(clients.Select(client => client.ReadUntilAsync("\r\n\r\n")));
            Assert.InRange(attack.Host.ResidentBytes() - before, long.MinValue, (readers * 256 * 1024) + (32 * Megabyte));
            // None of them reads on; all are cut at the time limit. What is sent to them meanwhile waits in the kernel, in its memory for everybody.
            var held = 0L;
            await Eventually.TrueAsync(
                () =>
                {
                    held = Math.Max(held, attack.Host.BytesHeldForClients());
                    return attack.Output.Count(line => line.Contains("The response was cut (timeout)", StringComparison.Ordinal)) == readers;
                },
                TimeSpan.FromSeconds(10), "all were cut");
            Assert.InRange(held, 1, readers * 256 * 1024);
        }
        finally
        {
            Array.ForEach(clients, client => client.Dispose());
        }
    });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_40_an_upload_that_nobody_reads_is_answered_and_not_swallowed() => hostile.RunAsync("ignore-body", async attack =>
    {
        const int size = 256 << 20;
        var before = attack.Host.ResidentBytes();
        using var client = await RawClient.ConnectAsync(attack.Host.Port);
        await client.SendAsync($"POST {attack.Path()} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200", await client.ReadUntilAsync("calm"));

        // What comes is thrown away, so that the client gets to read its answer; after five seconds the connection is closed.
        var block = new byte[64 * 1024];
        for (var sent = 0; sent < size / 2; sent += block.Length)
        {
            await client.SendAsync(block);
        }

        Assert.InRange(attack.Host.ResidentBytes() - before, long.MinValue, 32 * Megabyte);
        await client.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(8));
    });

    private static async Task MustBeCutAsync(Attack attack, string query, string code)
    {
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => attack.Client.GetByteArrayAsync(attack.Path(query)));
        await attack.WaitForLineAsync($"The response was cut ({code})");
    }
}
