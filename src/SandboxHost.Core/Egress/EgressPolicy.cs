using System.Net;
using System.Net.Sockets;
using SandboxHost.Sandboxes;

namespace SandboxHost.Egress;

/// <summary>Whether a destination may be dialled, and by which rule not.</summary>
public readonly record struct EgressVerdict(string? Rule)
{
    public static readonly EgressVerdict Allowed;

    public bool IsAllowed => Rule is null;
}

/// <summary>
/// What a site's functions, and its rewrites to other hosts, may reach. Two judgements, and both must pass: of the name
/// that was asked for, and of every address that is dialled. Addresses that are only reachable because of where the host
/// stands are refused whatever the name; who dials must dial the very address that was judged.
/// </summary>
public sealed class EgressPolicy
{
    /// <summary>By this name functions reach the host's loopback address, where that is allowed.</summary>
    public const string HostName = "host.internal";

    /// <summary>The internet, and nothing else.</summary>
    public static readonly EgressPolicy Internet = new(new EgressRules());

    private const int MailPort = 25;

    // RFC 7600's address that nobody has.
    private static readonly IPAddress HostStandIn = IPAddress.Parse("192.0.0.8");

    /// <summary>IANA's special-purpose registries, and what clouds put at fixed addresses. First match names the rule.</summary>
    private static readonly (IPNetwork Network, string Rule)[] Special =
    [
        (IPNetwork.Parse("0.0.0.0/8"), "this-network"),
        (IPNetwork.Parse("10.0.0.0/8"), "private"),
        (IPNetwork.Parse("100.64.0.0/10"), "shared"),
        (IPNetwork.Parse("127.0.0.0/8"), "loopback"),
        (IPNetwork.Parse("169.254.0.0/16"), "link-local"),
        (IPNetwork.Parse("172.16.0.0/12"), "private"),
        (IPNetwork.Parse("192.0.0.0/24"), "protocol"),
        (IPNetwork.Parse("192.0.2.0/24"), "documentation"),
        (IPNetwork.Parse("192.88.99.0/24"), "6to4"),
        (IPNetwork.Parse("192.168.0.0/16"), "private"),
        (IPNetwork.Parse("198.18.0.0/15"), "benchmark"),
        (IPNetwork.Parse("198.51.100.0/24"), "documentation"),
        (IPNetwork.Parse("203.0.113.0/24"), "documentation"),
        (IPNetwork.Parse("224.0.0.0/4"), "multicast"),
        (IPNetwork.Parse("240.0.0.0/4"), "reserved"),
        // A global address by its number, but Azure's hosts answer there to their guests.
        (IPNetwork.Parse("168.63.129.16/32"), "cloud-platform"),
        (IPNetwork.Parse("::/128"), "unspecified"),
        (IPNetwork.Parse("::1/128"), "loopback"),
        (IPNetwork.Parse("::/96"), "ipv4-compatible"),
        (IPNetwork.Parse("64:ff9b::/96"), "nat64"),
        (IPNetwork.Parse("64:ff9b:1::/48"), "nat64"),
        (IPNetwork.Parse("2001::/32"), "teredo"),
        (IPNetwork.Parse("2001::/23"), "protocol"),
        (IPNetwork.Parse("2001:db8::/32"), "documentation"),
        (IPNetwork.Parse("2002::/16"), "6to4"),
        (IPNetwork.Parse("3fff::/20"), "documentation"),
        (IPNetwork.Parse("fc00::/7"), "unique-local"),
        (IPNetwork.Parse("fe80::/10"), "link-local"),
        (IPNetwork.Parse("fec0::/10"), "site-local"),
        (IPNetwork.Parse("ff00::/8"), "multicast"),
    ];

    private static readonly IPNetwork GlobalUnicast6 = IPNetwork.Parse("2000::/3");

    private readonly List<(IPNetwork Network, int? Port)> _allowed = [];
    private readonly List<EgressName> _names = [];

    /// <exception cref="SandboxException">An entry cannot be read; the message has it.</exception>
    public EgressPolicy(EgressRules rules)
    {
        ArgumentNullException.ThrowIfNull(rules);
        Rules = rules;
        foreach (var entry in rules.AllowedPrivate)
        {
            _allowed.AddRange(ParseAllowed(entry));
        }

        foreach (var entry in rules.Names)
        {
            _names.Add(EgressName.Parse(entry) ?? throw new SandboxException($"egress: '{entry}' is no name such as 'example.com', '*.example.com' or 'example.com:443'"));
        }

        if (rules.Ports.FirstOrDefault(port => port is <= 0 or > ushort.MaxValue or MailPort, 1) is not 1 and var wrong)
        {
            throw new SandboxException($"egress: {wrong} is no port that can be opened");
        }
    }

