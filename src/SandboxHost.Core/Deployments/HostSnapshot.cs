using System.Collections.Frozen;
using SandboxHost.Egress;
using SandboxHost.Events;
using SandboxHost.Routing;
using SandboxHost.Routing.Rules;
using SandboxHost.Runs;

namespace SandboxHost.Deployments;

/// <summary>Everything that is live now: immutable, swapped whole. A request keeps the one it started with.</summary>
public sealed class HostSnapshot
{
    public static readonly HostSnapshot Empty = new([]);

    private readonly FrozenDictionary<string, SiteSnapshot> _byHost;
    private readonly SiteSnapshot? _main;

    /// <param name="sites">The first is the main site: it answers at every host name that no other site has.</param>
    public HostSnapshot(IReadOnlyList<SiteSnapshot> sites)
    {
        ArgumentNullException.ThrowIfNull(sites);
        Sites = sites;
        _main = sites.Count > 0 ? sites[0] : null;
        _byHost = sites
            .SelectMany(site => site.HostNames, (site, host) => KeyValuePair.Create(host, site))
            .ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);
    }

    public IReadOnlyList<SiteSnapshot> Sites { get; }

    /// <summary>The site that answers at a host name, without its port; null when there is none.</summary>
    public SiteSnapshot? FindSite(ReadOnlySpan<char> host)
    {
        // One site and no other names is the developer's usual case.
        return _byHost.Count > 0 && _byHost.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(host, out var site) ? site : _main;
    }

    /// <summary>The version that is live under a name; null when there is none.</summary>
    public FunctionVersion? FindFunction(FunctionKey key)
    {
        foreach (var site in Sites)
        {
            if (site.Identity.Id == key.SiteId)
            {
                return site.Functions.FirstOrDefault(function => function.Name == key.FunctionName);
            }
        }

        return null;
    }

    public bool Contains(FunctionVersion function)
    {
        foreach (var site in Sites)
        {
            if (site.Functions.Contains(function))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>One site as it is live now.</summary>
public sealed class SiteSnapshot
{
    public required SiteIdentity Identity { get; init; }

    public required IReadOnlyList<string> HostNames { get; init; }

    /// <summary>In registry order: the first that matches wins.</summary>
    public required IReadOnlyList<FunctionVersion> Functions { get; init; }

    public required RouteTable Routes { get; init; }

    /// <summary>What events from outside are signed with; null: none are taken.</summary>
    public string? EventSecret { get; init; }

    /// <summary>The functions that an event is told to, in registry order.</summary>
    public IEnumerable<FunctionVersion> SubscribersOf(PlatformEvent raised)
    {
        ArgumentNullException.ThrowIfNull(raised);
        return Functions.Where(function => function.Events.Contains(raised.Slug));
    }

    /// <summary>Null: none of its files are served.</summary>
    public PublishedFiles? Files { get; init; }

    public RedirectTable Redirects { get; init; } = RedirectTable.Empty;

    /// <summary>For replies from <see cref="Files"/>; a function sets its own.</summary>
    public HeaderTable Headers { get; init; } = HeaderTable.Empty;

    /// <summary>What its rewrites to other hosts may reach: the same as its functions.</summary>
    public EgressPolicy Egress { get; init; } = EgressPolicy.Internet;

    /// <summary>Null: no visitor has a role.</summary>
    public RoleTokens? RoleTokens { get; init; }

    /// <summary>Where its visitors appear to be.</summary>
    public GeoLocation Geo { get; init; } = GeoLocation.Mock;
}

/// <summary>The files of a site that anybody may read.</summary>
/// <param name="Directory">Absolute.</param>
/// <param name="Hidden">Files and directories below it that nobody may, relative, with '/'; case is ignored.</param>
public sealed record PublishedFiles(string Directory, IReadOnlyList<string> Hidden);

/// <summary>The current snapshot, and who wants to know of the next.</summary>
public sealed class SnapshotSource
{
    private volatile HostSnapshot _current = HostSnapshot.Empty;

    public HostSnapshot Current => _current;

    /// <summary>Raised after the swap, on the publisher's thread.</summary>
    public event Action<HostSnapshot>? Published;

    public void Publish(HostSnapshot snapshot)
    {
        _current = snapshot;
        Published?.Invoke(snapshot);
    }
}
