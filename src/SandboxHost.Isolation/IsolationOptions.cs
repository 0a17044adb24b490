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
        Check(Egress.MaxConnections is >= 1 and <= 10_000, $"Egress.MaxConnections is {Egress.MaxConnections}: 1 to 10000");
        Check(Path.IsPathRooted(LauncherPath), $"LauncherPath is '{LauncherPath}': an absolute path");
        if (problems.Count > 0)
        {
            throw new SandboxException("isolation options: " + string.Join("; ", problems));
        }
    }
}

/// <summary>The operator's settings for what workers may reach.</summary>
public sealed record EgressOptions
{
    /// <summary>By this name functions reach the host's loopback address, where that is allowed.</summary>
    public const string HostName = "host.internal";

    /// <summary>
    /// Destinations that are allowed although they are not on the internet: "10.1.2.3", "10.1.2.3:5432", "10.0.0.0/8",
    /// "[::1]:80", "localhost:8080". Loopback here is the host's. Change it to let functions reach a service in your network.
    /// </summary>
    public IReadOnlyList<string> AllowedPrivate { get; init; } = [];

    /// <summary>Connections at a time per sandbox; further ones are answered 503. 1 to 10,000.</summary>
    public int MaxConnections { get; init; } = 64;
}
