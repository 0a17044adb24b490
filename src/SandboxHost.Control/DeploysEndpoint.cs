using Google.Protobuf;
using Grpc.Core;
using SandboxHost.Deployments;
using SandboxHost.Protocol.Control.V1;
using Deploy = SandboxHost.Deployments.Deploy;
using SiteName = SandboxHost.Protocol.Control.V1.SiteName;

namespace SandboxHost.Control;

/// <summary>DeploysService of the control API.</summary>
internal sealed class DeploysEndpoint(Deployer deployer) : DeploysService.DeploysServiceBase
{
    public override async Task<StartDeployResponse> StartDeploy(StartDeployRequest request, ServerCallContext context)
    {
        var files = request.Files.Select(file => new DeployFile(file.Path, Convert.ToHexStringLower(file.Sha256.Span), file.Size)).ToList();
        var (deploy, missing) = await deployer.BeginAsync(
            new DeployRequest(request.Site, files)
            {
                IsForProduction = request.Production,
                Context = request.Context,
                Branch = request.Branch,
                Alias = request.Alias.Length > 0 ? request.Alias : null,
                Title = request.Title,
            },
            context.CancellationToken);
        var response = new StartDeployResponse { Deploy = ToMessage(deploy) };
        response.Missing.AddRange(missing.Select(hash => ByteString.CopyFrom(Convert.FromHexString(hash))));
        return response;
    }

    public override async Task<UploadFilesResponse> UploadFiles(IAsyncStreamReader<FilePiece> requestStream, ServerCallContext context)
    {
        string? deploy = null;
        IContentWriter? writer = null;
        try
        {
            while (await requestStream.MoveNext(context.CancellationToken))
            {
                var piece = requestStream.Current;
                deploy ??= piece.Deploy;
                if (piece.Sha256.Length > 0)
                {
                    writer?.Dispose();
                    writer = deployer.Write(deploy, Convert.ToHexStringLower(piece.Sha256.Span));
                }

                if (writer is null || !writer.Append(piece.Data.Span) || (piece.Last && !writer.Complete()))
                {
                    throw new RpcException(new Status(StatusCode.InvalidArgument, "A content is not what its SHA-256 and its size say."));
                }
            }

            return new UploadFilesResponse();
        }
        finally
        {
            writer?.Dispose();
        }
    }

    public override async Task<FinishDeployResponse> FinishDeploy(DeployId request, ServerCallContext context)
    {
        var ended = await deployer.FinishAsync(request.Id, context.CancellationToken);
        var response = new FinishDeployResponse { Deploy = ToMessage(ended.Deploy), Published = ended.IsPublished };
        response.Warnings.AddRange(ended.Warnings);
        return response;
    }

    public override async Task<Protocol.Control.V1.Deploy> CancelDeploy(DeployId request, ServerCallContext context) =>
        ToMessage(await deployer.CancelAsync(request.Id, "The deploy was cancelled.", context.CancellationToken));

    public override async Task<ListDeploysResponse> ListDeploys(SiteName request, ServerCallContext context)
    {
        var response = new ListDeploysResponse
        {
            Published = deployer.Sites.FirstOrDefault(site => site.Name == request.Name)?.PublishedDeployId ?? "",
        };
        response.Deploys.AddRange((await deployer.ListDeploysAsync(request.Name, context.CancellationToken)).Select(ToMessage));
        return response;
    }

    public override async Task<Protocol.Control.V1.Deploy> PublishDeploy(DeployId request, ServerCallContext context) =>
        ToMessage(await deployer.PublishAsync(request.Id, context.CancellationToken));

    public override async Task<DeleteDeployResponse> DeleteDeploy(DeployId request, ServerCallContext context)
    {
        await deployer.RemoveAsync(request.Id, context.CancellationToken);
        return new DeleteDeployResponse();
    }

    private Protocol.Control.V1.Deploy ToMessage(Deploy deploy)
    {
        var site = deployer.Sites.FirstOrDefault(site => site.Id == deploy.SiteId);
        return new Protocol.Control.V1.Deploy
        {
            Id = deploy.Id,
            Site = site?.Name ?? deploy.SiteId,
            State = deploy.State.ToString().ToLowerInvariant(),
            Context = deploy.Context,
            Branch = deploy.Branch,
            Alias = deploy.Alias ?? "",
            Title = deploy.Title,
            Production = deploy.IsForProduction,
            CreatedAt = deploy.CreatedAt.ToUnixTimeMilliseconds(),
            EndedAt = deploy.EndedAt?.ToUnixTimeMilliseconds() ?? 0,
            PublishedAt = deploy.PublishedAt?.ToUnixTimeMilliseconds() ?? 0,
            ErrorMessage = deploy.ErrorMessage ?? "",
            Url = site is null ? "" : deployer.UrlOf(site, deploy),
        };
    }
}
