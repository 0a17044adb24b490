using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using SandboxHost.Egress;

namespace SandboxHost.Isolation.Egress;

/// <summary>A door on the loopback of the test, a server behind it that is allowed, and a resolver that knows a few names.</summary>
internal sealed class DoorUnderTest : IAsyncDisposable
{
    // The number of a site port is the same on both sides, so it needs an address of its own.
    private static readonly IPAddress SiteSide = IPAddress.Parse("127.0.0.2");

    private readonly IPEndPoint _address;
    private readonly IPEndPoint _siteAddress;
    private readonly EgressSites _sites;
    private readonly ManualResetEventSlim _stopping = new();
    private readonly TaskCompletionSource _resolving = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentDictionary<string, int> _asked = new();

    public DoorUnderTest(EgressLimits? limits = null, TimeProvider? time = null, EgressRules? rules = null, bool isBound = true)
    {
        Server.Start();
        var (proxy, names) = (Listen(IPAddress.Loopback, 0), Listen(IPAddress.Loopback, 0));
        var site = Listen(SiteSide, ServerPort);
        var datagrams = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        datagrams.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        (_address, _siteAddress) = ((IPEndPoint)proxy.LocalEndPoint!, (IPEndPoint)site.LocalEndPoint!);
        (NameServer, NameServerStream) = ((IPEndPoint)datagrams.LocalEndPoint!, (IPEndPoint)names.LocalEndPoint!);
        Time = time ?? TimeProvider.System;
        limits ??= new EgressLimits();
        _sites = new EgressSites(limits, new HostResolver(Resolve), Time);
        Door = new EgressDoor(
            [
                new DoorListener(proxy, DoorKind.Proxy), new DoorListener(site, DoorKind.Site),
                new DoorListener(names, DoorKind.NameServer), new DoorListener(datagrams, DoorKind.NameServerDatagrams),
            ],
            new EgressContext("test", _sites, new OwnAddresses(Time, [IPAddress.Parse("8.8.4.4")]), Time, NullLogger.Instance)
            {
                TellAsync = line =>
                {
                    Told.Enqueue(line);
                    return Task.CompletedTask;
                },
            },
            new EgressOptions { Limits = limits, Sites = new SiteServer { Ports = [ServerPort] } });
        if (isBound)
        {
            rules ??= new EgressRules();
            Door.Bind("site", new EgressPolicy(rules with { AllowedPrivate = [.. rules.AllowedPrivate, $"localhost:{ServerPort}"] }));
        }
    }

    public TcpListener Server { get; } = new(IPAddress.Loopback, 0);

    public int ServerPort => field != 0 ? field : field = ((IPEndPoint)Server.LocalEndpoint).Port;

    public EgressDoor Door { get; }

    public TimeProvider Time { get; }

    /// <summary>Where it answers queries as datagrams, and on connections.</summary>
    public IPEndPoint NameServer { get; }

    public IPEndPoint NameServerStream { get; }

    /// <summary>How often the resolver was asked.</summary>
    public int Resolutions => _asked.Values.Sum();

    public Task Resolving => _resolving.Task;

    public ConcurrentQueue<string> Told { get; } = new();

    public Task<Socket> ConnectAsync() => ConnectAsync(_address);

    public Task<Socket> ConnectToSiteAsync() => ConnectAsync(_siteAddress);

    public static async Task<Socket> ConnectAsync(IPEndPoint address)
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(address);
        return client;
    }

    /// <summary>Sends a request to the proxy and reads all that it answers.</summary>
    public async Task<string> AskAsync(string request)
    {
        using var client = await ConnectAsync();
        await client.SendAsync(Sockets.Text(request));
        return await Sockets.ReadUntilEndAsync(client);
    }

    public async Task AcceptedAsync(int count)
    {
        while (Door.OpenConnections < count)
        {
            await Task.Yield();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _stopping.Set();
        await Door.DisposeAsync();
        _sites.Dispose();
        Server.Dispose();
    }

    private static Socket Listen(IPAddress address, int port)
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(address, port));
        listener.Listen();
        return listener;
    }

    private IPAddress[] Resolve(string name)
    {
        var times = _asked.AddOrUpdate(name, 1, (_, before) => before + 1);
        _resolving.TrySetResult();
        static IPAddress[] Addresses(params string[] texts) => [.. texts.Select(IPAddress.Parse)];
        switch (name)
        {
            case "localhost": return [IPAddress.Loopback];
            case "mixed.example": return Addresses("10.0.0.1", "127.0.0.1");
            case "private.example": return Addresses("10.0.0.1", "fd00::1");
            case "metadata.example": return Addresses("169.254.169.254");
            case "mapped.example": return Addresses("::ffff:169.254.169.254");
            case "rebound.example": return Addresses("127.0.0.1", "fd00::1");
            case "rebinding.example": return times == 1 ? Addresses("127.0.0.1") : Addresses("10.0.0.1");
            case "own.example": return Addresses("8.8.4.4");
            case "mail.example": return Addresses("1.1.1.1");
            case "public.example": return Addresses("1.1.1.1", "10.0.0.1", "2606:4700::1111");
            case "many.example": return [.. Enumerable.Range(1, 100).Select(last => IPAddress.Parse($"1.1.1.{last}"))];
            case "weak.example": throw new SocketException((int)SocketError.TryAgain);
        }

        if (name.StartsWith("slow", StringComparison.Ordinal))
        {
            _stopping.Wait(TestContext.Current.CancellationToken);
        }

        throw new SocketException((int)SocketError.HostNotFound);
    }
}
