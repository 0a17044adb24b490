using Microsoft.AspNetCore.Http;
using SandboxHost.Deployments;
using SandboxHost.Gateway.RateLimits;
using SandboxHost.Invocations;
using SandboxHost.Routing;
using SandboxHost.Schedules;

namespace SandboxHost.Gateway;

/// <summary>What is refused from the head alone, before a worker is asked for.</summary>
internal sealed class Admission(TimeProvider clock)
{
    private readonly RateLimiter _rateLimits = new(clock);

    /// <summary>
    /// Counts a request that has found its function, where the function has a rate limit. Above it the request is refused,
    /// or goes to the path that the rule names instead: <paramref name="path"/> and <paramref name="match"/> are then
    /// those of that path. What answers there may have a limit of its own, but sends nobody on: above that it refuses.
    /// </summary>
    /// <param name="hostName">As the client sent it.</param>
    public FunctionError? Limit(HttpContext context, SiteSnapshot site, string hostName, ref string path, ref RouteMatch match)
    {
        if (match.Function?.RateLimit is not { } rule || Take(context, site, hostName, match.Function, rule) is not { } wait)
        {
            return null;
        }

        GatewayMetrics.RequestRateLimited(match.Function, isRewritten: rule.RewriteTo is not null);
        if (rule.RewriteTo is null)
        {
            return RateLimited(wait);
        }

        var query = rule.RewriteTo.AsSpan().IndexOfAny('?', '#');
        path = query < 0 ? rule.RewriteTo : rule.RewriteTo[..query];
        match = site.Routes.Match(context.Request.Method, path);
        if (match.Function?.RateLimit is not { } second || Take(context, site, hostName, match.Function, second) is not { } secondWait)
        {
            return null;
        }

        GatewayMetrics.RequestRateLimited(match.Function, isRewritten: false);
        return RateLimited(secondWait);
    }

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

    private TimeSpan? Take(HttpContext context, SiteSnapshot site, string hostName, FunctionVersion function, RateLimitRule rule) => _rateLimits.Take(
        rule, new RateLimitScope(site.Identity.Id, function.Name), DomainOf(site, hostName), RequestReader.ClientAddress(context));

    // The main site answers at any name. All that are not its own are one, or else each new name would be a new count.
    private static string DomainOf(SiteSnapshot site, string hostName)
    {
        foreach (var own in site.HostNames)
        {
            if (own.Equals(hostName, StringComparison.OrdinalIgnoreCase))
            {
                return own;
            }
        }

        return "";
    }

    private static FunctionError RateLimited(TimeSpan wait) =>
        new(ErrorCode.RateLimited, "Too many requests. Try again later.") { RetryAfter = wait };
}
