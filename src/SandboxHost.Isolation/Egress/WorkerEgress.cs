using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using SandboxHost.Egress;

namespace SandboxHost.Isolation.Egress;

/// <summary>What a door needs of the host.</summary>
internal sealed record EgressContext(string Sandbox, EgressSites Sites, OwnAddresses Own, TimeProvider Time, ILogger Logger)
{
    /// <summary>Tells the function's author, who otherwise only sees a connection that failed.</summary>
    public Func<string, Task> TellAsync { get; init; } = _ => Task.CompletedTask;
}

/// <summary>Where a connection may go: the addresses that passed, or the rule that none did, or why none were found.</summary>
internal readonly record struct Destination(IPAddress[] Addresses, string? Rule = null, SocketException? Failure = null);

/// <summary>
/// One worker at its door: whose it is, where it may go, what it has used. Until it has a function it may go nowhere. Every
/// refusal is counted; each destination is told of once, and so many destinations, not more.
/// </summary>
internal sealed class WorkerEgress(EgressContext context, EgressLimits limits)
{
    private const int MaxTold = 64;

    private readonly Lock _gate = new();
    private readonly HashSet<string> _told = new(StringComparer.Ordinal);
    private readonly HandedOutNames _names = new();
    private volatile Bond? _bond;
    private bool _closed;

    public EgressContext Context => context;

    public EgressCounters Counters { get; } = new();

    /// <summary>Binds it to a site, once. False when the door has been closed meanwhile.</summary>
    public bool Bind(string site, EgressPolicy policy)
    {
        lock (_gate)
        {
            if (_closed || _bond is not null)
            {
                return false;
            }

            _bond = new Bond(policy, context.Sites.Enter(site));
            return true;
        }
    }

    public void Close()
    {
        lock (_gate)
        {
            if (!_closed && _bond is { } bond)
            {
                context.Sites.Leave(bond.Site);
            }

            _closed = true;
        }
    }

    /// <summary>Whether the site may have another connection now.</summary>
    public bool TryConnect() => _bond?.Site.TryConnect() ?? true;

    /// <summary>Finds what was asked for by name, or by an address in any spelling, and judges both the name and where it leads.</summary>
    /// <param name="port">Null: for any port; the connection is judged again when it comes.</param>
    public async Task<Destination> FindAsync(string host, int? port, CancellationToken cancellationToken)
    {
        if (_bond is not { } bond)
        {
            return new Destination([], "no-function");
        }

        if (bond.Policy.JudgeName(host, port) is { IsAllowed: false } asked)
        {
            return new Destination([], asked.Rule);
        }

        // Inside, localhost is the sandbox's own. This is the name for the host's; like any address it still has to be allowed.
        if (string.Equals(host, EgressPolicy.HostName, StringComparison.OrdinalIgnoreCase))
        {
            return Judge([IPAddress.Loopback], port, bond);
        }

        // 2130706433, 0177.1 and 0x7f.1 are addresses too: whatever is made of a host is what gets judged.
        if (IPAddress.TryParse(host, out var literal))
        {
            return Judge([literal], port, bond);
        }

        var lookup = await bond.Site.ResolveAsync(host.ToLowerInvariant(), cancellationToken);
        return lookup.Addresses.Length > 0 ? Judge(lookup.Addresses, port, bond) : new Destination([], lookup.Rule, lookup.Failure);
    }

    /// <summary>Judges an address that a program connected to by itself, by the names under which this worker got to know it.</summary>
    public Destination Find(IPAddress address, int port)
    {
        if (_bond is not { } bond)
        {
            return new Destination([], "no-function");
        }

        var (name, target) = address.Equals(EgressPolicy.HostAddress) ? (EgressPolicy.HostName, IPAddress.Loopback) : (address.ToString(), address);
        var asked = bond.Policy.JudgeName(name, port);
        if (!asked.IsAllowed && !_names.Of(address).Any(known => bond.Policy.JudgeName(known, port).IsAllowed))
        {
            return new Destination([], asked.Rule);
        }

        return Judge([target], port, bond);
    }

