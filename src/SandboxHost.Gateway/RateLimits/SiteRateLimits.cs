using Microsoft.AspNetCore.Http;
using SandboxHost.Deployments;
using SandboxHost.Invocations;

namespace SandboxHost.Gateway.RateLimits;

/// <summary>The rate limits of a site's functions and redirects, over one bounded memory.</summary>
internal sealed class SiteRateLimits(TimeProvider clock)
{
    private readonly RateLimiter _limiter = new(clock);

    public static FunctionError Refusal(TimeSpan wait) =>
        new(ErrorCode.RateLimited, "Too many requests. Try again later.") { RetryAfter = wait };

    /// <summary>Counts a request that has found its function, which has a rule.</summary>
    /// <param name="hostName">As the client sent it.</param>
    /// <returns>Null when it may pass, otherwise how long until one may.</returns>
    public TimeSpan? Take(HttpContext context, SiteSnapshot site, string hostName, FunctionVersion function) =>
        Take(context, site, hostName, function.Name, function.RateLimit!);

    /// <param name="scope">What the rule limits: the name of a function, or something that no function is called.</param>
    public TimeSpan? Take(HttpContext context, SiteSnapshot site, string hostName, string scope, RateLimitRule rule)
    {
        var wait = _limiter.Take(
            rule, new RateLimitScope(site.Identity.Id, scope), DomainOf(site, hostName), RequestReader.ClientAddress(context));
        if (wait is not null)
        {
            GatewayMetrics.RequestRateLimited(site.Identity.Name, scope, isRewritten: rule.RewriteTo is not null);
        }

        return wait;
    }

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
}
