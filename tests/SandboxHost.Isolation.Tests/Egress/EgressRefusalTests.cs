using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using SandboxHost.Egress;

namespace SandboxHost.Isolation.Egress;

/// <summary>Server-side request forgery through the door: every way that is known to spell an address that is not on the internet.</summary>
public sealed class EgressRefusalTests
{
    [TimedTheory]
    [InlineData("169.254.169.254", "link-local")]
    [InlineData("169.254.169.254.", "403|502")] // no resolver knows it as a name
    [InlineData("2852039166", "link-local")]
    [InlineData("0xa9fea9fe", "link-local")]
    [InlineData("0xA9.0376.43518", "link-local")]
    [InlineData("[::ffff:169.254.169.254]", "link-local")]
    [InlineData("[::FFFF:A9FE:A9FE]", "link-local")]
    [InlineData("[::a9fe:a9fe]", "ipv4-compatible")]
    [InlineData("[fd00:ec2::254]", "unique-local")]
    [InlineData("[fd00:ec2::254%1]", "unique-local")]
    [InlineData("[64:ff9b::169.254.169.254]", "nat64")]
    [InlineData("[64:ff9b:1::169.254.169.254]", "nat64")]
    [InlineData("[2002:a9fe:a9fe::]", "6to4")]
    [InlineData("[2001::a9fe:a9fe]", "teredo")]
    [InlineData("[2600::5efe:a9fe:a9fe]", "isatap")]
    [InlineData("127.1", "loopback")]
    [InlineData("0177.0.0.1", "loopback")]
    [InlineData("0", "this-network")]
    [InlineData("[::1]", "loopback")]
    [InlineData("[::]", "unspecified")]
    [InlineData("8.8.4.4", "host-address")]
    [InlineData("host.internal", "loopback")]
    [InlineData("HOST.INTERNAL", "loopback")]
    [InlineData("metadata.example", "link-local")]
    [InlineData("METADATA.example", "link-local")]
    [InlineData("mapped.example", "link-local")]
    [InlineData("private.example", "private")]
    [InlineData("own.example", "host-address")]
    [InlineData("1.1.1.1@169.254.169.254", "400")]
    [InlineData("169.254.169.254#@1.1.1.1", "400|403")]
    [InlineData("169.254.169.254%00.example.com", "502")]
    [InlineData("\u0661\u0666\u0669.254.169.254", "400")]
    public async Task Every_spelling_of_an_address_that_is_not_on_the_internet_is_refused(string host, string outcome)
    {
        await using var door = new DoorUnderTest();

        foreach (var request in (string[])[$"CONNECT {host}:80 HTTP/1.1\r\n\r\n", $"GET http://{host}/latest/meta-data HTTP/1.1\r\n\r\n"])
        {
            var answer = await door.AskAsync(request);

            Assert.StartsWith("HTTP/1.1 ", answer, StringComparison.Ordinal);
            Assert.True(
                outcome.Replace("|", "", StringComparison.Ordinal).All(char.IsAsciiDigit) ? outcome.Split('|').Contains(answer[9..12]) : answer.Contains($"\"rule\":\"{outcome}\"", StringComparison.Ordinal),
                $"{request} {answer}");
        }

        Assert.Equal(0, door.Door.ReadUsage().Connections);
    }

    [TimedFact]
    public async Task Name_that_was_public_and_is_private_now_is_judged_by_what_it_is_now()
    {
        var time = new FakeTimeProvider();
        await using var door = new DoorUnderTest(time: time);
        using (var client = await door.ConnectAsync())
        {
            await client.SendAsync(Sockets.Text($"CONNECT rebinding.example:{door.ServerPort} HTTP/1.1\r\n\r\n"));
            using var server = await door.Server.AcceptSocketAsync();
        }

        time.Advance(SiteEgress.NamesKeptFor);

        Assert.Contains("\"rule\":\"private\"", await door.AskAsync($"CONNECT rebinding.example:{door.ServerPort} HTTP/1.1\r\n\r\n"));
        Assert.Equal(2, door.Resolutions);
    }

    [TimedFact]
    public async Task Every_request_is_judged_on_its_own_so_a_redirect_leads_nowhere_else()
    {
        await using var door = new DoorUnderTest();
        using (var client = await door.ConnectAsync())
        {
            await client.SendAsync(Sockets.Text($"GET http://localhost:{door.ServerPort}/ HTTP/1.1\r\n\r\n"));
            using var server = await door.Server.AcceptSocketAsync();
            await server.SendAsync(Sockets.Text("HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"));
            server.Shutdown(System.Net.Sockets.SocketShutdown.Send);
            Assert.Contains("Location: http://169.254.169.254/", await Sockets.ReadAllAsync(client));
        }

        Assert.Contains("\"rule\":\"link-local\"", await door.AskAsync("GET http://169.254.169.254/ HTTP/1.1\r\n\r\n"));
    }

