using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using SandboxHost.Egress;

namespace SandboxHost.Isolation.Egress;

/// <summary>Scans, mail and floods: what a tenant that abuses the way out runs into.</summary>
public sealed class EgressLimitTests
{
    [TimedFact]
    public async Task Scan_is_slowed_down_to_the_sites_rate_and_says_so()
    {
        var time = new FakeTimeProvider();
        await using var door = new DoorUnderTest(new EgressLimits { ConnectionsPerSecond = 10, ConnectionBurst = 20 }, time);

        var answers = new List<string>();
        for (var i = 0; i < 50; i++)
        {
            answers.Add(await door.AskAsync($"CONNECT 10.0.0.{i}:22 HTTP/1.1\r\n\r\n"));
        }

        Assert.Equal(20, answers.Count(answer => answer.StartsWith("HTTP/1.1 403", StringComparison.Ordinal)));
        Assert.Equal(30, answers.Count(answer => answer.Contains("\"rule\":\"rate\"", StringComparison.Ordinal)));
        Assert.Single(door.Told, "The egress door turned a connection away: a site may open 10 a second (rate; said once).");

        time.Advance(TimeSpan.FromSeconds(1));
        Assert.StartsWith("HTTP/1.1 403", await door.AskAsync("CONNECT 10.0.0.1:22 HTTP/1.1\r\n\r\n"), StringComparison.Ordinal);
    }

    [TimedTheory]
    [InlineData("CONNECT mail.example:25 HTTP/1.1\r\n\r\n")]
    [InlineData("CONNECT 1.1.1.1:25 HTTP/1.1\r\n\r\n")]
    [InlineData("POST http://mail.example:25/ HTTP/1.1\r\nContent-Length: 0\r\n\r\n")]
    public async Task Mail_is_not_sent(string request)
    {
        await using var door = new DoorUnderTest();

        Assert.Contains("\"rule\":\"port\"", await door.AskAsync(request));
    }

    [TimedFact]
    public async Task Ten_thousand_connections_are_no_more_than_the_limit_at_a_time()
    {
        await using var door = new DoorUnderTest(new EgressLimits { MaxConnections = 8 });
        var held = new List<Socket>();
        for (var i = 0; i < 8; i++)
        {
            held.Add(await door.ConnectAsync());
        }

        await door.AcceptedAsync(8);
        for (var i = 0; i < 100; i++)
        {
            using var further = await door.ConnectAsync();
            Assert.Contains("\"rule\":\"connections\"", await Sockets.ReadUntilEndAsync(further));
        }

        Assert.Equal((8, 100), (door.Door.OpenConnections, door.Door.ReadUsage().Refused));
        held.ForEach(socket => socket.Dispose());
    }

    [TimedFact]
    public async Task Bytes_past_the_burst_pass_at_the_sites_rate()
    {
        var time = new FakeTimeProvider();
        await using var door = new DoorUnderTest(new EgressLimits { BytesPerSecond = 100_000, ByteBurst = 100_000 }, time);
        using var client = await door.ConnectAsync();
        await client.SendAsync(Sockets.Text($"CONNECT localhost:{door.ServerPort} HTTP/1.1\r\n\r\n"));
        using var server = await door.Server.AcceptSocketAsync();
        var receiving = Sockets.ReadBytesAsync(client);

        await Sockets.SendAllAsync(server, new byte[1_000_000]);
        client.Shutdown(SocketShutdown.Send);
        var seconds = 0;
        while (!receiving.IsCompleted)
        {
            // What the door has not counted yet it waits for in its next second.
            var before = door.Door.ReadUsage().BytesDown;
            Assert.InRange(before, 0, (100_000 * (seconds + 1)) + (64 << 10));
            time.Advance(TimeSpan.FromSeconds(1));
            seconds++;
            await Task.WhenAny(receiving, MovedAsync(door, before));
        }

        Assert.True((await receiving).Length > 1_000_000);
        Assert.InRange(seconds, 8, 1000);
        Assert.Single(door.Told, "The egress door slows down: a site may move 100000 bytes a second (bytes; said once).");
    }

    [TimedFact]
    public async Task What_a_site_uses_can_be_read_by_its_name()
    {
        var seen = new Dictionary<string, long>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, own) =>
            {
                if (instrument.Meter.Name == EgressSites.MeterName)
                {
                    own.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            var of = string.Join(' ', tags.ToArray().Select(tag => tag.Value));
            if (of.StartsWith("metered", StringComparison.Ordinal))
            {
                lock (seen)
                {
                    seen[$"{instrument.Name} {of}"] = instrument is Counter<long> ? seen.GetValueOrDefault($"{instrument.Name} {of}") + value : value;
                }
            }
        });
        listener.Start();
        using var sites = new EgressSites(new EgressLimits(), new HostResolver(_ => []), TimeProvider.System);
        var worker = new WorkerEgress(new EgressContext("w1", sites, new OwnAddresses(TimeProvider.System), TimeProvider.System, NullLogger.Instance), new EgressLimits());
        worker.Bind("metered", EgressPolicy.Internet);

        worker.Connected();
        await worker.UpAsync(5, TestContext.Current.CancellationToken);
        await worker.DownAsync(7, TestContext.Current.CancellationToken);
        await worker.RefuseAsync("10.0.0.1", 80, "private");
        await worker.RefuseAsync("10.0.0.1", 80, "private");
        listener.RecordObservableInstruments();

        Assert.Equal(1, seen["faas.egress.connections metered"]);
        Assert.Equal((5, 7), (seen["faas.egress.bytes metered up"], seen["faas.egress.bytes metered down"]));
        Assert.Equal(2, seen["faas.egress.refused metered private"]);
        Assert.Equal(1, seen["faas.egress.doors metered"]);
        worker.Close();
        listener.RecordObservableInstruments();
        Assert.Equal(0, seen["faas.egress.doors metered"]);
    }

    [TimedFact]
    public void Site_that_ends_its_workers_gets_no_new_burst_for_it()
    {
        var time = new FakeTimeProvider();
        using var sites = new EgressSites(new EgressLimits { ConnectionsPerSecond = 1, ConnectionBurst = 5 }, new HostResolver(_ => [IPAddress.Loopback]), time);
        var first = sites.Enter("greedy");
        Assert.Equal([true, true, true, true, true, false], Enumerable.Range(0, 6).Select(_ => first.TryConnect()));
        sites.Leave(first);
        sites.Enter("other");

        Assert.Same(first, sites.Enter("greedy"));
        Assert.False(first.TryConnect());

        sites.Leave(first);
        time.Advance(TimeSpan.FromSeconds(5));
        sites.Enter("another");
        Assert.NotSame(first, sites.Enter("greedy"));
    }

    private static async Task MovedAsync(DoorUnderTest door, long before)
    {
        for (var i = 0; i < 1000 && door.Door.ReadUsage().BytesDown == before; i++)
        {
            await Task.Yield();
        }
    }
}
