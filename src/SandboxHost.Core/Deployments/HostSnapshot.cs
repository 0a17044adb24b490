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
    private readonly FrozenDictionary<string, SiteSnapshot> _bySite;
    private readonly FrozenDictionary<string, SiteSnapshot> _previews;
    private readonly FrozenSet<FunctionVersion> _functions;
    private readonly SiteSnapshot? _main;

    /// <param name="sites">Each site once, as its own names show it. The first is the main site, when there is one.</param>
    /// <param name="previews">Deploys that answer at names of their own only.</param>
    /// <param name="hasMain">The main site answers at every host name that no other has.</param>
    public HostSnapshot(IReadOnlyList<SiteSnapshot> sites, IReadOnlyList<SiteSnapshot>? previews = null, bool hasMain = true)
    {
        ArgumentNullException.ThrowIfNull(sites);
        Sites = sites;
        previews ??= [];
        _main = hasMain && sites.Count > 0 ? sites[0] : null;
        _byHost = sites.Concat(previews)
            .SelectMany(site => site.HostNames, (site, host) => KeyValuePair.Create(host, site))
            .ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);
        // The last of a key stays: of two folders of one name, the first is to be found.
        _bySite = sites.Reverse().Select(site => KeyValuePair.Create(site.Identity.Id, site)).ToFrozenDictionary(StringComparer.Ordinal);
        _previews = previews.Select(preview => KeyValuePair.Create(preview.DeployId, preview)).ToFrozenDictionary(StringComparer.Ordinal);
        _functions = sites.Concat(previews).SelectMany(site => site.Functions).ToFrozenSet();
    }

    public IReadOnlyList<SiteSnapshot> Sites { get; }

    /// <summary>The site that answers at a host name, without its port; null when there is none.</summary>
    public SiteSnapshot? FindSite(ReadOnlySpan<char> host)
    {
        // One site and no other names is the developer's usual case.
        return _byHost.Count > 0 && _byHost.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(host, out var site) ? site : _main;
    }

    /// <summary>The version that is live under a name; null when there is none.</summary>
    public FunctionVersion? FindFunction(FunctionKey key) =>
        _bySite.TryGetValue(key.SiteId, out var site) ? site.Functions.FirstOrDefault(function => function.Name == key.FunctionName) : null;

    /// <summary>
    /// The version that a run is for. One that came by a preview stays with that deploy; any other goes with what is live,
    /// so that a mended function takes what its broken predecessor left.
    /// </summary>
    public FunctionVersion? FindFunction(FunctionKey key, string deployId) =>
        _previews.TryGetValue(deployId, out var preview) && !preview.WasPublished
            ? preview.Functions.FirstOrDefault(function => function.Name == key.FunctionName)
            : FindFunction(key);

    public bool Contains(FunctionVersion function) => _functions.Contains(function);
}

/// <summary>One site as it is live now.</summary>
public sealed class SiteSnapshot
{
    public required SiteIdentity Identity { get; init; }

    /// <summary>The deploy; "0" on a developer's machine.</summary>
    public string DeployId { get; init; } = "0";

    /// <summary>The deploy is, or was once, what the site's own names show.</summary>
    public bool WasPublished { get; init; }

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
public sealed record PublishedFiles(string Directory, IReadOnlyList<string> Hidden)
{
    /// <summary>Whether nobody may read it: dot files but for .well-known, packages, and what the site hides.</summary>
    /// <param name="name">Relative, with '/'.</param>
    public bool IsHidden(string name)
    {
        foreach (var range in name.AsSpan().Split('/'))
        {
            var segment = name.AsSpan()[range];
            if ((segment.StartsWith('.') && !segment.Equals(".well-known", StringComparison.OrdinalIgnoreCase))
                || segment.Equals("node_modules", StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        foreach (var one in Hidden)
        {
            if (name.StartsWith(one, StringComparison.OrdinalIgnoreCase) && (name.Length == one.Length || name[one.Length] == '/'))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>The current snapshot, and who wants to know of the next. Published to by one caller at a time.</summary>
public sealed class SnapshotSource
{
    private volatile HostSnapshot _current = HostSnapshot.Empty;
    private volatile HostSnapshot? _coming;

    public HostSnapshot Current => _current;

    /// <summary>Who makes ready what the next snapshot needs, while the current one still serves. Takes a bounded time, and does not fail.</summary>
    public Func<HostSnapshot, Task>? Preparing { get; set; }

    /// <summary>Whether a function is live, or is being made ready to be.</summary>
    public bool Wants(FunctionVersion function) => _current.Contains(function) || _coming?.Contains(function) == true;

    /// <summary>Swaps when everything is ready for it, so that no request has to wait for the swap.</summary>
    public async Task PrepareAndPublishAsync(HostSnapshot snapshot)
    {
        if (Preparing is { } prepare)
        {
            _coming = snapshot;
            await prepare(snapshot);
        }

        Publish(snapshot);
        _coming = null;
    }

    /// <summary>Raised after the swap, on the publisher's thread.</summary>
    public event Action<HostSnapshot>? Published;

    public void Publish(HostSnapshot snapshot)
    {
        _current = snapshot;
        Published?.Invoke(snapshot);
    }
}