    public EgressRules Rules { get; }

    /// <summary>The address that stands for the host where there are only addresses; <see cref="HostName"/> leads to it inside of sandboxes.</summary>
    public static IPAddress HostAddress => HostStandIn;

    /// <summary>
    /// Judges what was asked for: a name, or an address in any spelling. That it passes says nothing of where a name leads;
    /// what it doesn't let pass must not even be looked up.
    /// </summary>
    /// <param name="port">Null: whether it may be looked up at all.</param>
    public EgressVerdict JudgeName(string host, int? port)
    {
        ArgumentNullException.ThrowIfNull(host);
        if (Rules.Mode == EgressMode.Internet)
        {
            return EgressVerdict.Allowed;
        }

        if (EgressName.Normalise(host) is not { } name)
        {
            return new EgressVerdict("no-name");
        }

        var literal = name == HostName ? IPAddress.Loopback : IPAddress.TryParse(name, out var parsed) ? parsed : null;
        if (literal is not null && IsAllowed(literal, port))
        {
            return EgressVerdict.Allowed;
        }

        return Rules.Mode == EgressMode.None ? new EgressVerdict("none")
            : _names.Any(one => one.Matches(name, port)) ? EgressVerdict.Allowed
            : new EgressVerdict("not-listed");
    }

    /// <summary>Judges one address. <paramref name="own"/> has the host's addresses: reaching the host by its public one is reaching the host.</summary>
    /// <param name="port">Null: whether at any port at all.</param>
    public EgressVerdict Judge(IPAddress address, int? port, IReadOnlySet<IPAddress> own)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(own);
        var plain = Plain(address);
        if (IsAllowed(plain, port))
        {
            return EgressVerdict.Allowed;
        }

        if (port is MailPort or <= 0 or > ushort.MaxValue)
        {
            return new EgressVerdict("port");
        }

        foreach (var (network, rule) in Special)
        {
            if (network.Contains(plain))
            {
                return new EgressVerdict(rule);
            }
        }

        if (plain.AddressFamily == AddressFamily.InterNetworkV6 && !GlobalUnicast6.Contains(plain))
        {
            return new EgressVerdict("not-global");
        }

        if (IsIsatap(plain))
        {
            return new EgressVerdict("isatap");
        }

        return own.Contains(plain) ? new EgressVerdict("host-address") : EgressVerdict.Allowed;
    }

    /// <summary>An address without disguise: ::ffff:a.b.c.d is a.b.c.d, and an interface's name is no part of it.</summary>
    public static IPAddress Plain(IPAddress address) => address switch
    {
        { IsIPv4MappedToIPv6: true } => address.MapToIPv4(),
        { AddressFamily: AddressFamily.InterNetworkV6, ScopeId: not 0 } => new IPAddress(address.GetAddressBytes()),
        _ => address,
    };

    private bool IsAllowed(IPAddress plain, int? port) =>
        _allowed.Any(allowed => allowed.Network.Contains(plain) && (allowed.Port is null || port is null || allowed.Port == port));

    // RFC 5214: an IPv4 address behind 0:5efe or 200:5efe, in any prefix.
    private static bool IsIsatap(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        return (bytes[8] & ~2) == 0 && bytes[9] == 0 && bytes[10] == 0x5e && bytes[11] == 0xfe;
    }

    private static IEnumerable<(IPNetwork Network, int? Port)> ParseAllowed(string entry)
    {
        var (host, port) = SplitPort(entry);
        if (host == "localhost")
        {
            return [(Exactly(IPAddress.Loopback), port), (Exactly(IPAddress.IPv6Loopback), port)];
        }

        if (IPNetwork.TryParse(host, out var network))
        {
            return [(network, port)];
        }

        return IPAddress.TryParse(host, out var address)
            ? [(Exactly(Plain(address)), port)]
            : throw new SandboxException($"egress: '{entry}' is no address, address:port or network/length");
    }

    private static (string Host, int? Port) SplitPort(string entry)
    {
        var colon = entry.LastIndexOf(':');
        var bracketed = entry.StartsWith('[');
        var several = entry.IndexOf(':') != colon;
        if (colon < 0 || (several && !bracketed) || entry.EndsWith(']'))
        {
            return (entry.Trim('[', ']'), null);
        }

        return ushort.TryParse(entry[(colon + 1)..], out var port)
            ? (entry[..colon].Trim('[', ']'), port)
            : throw new SandboxException($"egress: '{entry}' has no port that is a number");
    }

    private static IPNetwork Exactly(IPAddress address) => new(address, address.GetAddressBytes().Length * 8);
}
