using Grpc.Core;
using SandboxHost.Deployments;
using SandboxHost.Protocol.Control.V1;
using SandboxHost.Runs;

namespace SandboxHost.Control;

/// <summary>Between the API's words and the host's.</summary>
internal static class ControlMessages
{
    public static Run ToMessage(this ControlContext host, FunctionRun run) => new()
    {
        Id = run.Id,
        Kind = run.Kind.ToString().ToLowerInvariant(),
        Site = host.Snapshots.Current.Sites.FirstOrDefault(site => site.Identity.Id == run.Function.SiteId)?.Identity.Name ?? run.Function.SiteId,
        Function = run.Function.FunctionName,
        Deploy = run.DeployId,
        State = run.State.ToString().ToLowerInvariant(),
        CreatedAt = run.CreatedAt.ToUnixTimeMilliseconds(),
        DueAt = run.DueAt.ToUnixTimeMilliseconds(),
        StartedAt = run.StartedAt?.ToUnixTimeMilliseconds() ?? 0,
        EndedAt = run.EndedAt?.ToUnixTimeMilliseconds() ?? 0,
        Attempt = run.Attempt,
        Failures = run.Failures,
        Interruptions = run.Interruptions,
        Error = run.Error ?? "",
        ErrorMessage = run.ErrorMessage ?? "",
    };

    public static string SiteIdOf(this ControlContext host, string name) =>
        host.Snapshots.Current.Sites.FirstOrDefault(site => site.Identity.Name == name)?.Identity.Id
            ?? throw new RpcException(new Status(StatusCode.NotFound, $"There is no site {name}."));

    public static FunctionVersion FindFunction(this ControlContext host, Protocol.Control.V1.FunctionName name)
    {
        var sites = host.Snapshots.Current.Sites;
        var site = name.Site.Length > 0 ? sites.FirstOrDefault(item => item.Identity.Name == name.Site) : sites.Count > 0 ? sites[0] : null;
        return site?.Functions.FirstOrDefault(function => function.Name == name.Function)
            ?? throw new RpcException(new Status(StatusCode.NotFound, $"There is no function {name.Function}{(name.Site.Length > 0 ? $" in site {name.Site}" : "")}."));
    }
}
