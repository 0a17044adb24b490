using System.Collections.Concurrent;
using System.Globalization;
using SandboxHost.Events;

namespace SandboxHost.Deployments;

/// <summary>What is asked for when a deploy begins.</summary>
/// <param name="SiteName">The site's name.</param>
/// <param name="Files">Everything that the deploy will hold.</param>
public sealed record DeployRequest(string SiteName, IReadOnlyList<DeployFile> Files)
{
    public bool IsForProduction { get; init; }

    public string Context { get; init; } = "deploy-preview";

    public string Branch { get; init; } = "";

    public string? Alias { get; init; }

    public string Title { get; init; } = "";
}

/// <summary>A deploy that ended, and what its author should know.</summary>
public sealed record EndedDeploy(Deploy Deploy, bool IsPublished, IReadOnlyList<string> Warnings);

/// <summary>
/// Takes deploys, publishes them, and tells functions of it. A deploy is a list of files first, then the contents that are
/// missing, then one step in which it becomes ready or fails; publishing is one swap of the snapshot. What is changed, is
/// changed in the store before anybody sees it.
/// </summary>
/// <param name="tell">Tells a site's functions of an event.</param>
/// <exception cref="DeployRefusedException">From every method that is asked for something that can't be.</exception>
/// <exception cref="Runs.RunStoreException">From every method that changes something: the store failed.</exception>
public sealed class Deployer(
    IDeployStore store, IDeployContent content, SnapshotSource snapshots, Func<SiteSnapshot, EventMessage, Task> tell, DeployAddresses addresses, DeployLimits limits, TimeProvider clock)
    : IAsyncDisposable
{
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly LiveSites _live = new(content, snapshots, addresses);
    private readonly ConcurrentDictionary<string, DeployUpload> _uploads = new(StringComparer.Ordinal);
    private ITimer? _expiring;

    /// <summary>Takes what the store has, publishes it, and ends what a host before this one left half done.</summary>
    /// <returns>What can't be served, as sentences.</returns>
    public async Task<IReadOnlyList<string>> StartAsync(CancellationToken cancellationToken)
    {
        var deploys = await store.ListDeploysAsync(null, cancellationToken);
        foreach (var left in deploys.Where(deploy => deploy.State == DeployState.Uploading))
        {
            await store.EndDeployAsync(Failed(left, "The host stopped while the deploy was uploaded."), publish: false, cancellationToken);
        }

        var ready = deploys.Where(deploy => deploy.State == DeployState.Ready).ToList();
        content.Sweep(ready.Select(deploy => deploy.Id).ToHashSet(StringComparer.Ordinal), new HashSet<string>());
        var mistakes = _live.Load(await store.ListSitesAsync(cancellationToken), ready);
        _expiring = clock.CreateTimer(_ => _ = ExpireAsync(), null, limits.UploadIdle, limits.UploadIdle / 4);
        return mistakes;
    }

    public IReadOnlyList<Site> Sites => _live.Sites;

    public string UrlOf(Site site) => addresses.UrlOf(site);

    public string UrlOf(Site site, Deploy deploy) => addresses.UrlOf(site, deploy);

    public Task<Site> CreateSiteAsync(string name, IReadOnlyList<string> domains, CancellationToken cancellationToken) => AloneAsync(
        async () =>
        {
            if (!SiteName.IsLegal(name))
            {
                throw new DeployRefusedException(DeployRefusal.Invalid, $"'{name}' can't be a site's name: {SiteName.Rule}.");
            }

            var site = new Site(Guid.NewGuid().ToString(), name, DeployRules.ReadDomains(domains, null, _live.Sites, addresses), clock.GetUtcNow());
            if (!await store.AddSiteAsync(site, cancellationToken))
            {
                throw new DeployRefusedException(DeployRefusal.Taken, $"There is a site {name} already.");
            }

            _live.Set(site);
            return site;
        },
        cancellationToken);

    /// <summary>Gives a site other host names beside its own.</summary>
    public Task<Site> SetDomainsAsync(string name, IReadOnlyList<string> domains, CancellationToken cancellationToken) => AloneAsync(
        async () =>
        {
            var site = SiteOf(name);
            site = site with { Domains = DeployRules.ReadDomains(domains, site, _live.Sites, addresses) };
            await store.UpdateSiteAsync(site, cancellationToken);
            _live.Set(site);
            return site;
        },
        cancellationToken);

    /// <summary>Removes a site with all its deploys.</summary>
    public Task RemoveSiteAsync(string name, CancellationToken cancellationToken) => AloneAsync(
        async () =>
        {
            var site = SiteOf(name);
            var deploys = await store.ListDeploysAsync(site.Id, cancellationToken);
            await store.RemoveSiteAsync(site.Id, cancellationToken);
            _live.Remove(site);
            foreach (var deploy in deploys)
            {
                _uploads.TryRemove(deploy.Id, out _);
                content.Remove(deploy.Id);
            }

            Sweep();
            return site;
        },
        cancellationToken);

    /// <summary>While a site is locked, new deploys become ready and are not published.</summary>
    public Task<Site> SetLockAsync(string name, bool isLocked, CancellationToken cancellationToken) => AloneAsync(
        async () =>
        {
            var site = SiteOf(name);
            if (_live.PublishedOf(site) is not { } published)
            {
                throw new DeployRefusedException(DeployRefusal.WrongState, $"Nothing of {name} is published that could be locked.");
            }

            if (site.IsLocked != isLocked)
            {
                site = site with { IsLocked = isLocked };
                await store.UpdateSiteAsync(site, cancellationToken);
                _live.Set(site);
                await TellAsync(isLocked ? DeployEvents.Locked : DeployEvents.Unlocked, site, published);
            }

            return site;
        },
        cancellationToken);

    public async Task<IReadOnlyList<Deploy>> ListDeploysAsync(string siteName, CancellationToken cancellationToken) =>
        await store.ListDeploysAsync(SiteOf(siteName).Id, cancellationToken);

    /// <summary>Begins a deploy.</summary>
    /// <returns>It, and the contents that <see cref="Write"/> must bring before <see cref="FinishAsync"/>.</returns>
    public Task<(Deploy Deploy, IReadOnlyList<string> Missing)> BeginAsync(DeployRequest request, CancellationToken cancellationToken) => AloneAsync(
        async () =>
        {
            ArgumentNullException.ThrowIfNull(request);
            var site = SiteOf(request.SiteName);
            if (DeployRules.RuleAgainst(request, limits) is { } rule)
            {
                throw new DeployRefusedException(DeployRefusal.Invalid, rule);
            }

            if (_uploads.Count >= limits.Uploads)
            {
                throw new DeployRefusedException(
                    DeployRefusal.TooMany, string.Create(CultureInfo.InvariantCulture, $"{_uploads.Count} deploys are being uploaded already; try again when one of them is done."));
            }

            var deploy = new Deploy
            {
                Id = Deploy.NewId(clock.GetUtcNow()),
                SiteId = site.Id,
                Context = request.Context,
                Branch = request.Branch,
                Alias = request.Alias,
                Title = request.Title,
                IsForProduction = request.IsForProduction,
                CreatedAt = clock.GetUtcNow(),
            };
            await store.AddDeployAsync(deploy, cancellationToken);
            _uploads[deploy.Id] = new DeployUpload(deploy, request.Files, clock.GetUtcNow());
            await TellAsync(DeployEvents.Building, site, deploy);
            return (deploy, content.MissingOf(request.Files));
        },
        cancellationToken);

    /// <summary>Takes one of a deploy's contents.</summary>
    public IContentWriter Write(string deployId, string sha256)
    {
        var upload = _uploads.GetValueOrDefault(deployId) ?? throw NoUpload(deployId);
        var file = upload.FileOf(sha256)
            ?? throw new DeployRefusedException(DeployRefusal.Invalid, $"The deploy has no file with the SHA-256 {sha256}.");
        upload.LastActive = clock.GetUtcNow();
        return OnDisk(() => content.Write(file));
    }

    /// <summary>Puts the deploy together, and publishes it if it is for production and the site is not locked.</summary>
    public Task<EndedDeploy> FinishAsync(string deployId, CancellationToken cancellationToken) => AloneAsync(
        async () =>
        {
            var upload = _uploads.GetValueOrDefault(deployId) ?? throw NoUpload(deployId);
            var site = _live.Sites.First(site => site.Id == upload.Deploy.SiteId);
            if (content.MissingOf(upload.Files) is { Count: > 0 } missing)
            {
                throw new DeployRefusedException(
                    DeployRefusal.WrongState, string.Create(CultureInfo.InvariantCulture, $"{missing.Count} of the deploy's files are not here yet, {missing[0]} among them."));
            }

            var publish = upload.Deploy.IsForProduction && !site.IsLocked;
            var now = clock.GetUtcNow();
            var ready = upload.Deploy with { State = DeployState.Ready, EndedAt = now, PublishedAt = publish ? now : null };
            DeployReading reading;
            try
            {
                content.Assemble(ready.Id, upload.Files);
                reading = _live.Read(site, ready, publish);
            }
            catch (IOException ex)
            {
                await FailAsync(site, upload.Deploy, $"The deploy's files could not be put together: {ex.Message}", CancellationToken.None);
                throw new DeployRefusedException(DeployRefusal.Disk, ex.Message, ex);
            }

            if (reading.Site is null)
            {
                var failed = await FailAsync(site, upload.Deploy, string.Join('\n', reading.Mistakes), cancellationToken);
                return new EndedDeploy(failed, IsPublished: false, reading.Warnings);
            }

            if (!await store.EndDeployAsync(ready, publish, cancellationToken))
            {
                throw NoUpload(deployId);
            }

            _uploads.TryRemove(ready.Id, out _);
            await _live.AddAsync(site, ready, publish);
            await TellAsync(DeployEvents.Succeeded, SiteOf(site.Name), ready);
            await PruneAsync(SiteOf(site.Name));
            return new EndedDeploy(ready, publish, reading.Warnings);
        },
        cancellationToken);

    /// <summary>Ends a deploy whose uploader has given up.</summary>
    public Task<Deploy> CancelAsync(string deployId, string why, CancellationToken cancellationToken) => AloneAsync(
        async () =>
        {
            var upload = _uploads.GetValueOrDefault(deployId) ?? throw NoUpload(deployId);
            return await FailAsync(_live.Sites.First(site => site.Id == upload.Deploy.SiteId), upload.Deploy, why, cancellationToken);
        },
        cancellationToken);

    /// <summary>Makes a deploy that is ready the one that the site's names show: a later one, or one from before.</summary>
    public Task<Deploy> PublishAsync(string deployId, CancellationToken cancellationToken) => AloneAsync(
        async () =>
        {
            var (site, deploy) = ReadyOf(deployId);
            if (site.PublishedDeployId == deployId)
            {
                return deploy;
            }

            deploy = deploy with { PublishedAt = clock.GetUtcNow() };
            if (_live.Read(site, deploy, isPublished: true) is { Site: null } reading)
            {
                throw new DeployRefusedException(DeployRefusal.WrongState, string.Join('\n', reading.Mistakes));
            }

            if (!await store.PublishAsync(site.Id, deployId, deploy.PublishedAt.Value, cancellationToken))
            {
                throw new DeployRefusedException(DeployRefusal.NotFound, $"There is no deploy {deployId}.");
            }

            await _live.AddAsync(site, deploy, publish: true);
            return deploy;
        },
        cancellationToken);

    /// <summary>Removes a deploy that is not published.</summary>
    public Task RemoveAsync(string deployId, CancellationToken cancellationToken) => AloneAsync(
        async () =>
        {
            var (site, deploy) = ReadyOf(deployId);
            if (site.PublishedDeployId == deployId)
            {
                throw new DeployRefusedException(DeployRefusal.WrongState, $"Deploy {deployId} is published; publish another one first.");
            }

            await RemoveAsync(site, deploy);
            Sweep();
            return deploy;
        },
        cancellationToken);

    public async ValueTask DisposeAsync()
    {
        if (_expiring is not null)
        {
            await _expiring.DisposeAsync();
        }

        // Whoever holds it finishes first.
        await _gate.WaitAsync();
        _gate.Dispose();
    }

    private static DeployRefusedException NoUpload(string deployId) =>
        new(DeployRefusal.NotFound, $"No deploy {deployId} is being uploaded.");

    private static Deploy Failed(Deploy deploy, string why, DateTimeOffset now = default) =>
        deploy with { State = DeployState.Error, EndedAt = now == default ? deploy.CreatedAt : now, ErrorMessage = why };

    private static T OnDisk<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (IOException ex)
        {
            throw new DeployRefusedException(DeployRefusal.Disk, ex.Message, ex);
        }
    }

    private Site SiteOf(string name) =>
        _live.Sites.FirstOrDefault(site => site.Name == name) ?? throw new DeployRefusedException(DeployRefusal.NotFound, $"There is no site {name}.");

    private (Site Site, Deploy Deploy) ReadyOf(string deployId) =>
        _live.Find(deployId) ?? throw new DeployRefusedException(DeployRefusal.NotFound, $"There is no deploy {deployId} that is ready.");

    private async Task<Deploy> FailAsync(Site site, Deploy deploy, string why, CancellationToken cancellationToken)
    {
        var failed = Failed(deploy, why, clock.GetUtcNow());
        await store.EndDeployAsync(failed, publish: false, cancellationToken);
        _uploads.TryRemove(deploy.Id, out _);
        content.Remove(deploy.Id);
        await TellAsync(DeployEvents.Failed, site, failed);
        Sweep();
        return failed;
    }

    // The oldest of those that nothing points to.
    private async Task PruneAsync(Site site)
    {
        var others = _live.DeploysOf(site).Where(deploy => deploy.Id != site.PublishedDeployId).OrderByDescending(deploy => deploy.CreatedAt).ToList();
        foreach (var old in others.Skip(limits.Kept))
        {
            await RemoveAsync(site, old);
        }

        if (others.Count > limits.Kept)
        {
            Sweep();
        }
    }

    private async Task RemoveAsync(Site site, Deploy deploy)
    {
        if (await store.RemoveDeployAsync(deploy.Id, CancellationToken.None))
        {
            _live.Remove(deploy);
            content.Remove(deploy.Id);
            await TellAsync(DeployEvents.Deleted, site, deploy);
        }
    }

    private void Sweep()
    {
        var uploading = _uploads.Values.SelectMany(upload => upload.Files).Select(file => file.Sha256).ToHashSet(StringComparer.Ordinal);
        content.Sweep(_live.Sites.SelectMany(_live.DeploysOf).Select(deploy => deploy.Id).ToHashSet(StringComparer.Ordinal), uploading);
    }

    // Functions of what is published hear of it: they are the ones that are there before and after.
    private async Task TellAsync(PlatformEvent raised, Site site, Deploy deploy)
    {
        if (_live.SnapshotOf(site) is { } published)
        {
            await tell(published, DeployEvents.Of(raised, site, deploy, addresses));
        }
    }

    private async Task ExpireAsync()
    {
        var idle = clock.GetUtcNow() - limits.UploadIdle;
        foreach (var upload in _uploads.Values.Where(upload => upload.LastActive <= idle).ToList())
        {
            try
            {
                await CancelAsync(upload.Deploy.Id, "The upload stood still for too long.", CancellationToken.None);
            }
            catch (Exception ex) when (ex is DeployRefusedException or Runs.RunStoreException or ObjectDisposedException)
            {
                // It ended meanwhile, or the next turn tries again.
            }
        }
    }

    private async Task<T> AloneAsync<T>(Func<Task<T>> change, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            return await change();
        }
        finally
        {
            _gate.Release();
        }
    }
}
