using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using static SandboxHost.Isolation.Egress.Sockets;

namespace SandboxHost.Isolation.Egress;

/// <summary>The door as a proxy, on the loopback of the test; that it listens inside a sandbox is tested elsewhere.</summary>
public sealed class EgressDoorTests
{
    [TimedFact]
    public async Task Tunnel_carries_bytes_both_ways_and_half_closes()
    {
        await using var door = new DoorUnderTest();
        using var client = await door.ConnectAsync();

        await client.SendAsync(Text($"CONNECT localhost:{door.ServerPort} HTTP/1.1\r\n\r\nearly "));
        using var server = await door.Server.AcceptSocketAsync();
        await client.SendAsync(Text("late"));
        client.Shutdown(SocketShutdown.Send);

        Assert.Equal("early late", await ReadAllAsync(server));
        await server.SendAsync(Text("answer after the end"));
        server.Shutdown(SocketShutdown.Send);
        Assert.Equal("HTTP/1.1 200 Connection established\r\n\r\nanswer after the end", await ReadAllAsync(client));
        Assert.Equal(new EgressUsage(1, 0, 10, 20), door.Door.ReadUsage());
    }

    [TimedFact]
    public async Task Large_transfers_arrive_whole()
    {
        await using var door = new DoorUnderTest();
        using var client = await door.ConnectAsync();
        await client.SendAsync(Text($"CONNECT 127.0.0.1:{door.ServerPort} HTTP/1.1\r\n\r\n"));
        using var server = await door.Server.AcceptSocketAsync();
        var bytes = new byte[8 << 20];
        new Random(1).NextBytes(bytes);

        var sending = SendAllAsync(server, bytes);
        var received = await ReadBytesAsync(client);
        await sending;

        Assert.Equal(bytes, received[^bytes.Length..]);
        Assert.Equal(bytes.Length, door.Door.ReadUsage().BytesDown);
    }

    [TimedFact]
    public async Task Plain_request_is_passed_on_with_its_body_and_only_that()
    {
        await using var door = new DoorUnderTest();
        using var client = await door.ConnectAsync();
        await client.SendAsync(Text($"POST http://127.0.0.1:{door.ServerPort}/x HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"));
        using var server = await door.Server.AcceptSocketAsync();

        var expected = $"POST /x HTTP/1.1\r\nHost: 127.0.0.1:{door.ServerPort}\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody";
        Assert.Equal(expected, await ReadAsync(server, expected.Length));
        await server.SendAsync(Text("HTTP/1.1 204 No Content\r\n\r\n"));
        server.Shutdown(SocketShutdown.Send);
        Assert.Equal("HTTP/1.1 204 No Content\r\n\r\n", await ReadAsync(client, 27));
    }

    [TimedFact]
    public async Task Second_request_on_a_connection_ends_it_unserved()
    {
        await using var door = new DoorUnderTest();
        using var client = await door.ConnectAsync();
        await client.SendAsync(Text($"GET http://127.0.0.1:{door.ServerPort}/1 HTTP/1.1\r\n\r\nGET http://10.0.0.1/2 HTTP/1.1\r\n\r\n"));
        using var server = await door.Server.AcceptSocketAsync();

        Assert.DoesNotContain("10.0.0.1", await ReadUntilEndAsync(server));
    }

    [TimedTheory]
    [InlineData("CONNECT 127.0.0.1:22 HTTP/1.1\r\n\r\n", "403", "\"rule\":\"loopback\"")]
    [InlineData("CONNECT 2130706433:22 HTTP/1.1\r\n\r\n", "403", "\"rule\":\"loopback\"")]
    [InlineData("CONNECT [::ffff:7f00:1]:22 HTTP/1.1\r\n\r\n", "403", "\"rule\":\"loopback\"")]
    [InlineData("CONNECT rebound.example:80 HTTP/1.1\r\n\r\n", "403", "\"errorType\":\"egress_refused\"")]
    [InlineData("GET http://169.254.169.254/latest/ HTTP/1.1\r\n\r\n", "403", "\"rule\":\"link-local\"")]
    [InlineData("CONNECT mail.example:25 HTTP/1.1\r\n\r\n", "403", "\"rule\":\"port\"")]
    [InlineData("CONNECT nowhere.example:80 HTTP/1.1\r\n\r\n", "502", "\"errorType\":\"egress_unreachable\"")]
    [InlineData("nonsense\r\n\r\n", "400", "\"errorType\":\"egress_malformed\"")]
    public async Task Refusals_say_why(string request, string status, string body)
    {
        await using var door = new DoorUnderTest();
        using var client = await door.ConnectAsync();

        await client.SendAsync(Text(request));
        var answer = await ReadAllAsync(client);

        Assert.StartsWith("HTTP/1.1 " + status, answer, StringComparison.Ordinal);
        Assert.Contains(body, answer);
        Assert.Equal(status == "403" ? 1 : 0, door.Door.ReadUsage().Refused);
    }

