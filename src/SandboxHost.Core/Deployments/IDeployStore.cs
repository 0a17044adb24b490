namespace SandboxHost.Deployments;

/// <summary>Sites and the records of their deploys, kept across restarts. PORT.</summary>
/// <exception cref="Runs.RunStoreException">From every method: the store did not take or give it; nothing was changed.</exception>
public interface IDeployStore
{
    /// <summary>In the order of their names.</summary>
    Task<IReadOnlyList<Site>> ListSitesAsync(CancellationToken cancellationToken);

    /// <returns>False: a site has that name.</returns>
    Task<bool> AddSiteAsync(Site site, CancellationToken cancellationToken);

    /// <summary>Sets everything of a site but its id, its name and what is published.</summary>
    Task UpdateSiteAsync(Site site, CancellationToken cancellationToken);

    /// <summary>With the records of its deploys.</summary>
    Task RemoveSiteAsync(string siteId, CancellationToken cancellationToken);

    /// <summary>Newest first.</summary>
    /// <param name="siteId">Null: of all sites.</param>
    Task<IReadOnlyList<Deploy>> ListDeploysAsync(string? siteId, CancellationToken cancellationToken);

    /// <summary>The record of a deploy that begins.</summary>
    Task AddDeployAsync(Deploy deploy, CancellationToken cancellationToken);

    /// <summary>
    /// Sets how a deploy ended. One that is ready takes its alias from the site's other deploys, and is published in the same
    /// change when that is asked for.
    /// </summary>
    /// <returns>False: it had ended already, or is gone.</returns>
    Task<bool> EndDeployAsync(Deploy ended, bool publish, CancellationToken cancellationToken);

    /// <summary>Publishes a deploy that is ready.</summary>
    /// <returns>False: it is not ready, or not of the site.</returns>
    Task<bool> PublishAsync(string siteId, string deployId, DateTimeOffset now, CancellationToken cancellationToken);

    /// <returns>False: it is published, or gone.</returns>
    Task<bool> RemoveDeployAsync(string deployId, CancellationToken cancellationToken);
}