    /// <summary>The worker's name server gave it these addresses for a name: by them it will connect.</summary>
    public void HandOut(string name, IEnumerable<IPAddress> addresses)
    {
        if (_bond?.Policy.Rules.Mode == EgressMode.List)
        {
            _names.Add(name, addresses);
        }
    }

    public void Connected()
    {
        Counters.Connected();
        _bond?.Site.Counters.Connected();
    }

    /// <summary>Counts bytes that went out of the site and waits while they were too many.</summary>
    public ValueTask UpAsync(int bytes, CancellationToken cancellationToken)
    {
        Counters.Up(bytes);
        _bond?.Site.Counters.Up(bytes);
        return PaceAsync(bytes, cancellationToken);
    }

    public ValueTask DownAsync(int bytes, CancellationToken cancellationToken)
    {
        Counters.Down(bytes);
        _bond?.Site.Counters.Down(bytes);
        return PaceAsync(bytes, cancellationToken);
    }

    /// <summary>Counts a refusal, and tells of it if this destination was not told of yet.</summary>
    /// <param name="port">Null: a name that was not looked up.</param>
    public async Task RefuseAsync(string host, int? port, string rule)
    {
        Counters.Refused();
        _bond?.Site.Counters.Refused();
        context.Sites.Refused(_bond?.Site, rule);
        if (!IsNews($"{host}:{port} {rule}", out var isLast))
        {
            return;
        }

        context.Logger.EgressRefused(context.Sandbox, _bond?.Site.Site ?? "", host, port ?? 0, rule);
        await context.TellAsync(port is null
            ? $"The egress door did not look up {host} ({rule}): {Reach()}"
            : $"The egress door refused {host}:{port} ({rule}): {Reach()}");
        if (isLast)
        {
            await context.TellAsync($"The egress door refused {MaxTold} destinations. Further ones are counted, but not said.");
        }
    }

    /// <summary>Counts a connection or a name that was turned away by a limit, and tells of the limit once.</summary>
    public async Task TurnAwayAsync(string limit)
    {
        Counters.Refused();
        _bond?.Site.Counters.Refused();
        context.Sites.Refused(_bond?.Site, limit);
        await TellLimitAsync(limit);
    }

    private async Task TellLimitAsync(string limit)
    {
        if (IsNews(limit, out _))
        {
            context.Logger.EgressLimited(context.Sandbox, _bond?.Site.Site ?? "", limit);
            await context.TellAsync($"{LimitName.Explain(limit, limits)} ({limit}; said once).");
        }
    }

    private ValueTask PaceAsync(int bytes, CancellationToken cancellationToken) =>
        _bond?.Site.Passed(bytes) is { } wait && wait > TimeSpan.Zero ? WaitAsync(wait, cancellationToken) : ValueTask.CompletedTask;

    private async ValueTask WaitAsync(TimeSpan wait, CancellationToken cancellationToken)
    {
        await TellLimitAsync(LimitName.Bytes);
        await Task.Delay(wait, context.Time, cancellationToken);
    }

    private Destination Judge(IPAddress[] addresses, int? port, Bond bond)
    {
        var own = context.Own.Read();
        var judged = addresses.Select(address => (Address: address, Verdict: bond.Policy.Judge(address, port, own))).ToArray();
        var allowed = judged.Where(one => one.Verdict.IsAllowed).Select(one => one.Address).ToArray();
        return new Destination(allowed, allowed.Length == 0 ? judged[0].Verdict.Rule : null);
    }

    private string Reach() => _bond?.Policy.Rules.Mode switch
    {
        null => "it has no function yet.",
        EgressMode.None => "by its site's policy functions reach nothing outside.",
        EgressMode.List => "by its site's policy functions reach the names that are listed, and private addresses only where they are allowed.",
        _ => "functions reach the internet, and private addresses only where they are allowed.",
    };

    private bool IsNews(string what, out bool isLast)
    {
        lock (_gate)
        {
            var isNew = _told.Count < MaxTold && _told.Add(what);
            isLast = isNew && _told.Count == MaxTold;
            return isNew;
        }
    }

    private sealed record Bond(EgressPolicy Policy, SiteEgress Site);
}