    [TimedFact]
    public async Task Name_is_resolved_once_and_the_judged_address_is_dialled()
    {
        await using var door = new DoorUnderTest();
        using var client = await door.ConnectAsync();

        // The first of its addresses is refused by policy, the second passes.
        await client.SendAsync(Text($"CONNECT mixed.example:{door.ServerPort} HTTP/1.1\r\n\r\n"));
        using var server = await door.Server.AcceptSocketAsync();

        Assert.Equal(1, door.Resolutions);
    }

    [TimedFact]
    public async Task Nothing_listening_is_a_bad_gateway()
    {
        await using var door = new DoorUnderTest();
        door.Server.Stop();
        using var client = await door.ConnectAsync();

        await client.SendAsync(Text($"CONNECT 127.0.0.1:{door.ServerPort} HTTP/1.1\r\n\r\n"));

        Assert.StartsWith("HTTP/1.1 502", await ReadAllAsync(client), StringComparison.Ordinal);
    }

    [TimedFact]
    public async Task Head_that_is_too_long_is_malformed()
    {
        await using var door = new DoorUnderTest();
        using var client = await door.ConnectAsync();

        await client.SendAsync(Text("GET http://a/ HTTP/1.1\r\nX: " + new string('x', 20 << 10)));

        Assert.StartsWith("HTTP/1.1 400", await ReadAllAsync(client), StringComparison.Ordinal);
    }

    [TimedFact]
    public async Task Head_that_does_not_come_ends_the_connection_after_a_while()
    {
        var time = new FakeTimeProvider();
        await using var door = new DoorUnderTest(time: time);
        using var client = await door.ConnectAsync();
        await client.SendAsync(Text("CONNECT "));
        await door.AcceptedAsync(1);

        await AdvanceUntilAsync(time, TimeSpan.FromSeconds(11), ReadAllAsync(client));
    }

    [TimedFact]
    public async Task Resolver_that_does_not_answer_is_a_gateway_timeout()
    {
        var time = new FakeTimeProvider();
        await using var door = new DoorUnderTest(time: time);
        using var client = await door.ConnectAsync();
        await client.SendAsync(Text("CONNECT slow.example:80 HTTP/1.1\r\n\r\n"));
        await door.Resolving;

        var answer = ReadAllAsync(client);
        await AdvanceUntilAsync(time, TimeSpan.FromSeconds(11), answer);

        Assert.StartsWith("HTTP/1.1 504", await answer, StringComparison.Ordinal);
    }

    [TimedFact]
    public async Task Idle_tunnel_is_closed_after_five_minutes()
    {
        var time = new FakeTimeProvider();
        await using var door = new DoorUnderTest(time: time);
        using var client = await door.ConnectAsync();
        await client.SendAsync(Text($"CONNECT 127.0.0.1:{door.ServerPort} HTTP/1.1\r\n\r\n"));
        using var server = await door.Server.AcceptSocketAsync();
        await ReadAsync(client, 39);

        time.Advance(TimeSpan.FromMinutes(4));
        await client.SendAsync("x"u8.ToArray());
        Assert.Equal("x", await ReadAsync(server, 1));
        time.Advance(TimeSpan.FromMinutes(4));
        await client.SendAsync("y"u8.ToArray());
        Assert.Equal("y", await ReadAsync(server, 1));

        await AdvanceUntilAsync(time, TimeSpan.FromMinutes(5.1), ReadUntilEndAsync(server));
    }

    [TimedFact]
    public async Task Connections_past_the_limit_are_turned_away()
    {
        await using var door = new DoorUnderTest(new EgressLimits { MaxConnections = 2 });
        using var one = await door.ConnectAsync();
        using var two = await door.ConnectAsync();
        await door.AcceptedAsync(2);
        using var three = await door.ConnectAsync();

        Assert.StartsWith("HTTP/1.1 503", await ReadUntilEndAsync(three), StringComparison.Ordinal);
        Assert.Equal(1, door.Door.ReadUsage().Refused);
    }

    [TimedFact]
    public async Task Disposing_closes_every_connection()
    {
        await using var door = new DoorUnderTest();
        using var client = await door.ConnectAsync();
        await client.SendAsync(Text($"CONNECT 127.0.0.1:{door.ServerPort} HTTP/1.1\r\n\r\n"));
        using var server = await door.Server.AcceptSocketAsync();

        await door.Door.DisposeAsync();

        Assert.Equal("", await ReadUntilEndAsync(server));
        await Assert.ThrowsAnyAsync<SocketException>(() => door.ConnectAsync());
    }

