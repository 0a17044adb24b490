using System.Globalization;

namespace SandboxHost.Deployments;

/// <summary>Where sites and deploys answer: NAME.DOMAIN, ID--NAME.DOMAIN and ALIAS--NAME.DOMAIN.</summary>
/// <param name="Public">Scheme, domain and port that clients use, such as https://example.org.</param>
public sealed record DeployAddresses(Uri Public)
{
    public string UrlOf(Site site) => UrlOf(HostNameOf(site));

    public string UrlOf(Site site, Deploy deploy) => UrlOf($"{deploy.Id}--{HostNameOf(site)}");

    public string HostNameOf(Site site) => $"{site.Name}.{Public.IdnHost}";

    /// <summary>All names of a deploy; the site's own among them when it is published.</summary>
    public IReadOnlyList<string> HostNamesOf(Site site, Deploy deploy, bool isPublished)
    {
        var own = HostNameOf(site);
        return
        [
            .. isPublished ? [own, .. site.Domains] : (string[])[],
            $"{deploy.Id}--{own}",
            .. deploy.Alias is null ? [] : (string[])[$"{deploy.Alias}--{own}"],
        ];
    }

    private string UrlOf(string hostName) => Public.IsDefaultPort
        ? $"{Public.Scheme}://{hostName}"
        : string.Create(CultureInfo.InvariantCulture, $"{Public.Scheme}://{hostName}:{Public.Port}");
}
