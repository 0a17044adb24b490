using System.Net;

namespace SandboxHost.Gateway.Redirects;

/// <summary>What all rewrites to other hosts share: the addresses that none may reach, and how long they may take.</summary>
public sealed record RewriteProxyOptions
{
    /// <summary>The host's own addresses, which no rewrite may reach. Default: none are known.</summary>
    public Func<IReadOnlySet<IPAddress>> OwnAddresses { get; init; } = static () => new HashSet<IPAddress>();

    /// <summary>Until the first byte of the reply, and between any two bytes in either direction. Default 26 s, as on Netlify.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromSeconds(26);
}