    [TimedFact]
    public async Task Site_port_carries_every_byte_both_ways_and_half_closes()
    {
        await using var door = new DoorUnderTest();
        using var client = await door.ConnectToSiteAsync();

        // No proxy looks at it: this would be one's request.
        await client.SendAsync(Text("CONNECT 10.0.0.1:80 HTTP/1.1\r\n\r\n"));
        client.Shutdown(SocketShutdown.Send);
        using var server = await door.Server.AcceptSocketAsync();

        Assert.Equal("CONNECT 10.0.0.1:80 HTTP/1.1\r\n\r\n", await ReadAllAsync(server));
        await server.SendAsync(Text("answer after the end"));
        server.Shutdown(SocketShutdown.Send);
        Assert.Equal("answer after the end", await ReadAllAsync(client));
        Assert.Equal(new EgressUsage(1, 0, 32, 20), door.Door.ReadUsage());
    }

    [TimedFact]
    public async Task Site_port_streams_before_the_end_and_as_fast_as_its_reader_reads()
    {
        await using var door = new DoorUnderTest();
        using var client = await door.ConnectToSiteAsync();
        using var server = await door.Server.AcceptSocketAsync();
        await server.SendAsync(Text("first"));
        Assert.Equal("first", await ReadAsync(client, 5));

        var bytes = new byte[32 << 20];
        new Random(1).NextBytes(bytes);
        var sending = SendAllAsync(server, bytes);
        // What may wait to be sent to a client that does not read is 128 KiB (UnsentLimit).
        while (door.Door.ReadUsage().BytesDown < 64 << 10)
        {
            await Task.Yield();
        }

        Assert.False(sending.IsCompleted, "32 MiB went into buffers while nobody read.");
        Assert.Equal(bytes, await ReadBytesAsync(client));
        await sending;
    }

    [TimedFact]
    public async Task Site_port_and_proxy_share_one_limit_and_its_author_is_told_once()
    {
        await using var door = new DoorUnderTest(new EgressLimits { MaxConnections = 2 });
        using var one = await door.ConnectAsync();
        using var two = await door.ConnectToSiteAsync();
        await door.AcceptedAsync(2);
        var three = await TurnedAwayAsync(door.ConnectToSiteAsync);
        using var four = await door.ConnectAsync();

        Assert.Equal("", three);
        Assert.StartsWith("HTTP/1.1 503", await ReadUntilEndAsync(four), StringComparison.Ordinal);
        Assert.Equal(2, door.Door.ReadUsage().Refused);
        Assert.Equal("The egress door turned a connection away: a worker may have 2 at a time (connections; said once).", Assert.Single(door.Told));

        // A place that is free again is given again.
        using (await door.Server.AcceptSocketAsync())
        {
            two.Dispose();
        }

        while (door.Door.OpenConnections == 2)
        {
            await Task.Yield();
        }

        using var five = await door.ConnectToSiteAsync();
        using var server = await door.Server.AcceptSocketAsync();
        await five.SendAsync("x"u8.ToArray());
        Assert.Equal("x", await ReadAsync(server, 1));
    }

    [TimedFact]
    public async Task Site_port_without_a_server_ends_the_connection()
    {
        await using var door = new DoorUnderTest();
        door.Server.Stop();
        using var client = await door.ConnectToSiteAsync();

        Assert.Equal("", await ReadUntilEndAsync(client));
        Assert.Equal(0, door.Door.ReadUsage().Connections);
    }

    [TimedFact]
    public async Task Idle_site_connection_is_closed_after_five_minutes()
    {
        var time = new FakeTimeProvider();
        await using var door = new DoorUnderTest(time: time);
        using var client = await door.ConnectToSiteAsync();
        using var server = await door.Server.AcceptSocketAsync();
        await client.SendAsync("x"u8.ToArray());
        Assert.Equal("x", await ReadAsync(server, 1));

        await AdvanceUntilAsync(time, TimeSpan.FromMinutes(5.1), ReadUntilEndAsync(server));
    }

    [TimedFact]
    public async Task Disposing_closes_site_connections_and_their_port()
    {
        await using var door = new DoorUnderTest();
        using var client = await door.ConnectToSiteAsync();
        using var server = await door.Server.AcceptSocketAsync();

        await door.Door.DisposeAsync();

        Assert.Equal("", await ReadUntilEndAsync(server));
        await Assert.ThrowsAnyAsync<SocketException>(door.ConnectToSiteAsync);
    }

    // A reset may come before the connection seems to be there, or after.
    private static async Task<string> TurnedAwayAsync(Func<Task<Socket>> connect)
    {
        try
        {
            using var socket = await connect();
            return await ReadUntilEndAsync(socket);
        }
        catch (SocketException)
        {
            return "";
        }
    }
}
