using System.Diagnostics;

namespace SandboxHost.Chaos.Hostile;

/// <summary>Clients that mean harm. Numbers are those of docs/threat-model.md.</summary>
[Collection(nameof(HostileCases))]
public sealed class ClientTests(HostileHost hostile)
{
    private static readonly string[] Smuggled =
    [
        "POST {0} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
        "POST {0} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "POST {0} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST {0} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "POST {0} HTTP/1.1\r\nHost: localhost\r\nContent-Length: +5\r\n\r\nhello",
        "GET {0} HTTP/1.1\r\nHost: localhost\r\n x-folded: line\r\n\r\n",
        "GET {0} HTTP/1.1\r\nHost: localhost\r\nHost: other.localhost\r\n\r\n",
        "GET {0} HTTP/1.1\r\n\r\n",
        "GET {0} HTTP/1.1\r\nHost: localhost\nx-bare: line feed\r\n\r\n",
        "GET {0} HTTP/1.1\r\nHost: localhost\r\nx-nul: a\0b\r\n\r\n",
        "GET {0} HTTP/1.1\r\nHost: localhost\r\nx space: b\r\n\r\n",
        "GET http://other.example{0} HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ];

    private static readonly string[] BrokenBodies =
    [
        "5;\nx\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "5 5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloGET /x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ];

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_35_what_could_be_read_in_two_ways_is_refused_and_the_connection_closed() => hostile.RunAsync("reads-body", async attack =>
    {
        foreach (var request in Smuggled)
        {
            using var client = await RawClient.ConnectAsync(attack.Host.Port);
            await client.SendAsync(string.Format(null, request, attack.Path()));
            var reply = await client.ReadToEndAsync();

            Assert.True(reply.StartsWith("HTTP/1.1 400", StringComparison.Ordinal), $"{request} was answered with {reply}");
            Assert.Equal(0, reply.LastIndexOf("HTTP/1.1", StringComparison.Ordinal));
        }
    });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_35_a_body_that_breaks_its_framing_ends_the_connection_and_starts_no_other_request() => hostile.RunAsync("reads-body", async attack =>
    {
        foreach (var body in BrokenBodies)
        {
            using var client = await RawClient.ConnectAsync(attack.Host.Port);
            await client.SendAsync($"POST {attack.Path()} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
            var reply = await client.ReadToEndAsync();

            // The function had begun; its client gets an error or nothing.
            Assert.True(reply.Length == 0 || reply.StartsWith("HTTP/1.1 400", StringComparison.Ordinal), $"{body} was answered with {reply}");
        }
    });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_37_heads_that_come_slowly_take_no_worker_and_are_closed() => hostile.RunAsync("one-slot", async attack =>
    {
        const int slow = 300;
        var clients = await Task.WhenAll(Enumerable.Range(0, slow).Select(_ => RawClient.ConnectAsync(attack.Host.Port)));
        try
        {
            var watch = Stopwatch.StartNew();
            await Task.WhenAll(clients.Select(client => client.SendAsync($"GET {attack.Path("ms=1")} HTTP/1.1\r\nHost: localhost\r\nx-slow")));
            // The function has one slot, and it is free.
            await attack.MustAnswerAsync(TimeSpan.FromSeconds(2));
            Assert.Equal("done", await attack.AskForTextAsync("ms=1"));

            var replies = await Task.WhenAll(clients.Select(client => client.ReadToEndAsync()));
            Assert.All(replies, reply => Assert.StartsWith("HTTP/1.1 408", reply));
            Assert.InRange(watch.Elapsed.TotalSeconds, 9, 13);
        }
        finally
        {
            Array.ForEach(clients, client => client.Dispose());
        }
    });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_37_bodies_that_never_come_end_at_the_functions_time_limit() => hostile.RunAsync("reads-body", async attack =>
    {
        var clients = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => RawClient.ConnectAsync(attack.Host.Port)));
        try
        {
            await Task.WhenAll(clients.Select(client => client.SendAsync($"POST {attack.Path()} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx")));
            var heads = await Task.WhenAll(clients.Select(client => client.ReadUntilAsync("\r\n\r\n")));
            Assert.All(heads, head => Assert.StartsWith("HTTP/1.1 504", head));
        }
        finally
        {
            Array.ForEach(clients, client => client.Dispose());
        }
    });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_37_connections_that_say_nothing_are_only_connections() => hostile.RunAsync("one-slot", async attack =>
    {
        var clients = await Task.WhenAll(Enumerable.Range(0, 500).Select(_ => RawClient.ConnectAsync(attack.Host.Port)));
        Assert.Equal("done", await attack.AskForTextAsync("ms=1"));
        Array.ForEach(clients, client => client.Dispose());
    });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_41_a_client_that_leaves_frees_the_slot_when_its_function_has_ended_and_not_before() => hostile.RunAsync("one-slot", async attack =>
    {
        Assert.Equal("calm", await attack.AskForTextAsync("calm"));
        using (var leaver = await RawClient.ConnectAsync(attack.Host.Port))
        {
            await leaver.SendAsync($"GET {attack.Path("ms=1000")} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            await Eventually.TrueAsync(
                async () =>
                {
                    // It has the slot when another one has to wait.
                    using var impatient = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
                    try
                    {
                        await attack.Client.GetAsync(attack.Path("calm"), impatient.Token);
                        return false;
                    }
                    catch (OperationCanceledException)
                    {
                        return true;
                    }
                },
                TimeSpan.FromSeconds(2), "the slot is taken");
        }

        var watch = Stopwatch.StartNew();
        Assert.Equal("calm", await attack.AskForTextAsync("calm"));
        Assert.InRange(watch.Elapsed.TotalMilliseconds, 300, 1500);
    });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_41_clients_that_leave_at_once_leave_nothing() => hostile.RunAsync("never-ends", async attack =>
    {
        for (var i = 0; i < 50; i++)
        {
            using var leaver = await RawClient.ConnectAsync(attack.Host.Port);
            await leaver.SendAsync($"GET {attack.Path("ms=200")} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        }
    });
}
