namespace SandboxHost.Deployments;

/// <summary>What requests of a rate limit are counted together.</summary>
[Flags]
public enum RateLimitKeys
{
    /// <summary>All requests to the site's host name count together.</summary>
    Domain = 1,

    /// <summary>Each client address counts by itself.</summary>
    Ip = 2,
}

/// <summary>How often a function, or the target of a redirect, may be asked for (reference §7).</summary>
/// <param name="WindowLimit">Requests in one window; the next is answered by <paramref name="RewriteTo"/> or with 429.</param>
/// <param name="Window">A sliding window, 1 to 180 s.</param>
/// <param name="Keys">Several keys combine: domain and ip is one count for each address at each domain.</param>
/// <param name="RewriteTo">A path of the same site that answers instead; null is 429.</param>
public sealed record RateLimitRule(int WindowLimit, TimeSpan Window, RateLimitKeys Keys, string? RewriteTo);
