using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using SandboxHost.Events;

namespace SandboxHost.Deployments;

/// <summary>What functions are told of a deploy: <c>{ payload, site }</c>, in snake_case (reference §9.2).</summary>
public static class DeployEvents
{
    public static readonly PlatformEvent Building = PlatformEvent.Find("deploy_building")!;
    public static readonly PlatformEvent Succeeded = PlatformEvent.Find("deploy_succeeded")!;
    public static readonly PlatformEvent Failed = PlatformEvent.Find("deploy_failed")!;
    public static readonly PlatformEvent Deleted = PlatformEvent.Find("deploy_deleted")!;
    public static readonly PlatformEvent Locked = PlatformEvent.Find("deploy_locked")!;
    public static readonly PlatformEvent Unlocked = PlatformEvent.Find("deploy_unlocked")!;

    public static EventMessage Of(PlatformEvent raised, Site site, Deploy deploy, DeployAddresses addresses)
    {
        ArgumentNullException.ThrowIfNull(raised);
        ArgumentNullException.ThrowIfNull(site);
        ArgumentNullException.ThrowIfNull(deploy);
        ArgumentNullException.ThrowIfNull(addresses);
        var (url, deployUrl) = (addresses.UrlOf(site), addresses.UrlOf(site, deploy));
        var body = new JsonObject
        {
            ["payload"] = new JsonObject
            {
                ["id"] = deploy.Id,
                ["site_id"] = site.Id,
                ["build_id"] = deploy.Id,
                ["state"] = deploy.State switch
                {
                    DeployState.Uploading => "building",
                    DeployState.Ready => "ready",
                    _ => "error",
                },
                ["name"] = site.Name,
                ["url"] = url,
                ["ssl_url"] = url,
                ["deploy_url"] = deployUrl,
                ["deploy_ssl_url"] = deployUrl,
                ["admin_url"] = url,
                ["context"] = deploy.Context,
                ["branch"] = deploy.Branch.Length > 0 ? deploy.Branch : null,
                ["title"] = deploy.Title.Length > 0 ? deploy.Title : null,
                ["error_message"] = deploy.ErrorMessage,
                ["created_at"] = TextOf(deploy.CreatedAt),
                ["updated_at"] = TextOf(deploy.EndedAt ?? deploy.CreatedAt),
                ["published_at"] = deploy.PublishedAt is { } published ? TextOf(published) : null,
                ["deploy_time"] = deploy.EndedAt is { } ended ? Math.Round((ended - deploy.CreatedAt).TotalSeconds) : null,
                ["locked"] = site.IsLocked,
                ["draft"] = !deploy.IsForProduction,
                ["manual_deploy"] = true,
            },
            ["site"] = new JsonObject { ["id"] = site.Id, ["name"] = site.Name, ["url"] = url, ["admin_url"] = url },
        };
        return new EventMessage(raised, Encoding.UTF8.GetBytes(body.ToJsonString()));
    }

    private static string TextOf(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
}