    [TimedFact]
    public async Task Worker_without_a_function_reaches_nothing()
    {
        await using var door = new DoorUnderTest(isBound: false);

        Assert.Contains("\"rule\":\"no-function\"", await door.AskAsync("CONNECT public.example:443 HTTP/1.1\r\n\r\n"));
        Assert.Equal(0, door.Resolutions);
    }

    [TimedTheory]
    [InlineData(EgressMode.None, "public.example", "none")]
    [InlineData(EgressMode.None, "1.1.1.1", "none")]
    [InlineData(EgressMode.List, "public.example", "not-listed")]
    [InlineData(EgressMode.List, "listed.example.evil.example", "not-listed")]
    [InlineData(EgressMode.List, "1.1.1.1", "not-listed")]
    [InlineData(EgressMode.List, "metadata.example", "link-local")]
    public async Task Policy_of_the_site_holds_and_what_it_refuses_is_not_even_looked_up(EgressMode mode, string host, string rule)
    {
        var names = mode == EgressMode.List ? ["listed.example", "metadata.example"] : Array.Empty<string>();
        await using var door = new DoorUnderTest(rules: new EgressRules { Mode = mode, Names = names });

        Assert.Contains($"\"rule\":\"{rule}\"", await door.AskAsync($"CONNECT {host}:443 HTTP/1.1\r\n\r\n"));
        Assert.Equal(rule == "link-local" ? 1 : 0, door.Resolutions);
        Assert.Contains($"{host}:443 ({rule})", Assert.Single(door.Told));
    }

    [TimedFact]
    public async Task Listed_name_is_reached()
    {
        await using var door = new DoorUnderTest(rules: new EgressRules { Mode = EgressMode.List, Names = ["rebound.example"] });
        using var client = await door.ConnectAsync();

        await client.SendAsync(Sockets.Text($"CONNECT Rebound.Example:{door.ServerPort} HTTP/1.1\r\n\r\n"));

        using var server = await door.Server.AcceptSocketAsync();
        Assert.StartsWith("HTTP/1.1 200", await Sockets.ReadAsync(client, 12), StringComparison.Ordinal);
    }

    [TimedFact]
    public async Task Each_refused_destination_is_told_of_once_and_so_many_and_all_are_counted()
    {
        await using var door = new DoorUnderTest();
        for (var last = 1; last <= 70; last++)
        {
            await door.AskAsync($"CONNECT 10.0.0.{last}:80 HTTP/1.1\r\n\r\n");
            await door.AskAsync($"CONNECT 10.0.0.{last}:80 HTTP/1.1\r\n\r\n");
        }

        Assert.Equal(140, door.Door.ReadUsage().Refused);
        Assert.Equal(65, door.Told.Count);
        Assert.Equal("The egress door refused 64 destinations. Further ones are counted, but not said.", door.Told.Last());
    }

    [TimedFact]
    public void Address_that_a_program_dials_by_itself_is_listed_by_the_names_that_its_worker_was_given_it_for()
    {
        using var sites = new EgressSites(new EgressLimits(), new HostResolver(_ => []), TimeProvider.System);
        var context = new EgressContext("test", sites, new OwnAddresses(TimeProvider.System), TimeProvider.System, NullLogger.Instance);
        WorkerEgress Listing(params string[] names)
        {
            var made = new WorkerEgress(context, new EgressLimits());
            made.Bind("site", new EgressPolicy(new EgressRules { Mode = EgressMode.List, Names = names }));
            return made;
        }

        var (worker, other) = (Listing("db.example:5432"), Listing("db.example:5432"));
        var address = IPAddress.Parse("1.1.1.1");
        Assert.Equal("not-listed", worker.Find(address, 5432).Rule);

        worker.HandOut("db.example", [address, IPAddress.Parse("10.0.0.1")]);

        Assert.Equal([address], worker.Find(address, 5432).Addresses);
        Assert.Equal("not-listed", worker.Find(address, 5433).Rule);
        Assert.Equal("not-listed", other.Find(address, 5432).Rule);
        Assert.Equal("private", worker.Find(IPAddress.Parse("10.0.0.1"), 5432).Rule);
        Assert.Equal("not-listed", worker.Find(EgressPolicy.HostAddress, 5432).Rule);
    }

    [TimedFact]
    public void Names_that_were_handed_out_have_a_bound()
    {
        var names = new HandedOutNames();
        for (var i = 0; i < 5000; i++)
        {
            names.Add($"n{i}.example", [new IPAddress(i), IPAddress.Loopback]);
        }

        Assert.Equal(["n4999.example"], names.Of(new IPAddress(4999)));
        Assert.Empty(names.Of(new IPAddress(1)));
        Assert.InRange(names.Of(IPAddress.Loopback).Count, 0, 8);
    }
}
