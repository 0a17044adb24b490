using System.Net;
using SandboxHost.Isolation.Egress;

namespace SandboxHost.Isolation;

/// <summary>The operator's settings for what workers may reach, whatever their sites' policies say.</summary>
public sealed record EgressOptions
{
    internal const int MaxTransparentPorts = 32;
    private const int MailPort = 25;

    /// <summary>Where functions find the sites of this host. Null, the default: nowhere.</summary>
    public SiteServer? Sites { get; init; }

    public EgressLimits Limits { get; init; } = new();

    /// <summary>
    /// TCP ports at which programs that know no proxy reach the outside: web, mail submission, and the usual databases and
    /// brokers. Up to 32. Each is taken inside of every sandbox; empty turns the transparent door off. A site adds its own.
    /// </summary>
    public IReadOnlyList<int> TransparentPorts { get; init; } =
        [80, 443, 465, 587, 1433, 3306, 5432, 5671, 5672, 6379, 6380, 6543, 8080, 8443, 9042, 9092, 27017];

    /// <summary>
    /// Addresses of the host that none of its interfaces has, such as the public one of a machine behind NAT. Functions do
    /// not reach them.
    /// </summary>
    public IReadOnlyList<IPAddress> FurtherHostAddresses { get; init; } = [];

    /// <summary>Finds a name's addresses: the host's own resolver, unless a test says otherwise.</summary>
    internal Func<string, IPAddress[]> LookUp { get; init; } = Dns.GetHostAddresses;

    /// <summary>Mail is never let out, and two ports are the door's own inside.</summary>
    internal static bool CanBeTransparent(int port) =>
        port is > 0 and <= ushort.MaxValue and not MailPort && port != EgressDoor.NameServerPort && port != EgressDoor.ProxyPort;
}

/// <summary>How much goes through the door. A worker has its own connections; everything else is shared by a site's workers.</summary>
public sealed record EgressLimits
{
    /// <summary>Connections at a time per worker; further ones are turned away ("connections"). 1 to 10,000. Default 64.</summary>
    public int MaxConnections { get; init; } = 64;

    /// <summary>New connections per second and site; further ones are turned away ("rate"). Default 100.</summary>
    public double ConnectionsPerSecond { get; init; } = 100;

    /// <summary>New connections of a site at once, after a rest. Default 1000.</summary>
    public int ConnectionBurst { get; init; } = 1000;

    /// <summary>Bytes per second and site, both directions together; further ones wait ("bytes"). Default 32 MB.</summary>
    public double BytesPerSecond { get; init; } = 32 << 20;

    /// <summary>Bytes of a site at full speed, after a rest. Default 512 MB.</summary>
    public long ByteBurst { get; init; } = 512L << 20;

    /// <summary>Names per second and site that the host has to look up; further ones fail ("lookup-rate"). Default 20.</summary>
    public double LookupsPerSecond { get; init; } = 20;

    /// <summary>Names of a site at once, after a rest. Default 200.</summary>
    public int LookupBurst { get; init; } = 200;

    /// <summary>Names of a site that are being looked up at a time; further ones fail ("lookups"). Default 8.</summary>
    public int MaxLookups { get; init; } = 8;

    internal void Check(Action<bool, string> check)
    {
        check(MaxConnections is >= 1 and <= 10_000, $"Egress.Limits.MaxConnections is {MaxConnections}: 1 to 10000");
        check(MaxLookups is >= 1 and <= 1000, $"Egress.Limits.MaxLookups is {MaxLookups}: 1 to 1000");
        check(ConnectionsPerSecond > 0 && BytesPerSecond > 0 && LookupsPerSecond > 0, "Egress.Limits: rates are more than 0");
        check(ConnectionBurst > 0 && ByteBurst > 0 && LookupBurst > 0, "Egress.Limits: bursts are 1 or more");
    }
}
