using System.Text.Json;
using Dapper;
using SandboxHost.Deployments;

namespace SandboxHost.Storage;

/// <summary>Sites and deploys in SQLite, in the database of the runs.</summary>
public sealed class SqliteDeployStore(SqliteDatabase database) : IDeployStore
{
    public async Task<IReadOnlyList<Site>> ListSitesAsync(CancellationToken cancellationToken)
    {
        var rows = await database.ReadAsync(
            connection => connection.Query<(string Id, string Name, string Domains, long CreatedAt, string? Published, bool IsLocked)>(
                "SELECT id, name, domains, created_at, published_deploy, is_locked FROM sites ORDER BY name").AsList(),
            cancellationToken);
        return [.. rows.Select(row => new Site(
            row.Id, row.Name, JsonSerializer.Deserialize<string[]>(row.Domains)!, row.CreatedAt.ToTime(), row.Published, row.IsLocked))];
    }

    public Task<bool> AddSiteAsync(Site site, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(site);
        return database.WriteAsync(
            connection => connection.Execute(
                "INSERT INTO sites (id, name, domains, created_at, is_locked) VALUES (@Id, @Name, @domains, @created, @IsLocked) ON CONFLICT (name) DO NOTHING",
                new { site.Id, site.Name, domains = JsonSerializer.Serialize(site.Domains), created = site.CreatedAt.ToStored(), site.IsLocked }) == 1,
            cancellationToken);
    }

    public Task UpdateSiteAsync(Site site, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(site);
        return database.WriteAsync(
            connection => connection.Execute(
                "UPDATE sites SET domains = @domains, is_locked = @IsLocked WHERE id = @Id",
                new { site.Id, domains = JsonSerializer.Serialize(site.Domains), site.IsLocked }),
            cancellationToken);
    }

    public Task RemoveSiteAsync(string siteId, CancellationToken cancellationToken) =>
        database.WriteAsync(connection => connection.Execute("DELETE FROM sites WHERE id = @siteId", new { siteId }), cancellationToken);

    public async Task<IReadOnlyList<Deploy>> ListDeploysAsync(string? siteId, CancellationToken cancellationToken)
    {
        var where = siteId is null ? "" : "WHERE site_id = @siteId";
        var rows = await database.ReadAsync(
            connection => connection.Query<DeployRow>($"SELECT {DeployRow.Columns} FROM deploys {where} ORDER BY created_at DESC, id DESC", new { siteId }).AsList(),
            cancellationToken);
        return [.. rows.Select(row => row.ToDeploy())];
    }

    public Task AddDeployAsync(Deploy deploy, CancellationToken cancellationToken) => database.WriteAsync(
        connection => connection.Execute(
            """
            INSERT INTO deploys (id, site_id, state, context, branch, alias, title, is_for_production, created_at)
            VALUES (@Id, @SiteId, @State, @Context, @Branch, @Alias, @Title, @IsForProduction, @CreatedAt)
            """,
            DeployRow.Of(deploy)),
        cancellationToken);

    public Task<bool> EndDeployAsync(Deploy ended, bool publish, CancellationToken cancellationToken)
    {
        var row = DeployRow.Of(ended);
        return database.WriteAsync(
            connection =>
            {
                if (row is { State: (long)DeployState.Ready, Alias: not null })
                {
                    connection.Execute("UPDATE deploys SET alias = NULL WHERE site_id = @SiteId AND alias = @Alias AND id <> @Id AND state = 1", row);
                }

                var isEnded = connection.Execute(
                    "UPDATE deploys SET state = @State, ended_at = @EndedAt, published_at = @PublishedAt, error_message = @ErrorMessage WHERE id = @Id AND state = 0", row) == 1;
                if (isEnded && publish)
                {
                    connection.Execute("UPDATE sites SET published_deploy = @Id WHERE id = @SiteId", row);
                }

                return isEnded;
            },
            cancellationToken);
    }

    public Task<bool> PublishAsync(string siteId, string deployId, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        connection =>
        {
            var values = new { siteId, deployId, now = now.ToStored() };
            return connection.Execute("UPDATE deploys SET published_at = @now WHERE id = @deployId AND site_id = @siteId AND state = 1", values) == 1
                && connection.Execute("UPDATE sites SET published_deploy = @deployId WHERE id = @siteId", values) == 1;
        },
        cancellationToken);

    public Task<bool> RemoveDeployAsync(string deployId, CancellationToken cancellationToken) => database.WriteAsync(
        connection => connection.Execute(
            "DELETE FROM deploys WHERE id = @deployId AND NOT EXISTS (SELECT 1 FROM sites WHERE published_deploy = @deployId)", new { deployId }) == 1,
        cancellationToken);
}
