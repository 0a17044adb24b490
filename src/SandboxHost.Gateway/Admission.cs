using Microsoft.AspNetCore.Http;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Schedules;

namespace SandboxHost.Gateway;

/// <summary>What is refused from the head alone, before a worker is asked for.</summary>
internal static class Admission
{
    /// <summary>A deployed site's scheduled functions are run by their schedule and by nobody else (reference §6).</summary>
    public static bool HasNoUrl(FunctionVersion function) => function is { Kind: FunctionKind.Scheduled, Deploy.Context: not "dev" };

    public static FunctionError? Refuses(HttpRequest request, FunctionVersion function)
    {
        if (LoopProtection.IsLoop(request))
        {
            return new FunctionError(
                ErrorCode.LoopDetected, $"The request has been through this host more than {LoopProtection.MaxPasses} times: a function asks for itself.");
        }

        if (function.BuildError is not null)
        {
            return function.BuildError;
        }

        if (function.Schedule is { } schedule && !CronSchedule.TryParse(schedule, out _, out var wrong))
        {
            return new FunctionError(ErrorCode.LoadError, $"Function {function.Name} has a configuration error on 'schedule': {wrong}");
        }

        var limit = function.Kind == FunctionKind.Background ? function.Limits.BackgroundBytes : function.Limits.RequestBytes;
        return request.ContentLength > limit
            ? new FunctionError(ErrorCode.RequestTooLarge, $"The request body is larger than {limit} bytes, which is the limit of this function.")
            : null;
    }
}
