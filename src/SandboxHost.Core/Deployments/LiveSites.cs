namespace SandboxHost.Deployments;

/// <summary>
/// The sites of a host and their deploys as they are served. Every change makes a whole new <see cref="HostSnapshot"/>; a
/// deploy that did not change keeps its functions, and with them its warm workers. Used by one caller at a time.
/// </summary>
internal sealed class LiveSites(IDeployContent content, SnapshotSource snapshots, DeployAddresses addresses)
{
    private readonly SortedDictionary<string, Site> _sites = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Served> _deploys = new(StringComparer.Ordinal);
    private volatile IReadOnlyList<Site> _list = [];

    /// <summary>In the order of their names. Any thread may ask.</summary>
    public IReadOnlyList<Site> Sites => _list;

    /// <returns>What can't be served, as sentences.</returns>
    public IReadOnlyList<string> Load(IEnumerable<Site> sites, IEnumerable<Deploy> ready)
    {
        var mistakes = new List<string>();
        foreach (var site in sites)
        {
            _sites[site.Id] = site;
        }

        foreach (var deploy in ready)
        {
            var site = _sites[deploy.SiteId];
            var reading = Read(site, deploy, site.PublishedDeployId == deploy.Id);
            _deploys[deploy.Id] = new Served(deploy, reading.Site);
            mistakes.AddRange(reading.Mistakes.Select(mistake => $"Deploy {deploy.Id} of {site.Name} can't be served: {mistake}"));
        }

        Publish();
        return mistakes;
    }

    public DeployReading Read(Site site, Deploy deploy, bool isPublished) => content.Read(new DeployPlace(
        deploy,
        // Whoever runs the host is nobody's customer: each site is an account of its own.
        new SiteIdentity(site.Id, site.Name, addresses.UrlOf(site), site.Id),
        addresses.UrlOf(site, deploy),
        addresses.HostNamesOf(site, deploy, isPublished),
        isPublished));

    /// <summary>A site that is new, or has changed.</summary>
    public void Set(Site site)
    {
        _sites[site.Id] = site;
        if (site.PublishedDeployId is { } published)
        {
            ReadAgain(site, published);
        }

        Publish();
    }

    /// <summary>A deploy that is ready, perhaps to be published from now on.</summary>
    public Task AddAsync(Site site, Deploy deploy, bool publish)
    {
        if (deploy.Alias is { } alias)
        {
            foreach (var other in DeploysOf(site).Where(other => other.Id != deploy.Id && other.Alias == alias).ToList())
            {
                _deploys[other.Id] = _deploys[other.Id] with { Deploy = other with { Alias = null } };
                ReadAgain(site, other.Id);
            }
        }

        _deploys[deploy.Id] = new Served(deploy, null);
        var before = site.PublishedDeployId;
        if (publish)
        {
            _sites[site.Id] = site = site with { PublishedDeployId = deploy.Id };
            if (before is not null && before != deploy.Id)
            {
                ReadAgain(site, before);
            }
        }

        ReadAgain(site, deploy.Id);
        ListSites();
        return snapshots.PrepareAndPublishAsync(Compose());
    }

    public void Remove(Deploy deploy)
    {
        _deploys.Remove(deploy.Id);
        Publish();
    }

    public void Remove(Site site)
    {
        foreach (var deploy in DeploysOf(site).ToList())
        {
            _deploys.Remove(deploy.Id);
        }

        _sites.Remove(site.Id);
        Publish();
    }

    public IEnumerable<Deploy> DeploysOf(Site site) => _deploys.Values.Select(served => served.Deploy).Where(deploy => deploy.SiteId == site.Id);

    public (Site Site, Deploy Deploy)? Find(string deployId) =>
        _deploys.TryGetValue(deployId, out var served) ? (_sites[served.Deploy.SiteId], served.Deploy) : null;

    public Deploy? PublishedOf(Site site) => site.PublishedDeployId is { } id ? _deploys.GetValueOrDefault(id)?.Deploy : null;

    /// <summary>The site as its own names show it; null when nothing is published.</summary>
    public SiteSnapshot? SnapshotOf(Site site) =>
        _sites.GetValueOrDefault(site.Id)?.PublishedDeployId is { } id ? _deploys.GetValueOrDefault(id)?.Snapshot : null;

    private void ReadAgain(Site site, string deployId)
    {
        if (_deploys.TryGetValue(deployId, out var served))
        {
            _deploys[deployId] = served with { Snapshot = Read(site, served.Deploy, site.PublishedDeployId == deployId).Site };
        }
    }

    private void Publish()
    {
        ListSites();
        snapshots.Publish(Compose());
    }

    private void ListSites() => _list = [.. _sites.Values.OrderBy(site => site.Name, StringComparer.Ordinal)];

    private HostSnapshot Compose()
    {
        var served = _deploys.Values.Where(item => item.Snapshot is not null).ToLookup(item => _sites[item.Deploy.SiteId].PublishedDeployId == item.Deploy.Id, item => item.Snapshot!);
        return new HostSnapshot([.. served[true].OrderBy(site => site.Identity.Name, StringComparer.Ordinal)], [.. served[false]], hasMain: false);
    }

    private sealed record Served(Deploy Deploy, SiteSnapshot? Snapshot);
}
