using Grpc.Core;
using SandboxHost.Background;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Protocol.Control.V1;
using SandboxHost.Runs;
using SandboxHost.Schedules;

namespace SandboxHost.Control;

/// <summary>SchedulesService of the control API.</summary>
internal sealed class SchedulesEndpoint(ControlContext host) : SchedulesService.SchedulesServiceBase
{
    public override async Task<ListSchedulesResponse> ListSchedules(ListSchedulesRequest request, ServerCallContext context)
    {
        var site = request.Site.Length == 0 ? null : host.SiteIdOf(request.Site);
        var stored = (await host.Schedules.ListAsync(context.CancellationToken)).ToDictionary(schedule => schedule.Function);
        var response = new ListSchedulesResponse();
        foreach (var function in host.Snapshots.Current.Sites
            .Where(item => site is null || item.Identity.Id == site)
            .SelectMany(item => item.Functions)
            .Where(function => function.Kind == FunctionKind.Scheduled))
        {
            var key = new FunctionKey(function.Site.Id, function.Name);
            var last = await host.Runs.ListAsync(new RunQuery(key.SiteId, key.FunctionName, Kind: RunKind.Scheduled, Limit: 1), context.CancellationToken);
            response.Schedules.Add(new Protocol.Control.V1.Schedule
            {
                Site = function.Site.Name,
                Function = function.Name,
                Cron = function.Schedule ?? "",
                NextAt = ScheduleTick.NextOf(function, host.Clock.GetUtcNow())?.ToUnixTimeMilliseconds() ?? 0,
                LastAt = stored.GetValueOrDefault(key)?.Last?.ToUnixTimeMilliseconds() ?? 0,
                Ticks = function.Deploy.Published || host.TicksUnpublished,
                LastState = last.Count == 0 ? "" : last[0].State.ToString().ToLowerInvariant(),
            });
        }

        return response;
    }

    public override async Task<Run> RunSchedule(Protocol.Control.V1.FunctionName request, ServerCallContext context)
    {
        var function = host.FindFunction(request);
        if (function.Kind != FunctionKind.Scheduled)
        {
            throw new RpcException(new Status(StatusCode.FailedPrecondition, $"{function.Name} is no scheduled function."));
        }

        var now = host.Clock.GetUtcNow();
        var run = Scheduler.RunFor(function, RequestId.Create(now), now, now, ScheduleTick.NextOf(function, now) ?? now);
        if (await host.Queue.AddAsync(run, context.CancellationToken) == AddResult.QueueFull)
        {
            throw new RpcException(new Status(StatusCode.ResourceExhausted, $"Too many runs of {function.Name} wait already."));
        }

        return host.ToMessage((await host.Runs.FindAsync(run.Id, context.CancellationToken))!);
    }
}
