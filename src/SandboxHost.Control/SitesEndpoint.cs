using Grpc.Core;
using SandboxHost.Deployments;
using SandboxHost.Protocol.Control.V1;

namespace SandboxHost.Control;

/// <summary>SitesService of the control API.</summary>
internal sealed class SitesEndpoint(Deployer deployer) : SitesService.SitesServiceBase
{
    public override Task<ListSitesResponse> ListSites(ListSitesRequest request, ServerCallContext context)
    {
        var response = new ListSitesResponse();
        response.Sites.AddRange(deployer.Sites.Select(ToMessage));
        return Task.FromResult(response);
    }

    public override async Task<Protocol.Control.V1.Site> CreateSite(CreateSiteRequest request, ServerCallContext context) =>
        ToMessage(await deployer.CreateSiteAsync(request.Name, request.Domains, context.CancellationToken));

    public override async Task<Protocol.Control.V1.Site> SetDomains(SetDomainsRequest request, ServerCallContext context) =>
        ToMessage(await deployer.SetDomainsAsync(request.Name, request.Domains, context.CancellationToken));

    public override async Task<DeleteSiteResponse> DeleteSite(Protocol.Control.V1.SiteName request, ServerCallContext context)
    {
        await deployer.RemoveSiteAsync(request.Name, context.CancellationToken);
        return new DeleteSiteResponse();
    }

    public override async Task<Protocol.Control.V1.Site> SetLock(SetLockRequest request, ServerCallContext context) =>
        ToMessage(await deployer.SetLockAsync(request.Name, request.Locked, context.CancellationToken));

    private Protocol.Control.V1.Site ToMessage(Deployments.Site site)
    {
        var message = new Protocol.Control.V1.Site
        {
            Id = site.Id,
            Name = site.Name,
            Url = deployer.UrlOf(site),
            PublishedDeploy = site.PublishedDeployId ?? "",
            Locked = site.IsLocked,
            CreatedAt = site.CreatedAt.ToUnixTimeMilliseconds(),
        };
        message.Domains.AddRange(site.Domains);
        return message;
    }
}
