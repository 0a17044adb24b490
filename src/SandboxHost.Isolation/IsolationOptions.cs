using System.Net;
using System.Text.RegularExpressions;
using SandboxHost.Isolation.Egress;
using SandboxHost.Isolation.Linux;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation;

/// <summary>The operator's settings for isolation.</summary>
public sealed record IsolationOptions
{
    /// <summary>The published sandboxhost-launcher. Who packages the host sets it.</summary>
    public required string LauncherPath { get; init; }

    /// <summary>The bubblewrap executable; null looks in the usual places. Set it where bubblewrap is not a package.</summary>
    public string? BubblewrapPath { get; init; }

    /// <summary>
    /// Where the host keeps what must not outlive a reboot: locks and the sandboxes' directories. Null is /run/sandboxhost
    /// for root, else below <see cref="UserRuntimeDirectory"/> or the temp directory. Everybody must be able to pass through its parents.
    /// </summary>
    public string? RuntimeDirectory { get; init; }

    /// <summary>XDG_RUNTIME_DIR, read by whoever may read the environment. Used only when the host is not root.</summary>
    public string? UserRuntimeDirectory { get; init; }

    /// <summary>
    /// The first of the uids that workers get; instance n of a host uses 4096 from here + n * 4096. They need no entry in
    /// any file. Change it where another program hands out the same range.
    /// </summary>
    public uint UidBase { get; init; } = 1_900_000_000;

    /// <summary>The badness that workers carry, 0 to 1000: above the host's own, so that a machine out of memory ends a worker first.</summary>
    public int OutOfMemoryScore { get; init; } = 500;

    public EgressOptions Egress { get; init; } = new();

    /// <exception cref="SandboxException">A value is outside of its range; the message lists every one.</exception>
    internal void ThrowIfInvalid()
    {
        // Uid 0 above all must not be among the workers'; below 65536 are people and services.
        const uint LeastUid = 65_536, MostUid = uint.MaxValue - ((HostDirectories.MaxInstances + 1) * UidBlock.Size) - 1;
        var problems = new List<string>();
        void Check(bool holds, string problem)
        {
            if (!holds)
            {
                problems.Add(problem);
            }
        }

        Check(UidBase is >= LeastUid and <= MostUid, $"UidBase is {UidBase}: {LeastUid} to {MostUid}");
        Check(OutOfMemoryScore is >= 0 and <= 1000, $"OutOfMemoryScore is {OutOfMemoryScore}: 0 to 1000");
        Egress.Limits.Check(Check);
        Check(Egress.TransparentPorts.Count <= EgressOptions.MaxTransparentPorts, $"Egress.TransparentPorts has {Egress.TransparentPorts.Count}: up to {EgressOptions.MaxTransparentPorts}");
        Check(Egress.TransparentPorts.All(EgressOptions.CanBeTransparent), "Egress.TransparentPorts: 1 to 65535, and not 25, 53 or 3128");
        if (Egress.Sites is { } sites)
        {
            Check(sites.Ports.Count <= SiteServer.MaxPorts, $"Egress.Sites.Ports has {sites.Ports.Count}: up to {SiteServer.MaxPorts}");
            Check(sites.Ports.Distinct().Count() == sites.Ports.Count, "Egress.Sites.Ports has a port twice");
            Check(sites.Ports.All(port => port is > 0 and <= ushort.MaxValue), "Egress.Sites.Ports: 1 to 65535");
            Check(!sites.Ports.Contains(EgressDoor.ProxyPort), $"Egress.Sites.Ports has {EgressDoor.ProxyPort}, which is the egress proxy's inside of sandboxes");
            foreach (var name in sites.HostNames.Where(name => !SiteServer.LegalHostName().IsMatch(name)))
            {
                Check(false, $"Egress.Sites.HostNames has '{name}': a name below localhost");
            }
        }

        Check(Path.IsPathRooted(LauncherPath), $"LauncherPath is '{LauncherPath}': an absolute path");
        if (problems.Count > 0)
        {
            throw new SandboxException("isolation options: " + string.Join("; ", problems));
        }
    }
}

/// <summary>
/// The host's public server. Inside of every sandbox its ports are there at localhost, so that a function reaches its own
/// site by the address that its environment and its requests have.
/// </summary>
public sealed partial record SiteServer
{
    internal const int MaxPorts = 4;

    /// <summary>Where the public server listens, as the host dials it.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>Its ports; the same number inside and outside. Up to 4, and not 3128.</summary>
    public required IReadOnlyList<int> Ports { get; init; }

    /// <summary>The sites' names below localhost, such as "shop.localhost". Every sandbox knows all of them.</summary>
    public IReadOnlyList<string> HostNames { get; init; } = [];

    // They are written into a file, a line each, so what they may hold is said here and not left to who calls.
    [GeneratedRegex(@"\A[^\s\p{C}#]{1,255}\.localhost\z", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    internal static partial Regex LegalHostName();
}
