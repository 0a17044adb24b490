using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using SandboxHost.Egress;
using SandboxHost.Isolation.Egress.Names;

namespace SandboxHost.Isolation.Egress;

/// <summary>The name server of sandboxes: what it answers, what it does not, and what floods and tunnels run into.</summary>
public sealed class NameServerTests
{
    private const ushort Any = 255, Text = 16;

    [TimedFact]
    public async Task Public_addresses_of_a_name_are_answered_and_its_private_ones_are_left_out()
    {
        await using var door = new DoorUnderTest();

        var reply = await AskAsync(door, Query("Public.Example", DnsQuery.TypeA, id: 0xBEEF));

        Assert.Equal((0xBEEF, DnsCode.Ok), (reply.Id, reply.Code));
        Assert.Equal(["1.1.1.1"], reply.Addresses);
    }

    [TimedTheory]
    [InlineData("private.example", DnsCode.NoSuchName, "private")]
    [InlineData("metadata.example", DnsCode.NoSuchName, "link-local")]
    [InlineData("own.example", DnsCode.NoSuchName, "host-address")]
    [InlineData("nowhere.example", DnsCode.NoSuchName, null)]
    [InlineData("weak.example", DnsCode.ServerFailure, null)]
    [InlineData("other.localhost", DnsCode.NoSuchName, null)]
    [InlineData("localhost", DnsCode.NoSuchName, null)]
    public async Task Names_without_an_address_that_may_be_reached_have_none(string name, object code, string? rule)
    {
        await using var door = new DoorUnderTest();

        var reply = await AskAsync(door, Query(name, DnsQuery.TypeA));

        Assert.Equal(code, reply.Code);
        Assert.Empty(reply.Addresses);
        if (rule is not null)
        {
            Assert.Contains($"did not look up {name} ({rule})", Assert.Single(door.Told));
        }
    }

    [TimedFact]
    public async Task Host_has_a_name_and_an_address_that_stands_for_it()
    {
        await using var door = new DoorUnderTest();

        Assert.Equal([EgressPolicy.HostAddress.ToString()], (await AskAsync(door, Query("host.internal", DnsQuery.TypeA))).Addresses);
        Assert.Equal(0, door.Resolutions);
    }

    [TimedTheory]
    [InlineData(EgressMode.None)]
    [InlineData(EgressMode.List)]
    public async Task Names_that_the_policy_has_not_are_not_looked_up(EgressMode mode)
    {
        await using var door = new DoorUnderTest(rules: new EgressRules { Mode = mode, Names = mode == EgressMode.List ? ["listed.example"] : [] });

        Assert.Equal(DnsCode.NoSuchName, (await AskAsync(door, Query("c2VjcmV0.tunnel.example", DnsQuery.TypeA))).Code);
        Assert.Equal(0, door.Resolutions);
        Assert.Contains("c2vjcmv0.tunnel.example", Assert.Single(door.Told));
    }

    [TimedTheory]
    [InlineData(Text)]
    [InlineData(Any)]
    [InlineData(5)]
    [InlineData(15)]
    [InlineData(33)]
    [InlineData(65)]
    public async Task Types_that_carry_more_than_addresses_are_not_there(ushort type)
    {
        await using var door = new DoorUnderTest();

        Assert.Equal(DnsCode.NotImplemented, (await AskAsync(door, Query("public.example", type))).Code);
        Assert.Equal(0, door.Resolutions);
    }

    [TimedTheory]
    [InlineData(false, 512)]
    [InlineData(true, 1232)]
    public async Task Enormous_answer_is_cut_to_what_a_client_needs(bool isStream, int most)
    {
        await using var door = new DoorUnderTest();

        var reply = await AskAsync(door, Query("many.example", DnsQuery.TypeA), isStream);

        Assert.Equal(16, reply.Addresses.Count);
        Assert.InRange(reply.Bytes, 100, most);
    }

    [TimedFact]
    public async Task Both_families_and_every_repetition_are_one_lookup()
    {
        var time = new FakeTimeProvider();
        await using var door = new DoorUnderTest(time: time);
        for (var i = 0; i < 20; i++)
        {
            await AskAsync(door, Query("public.example", DnsQuery.TypeA));
            await AskAsync(door, Query("PUBLIC.example", DnsQuery.TypeAaaa));
        }

        Assert.Equal(1, door.Resolutions);
        time.Advance(SiteEgress.NamesKeptFor);
        await AskAsync(door, Query("public.example", DnsQuery.TypeA));
        Assert.Equal(2, door.Resolutions);
    }

    [TimedFact]
    public async Task Tunnel_by_names_gets_no_further_than_the_sites_rate()
    {
        var time = new FakeTimeProvider();
        await using var door = new DoorUnderTest(new EgressLimits { LookupsPerSecond = 2, LookupBurst = 10 }, time);
        var codes = new List<DnsCode>();
        for (var i = 0; i < 50; i++)
        {
            codes.Add((await AskAsync(door, Query($"data{i}.tunnel.example", DnsQuery.TypeA))).Code);
        }

        Assert.Equal((10, 40), (codes.Count(code => code == DnsCode.NoSuchName), codes.Count(code => code == DnsCode.ServerFailure)));
        Assert.Equal(10, door.Resolutions);
        Assert.Single(door.Told, "The egress door did not look up a name: a site may look up 2 a second (lookup-rate; said once).");

        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(DnsCode.NoSuchName, (await AskAsync(door, Query("later.example", DnsQuery.TypeA))).Code);
    }

