using Grpc.Core;
using SandboxHost.Protocol.Control.V1;
using SandboxHost.Runs;

namespace SandboxHost.Control;

/// <summary>RunsService of the control API.</summary>
internal sealed class RunsEndpoint(ControlContext host) : RunsService.RunsServiceBase
{
    public override async Task<ListRunsResponse> ListRuns(ListRunsRequest request, ServerCallContext context)
    {
        var query = new RunQuery(
            request.Site.Length == 0 ? null : host.SiteIdOf(request.Site),
            request.Function.Length == 0 ? null : request.Function,
            ReadEnum<RunState>("state", request.State),
            ReadEnum<RunKind>("kind", request.Kind),
            request.Before.Length == 0 ? null : request.Before,
            request.Limit == 0 ? 100 : request.Limit);
        var response = new ListRunsResponse();
        response.Runs.AddRange((await host.Runs.ListAsync(query, context.CancellationToken)).Select(host.ToMessage));
        return response;
    }

    public override async Task<RunDetails> GetRun(RunId request, ServerCallContext context)
    {
        var details = new RunDetails { Run = host.ToMessage(await FindAsync(request.Id, context.CancellationToken)) };
        details.Attempts.AddRange((await host.Runs.ListAttemptsAsync(request.Id, context.CancellationToken)).Select(attempt => new Protocol.Control.V1.RunAttempt
        {
            Attempt = attempt.Attempt,
            StartedAt = attempt.StartedAt.ToUnixTimeMilliseconds(),
            EndedAt = attempt.EndedAt?.ToUnixTimeMilliseconds() ?? 0,
            Outcome = attempt.Outcome ?? "",
            Message = attempt.Message ?? "",
        }));
        return details;
    }

    public override async Task<Run> RedriveRun(RunId request, ServerCallContext context)
    {
        var run = await FindAsync(request.Id, context.CancellationToken);
        if (!await host.Runs.RedriveAsync(run.Id, host.Clock.GetUtcNow(), context.CancellationToken))
        {
            throw new RpcException(new Status(StatusCode.FailedPrecondition, $"Run {run.Id} is {run.State.ToString().ToLowerInvariant()}; only a dead run can be redriven."));
        }

        host.Queue.Wake();
        return host.ToMessage(await FindAsync(run.Id, context.CancellationToken));
    }

    public override async Task<PurgeRunResponse> PurgeRun(RunId request, ServerCallContext context)
    {
        var run = await FindAsync(request.Id, context.CancellationToken);
        return await host.Runs.PurgeAsync(run.Id, context.CancellationToken)
            ? new PurgeRunResponse()
            : throw new RpcException(new Status(StatusCode.FailedPrecondition, $"Run {run.Id} is {run.State.ToString().ToLowerInvariant()}; only a run that has ended can be purged."));
    }

    private async Task<FunctionRun> FindAsync(string id, CancellationToken cancellationToken) =>
        await host.Runs.FindAsync(id, cancellationToken) ?? throw new RpcException(new Status(StatusCode.NotFound, $"There is no run {id}."));

    private static T? ReadEnum<T>(string field, string text)
        where T : struct, Enum =>
        text.Length == 0 ? null
        : Enum.GetNames<T>().FirstOrDefault(name => string.Equals(name, text, StringComparison.OrdinalIgnoreCase)) is { } known ? Enum.Parse<T>(known)
        : throw new RpcException(new Status(
            StatusCode.InvalidArgument, $"{field} '{text}' is not one of {string.Join(", ", Enum.GetNames<T>().Select(name => name.ToLowerInvariant()))}"));
}