    [TimedFact]
    public async Task Slow_names_of_one_site_take_no_more_than_their_places()
    {
        await using var door = new DoorUnderTest(new EgressLimits { MaxLookups = 2 });
        using var client = await ConnectAsync(door);
        await client.SendAsync(Query("slow1.example", DnsQuery.TypeA));
        await client.SendAsync(Query("slow2.example", DnsQuery.TypeA));
        while (door.Resolutions < 2)
        {
            await Task.Yield();
        }

        Assert.Equal(DnsCode.ServerFailure, (await AskAsync(door, Query("public.example", DnsQuery.TypeA))).Code);
        Assert.Single(door.Told, "The egress door did not look up a name: a site may look up 2 at a time (lookups; said once).");
    }

    [TimedFact]
    public async Task Flood_of_queries_is_read_no_faster_than_a_function_may_ask()
    {
        var time = new FakeTimeProvider();
        await using var door = new DoorUnderTest(time: time);
        using var client = await ConnectAsync(door);
        var buffer = new byte[512];
        for (var i = 0; i < 400; i++)
        {
            await client.SendAsync(Query("public.example", DnsQuery.TypeA, (ushort)i));
            await client.ReceiveAsync(buffer);
        }

        // The burst is over: 200 a second.
        var before = time.GetTimestamp();
        await client.SendAsync(Query("public.example", DnsQuery.TypeA));
        var next = client.ReceiveAsync(buffer);
        await Sockets.AdvanceUntilAsync(time, TimeSpan.FromMilliseconds(1), next);

        Assert.True(time.GetElapsedTime(before) >= TimeSpan.FromMilliseconds(5));
        Assert.Equal(1, door.Resolutions);
    }

    [TimedFact]
    public async Task Queries_on_a_connection_are_answered_one_after_the_other()
    {
        await using var door = new DoorUnderTest();
        using var client = await DoorUnderTest.ConnectAsync(door.NameServerStream);
        foreach (var id in (ushort[])[1, 2, 3])
        {
            await client.SendAsync(Framed(Query("public.example", DnsQuery.TypeA, id)));
            Assert.Equal((id, DnsCode.Ok), await ReadFramedAsync(client) is var reply ? ((ushort)reply.Id, reply.Code) : default);
        }

        client.Shutdown(SocketShutdown.Send);
        Assert.Empty(await Sockets.ReadBytesAsync(client));
    }

    [TimedFact]
    public async Task Connection_that_lies_about_its_length_or_says_nothing_ends()
    {
        var time = new FakeTimeProvider();
        await using var door = new DoorUnderTest(time: time);
        using (var liar = await DoorUnderTest.ConnectAsync(door.NameServerStream))
        {
            await liar.SendAsync(new byte[] { 0xFF, 0xFF, 1, 2, 3 });
            Assert.Equal("", await Sockets.ReadUntilEndAsync(liar));
        }

        using var silent = await DoorUnderTest.ConnectAsync(door.NameServerStream);
        await silent.SendAsync(new byte[] { 0 });
        await door.AcceptedAsync(1);
        await Sockets.AdvanceUntilAsync(time, TimeSpan.FromSeconds(11), Sockets.ReadUntilEndAsync(silent));
    }

    private static byte[] Query(string name, ushort type, ushort id = 7)
    {
        using var bytes = new MemoryStream();
        Span<byte> head = stackalloc byte[12];
        BinaryPrimitives.WriteUInt16BigEndian(head, id);
        head[2] = 1;
        head[5] = 1;
        bytes.Write(head);
        foreach (var label in name.Split('.'))
        {
            bytes.WriteByte((byte)label.Length);
            bytes.Write(Encoding.ASCII.GetBytes(label));
        }

        bytes.Write([0, (byte)(type >> 8), (byte)type, 0, 1]);
        return bytes.ToArray();
    }

    private static byte[] Framed(byte[] message) => [(byte)(message.Length >> 8), (byte)message.Length, .. message];

    private static async Task<Socket> ConnectAsync(DoorUnderTest door)
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        await client.ConnectAsync(door.NameServer);
        return client;
    }

    private static async Task<Reply> AskAsync(DoorUnderTest door, byte[] query, bool isStream = false)
    {
        if (isStream)
        {
            using var stream = await DoorUnderTest.ConnectAsync(door.NameServerStream);
            await stream.SendAsync(Framed(query));
            return await ReadFramedAsync(stream);
        }

        using var client = await ConnectAsync(door);
        await client.SendAsync(query);
        var buffer = new byte[2048];
        return Read(buffer.AsSpan(0, await client.ReceiveAsync(buffer)));
    }

    private static async Task<Reply> ReadFramedAsync(Socket client)
    {
        var length = Encoding.Latin1.GetBytes(await Sockets.ReadAsync(client, 2));
        return Read(Encoding.Latin1.GetBytes(await Sockets.ReadAsync(client, (length[0] << 8) | length[1])));
    }

    private static Reply Read(ReadOnlySpan<byte> bytes)
    {
        var addresses = new List<string>();
        var at = 12;
        if (bytes[5] == 1)
        {
            while (bytes[at] != 0)
            {
                at += 1 + bytes[at];
            }

            at += 5;
        }

        for (var answers = BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]); answers > 0; answers--)
        {
            var length = BinaryPrimitives.ReadUInt16BigEndian(bytes[(at + 10)..]);
            addresses.Add(new IPAddress(bytes.Slice(at + 12, length)).ToString());
            at += 12 + length;
        }

        Assert.Equal(bytes.Length, at);
        return new Reply(BinaryPrimitives.ReadUInt16BigEndian(bytes), (DnsCode)(bytes[3] & 0xF), addresses, bytes.Length);
    }

    private sealed record Reply(int Id, DnsCode Code, IReadOnlyList<string> Addresses, int Bytes);
}
