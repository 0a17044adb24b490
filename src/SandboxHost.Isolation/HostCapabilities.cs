using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation;

/// <summary>What this host can do for isolation: probed once, by trying, and then only read.</summary>
public sealed record HostCapabilities
{
    /// <summary>Root: workers get uids of their own, and egress can be opened.</summary>
    public required bool IsRoot { get; init; }

    public required string BubblewrapPath { get; init; }

    /// <summary>bubblewrap 0.8 can forbid further user namespaces inside; before, seccomp alone does.</summary>
    public required bool CanDisableUserNamespaces { get; init; }

    /// <summary>Whether <see cref="ISandbox.OpenEgress"/> works here.</summary>
    public required bool CanOpenEgress { get; init; }

    /// <summary>Whether <see cref="ISandbox.Freeze"/> does something here.</summary>
    public required bool CanFreeze { get; init; }

    /// <summary>Whether memory, vCPU and pids are all limited here.</summary>
    public required bool CanLimit { get; init; }

    /// <summary>Files below /proc that exist here, tell about the host, and are covered.</summary>
    public required IReadOnlyList<string> MaskedProcFiles { get; init; }

    public required IReadOnlyList<string> MaskedProcDirectories { get; init; }

    /// <summary>The same for people.</summary>
    public required DoctorReport Report { get; init; }

    /// <summary>Looks and tries; starts one short process in a sandbox and makes and removes one cgroup.</summary>
    public static Task<HostCapabilities> ProbeAsync(IsolationOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        return new CapabilityProbe(options, time).RunAsync(cancellationToken);
    }

    /// <exception cref="SandboxException">Something that isolation needs is missing; the message lists all of it.</exception>
    public void ThrowIfUnable()
    {
        if (Report.CanIsolate)
        {
            return;
        }

        var missing = Report.Rows.Where(row => row.Status == DoctorStatus.Missing)
            .Select(row => $"\n- {row.Name}: {row.Found}. {row.Consequence} {row.Remedy}");
        throw new SandboxException("this host cannot isolate workers:" + string.Concat(missing));
    }
}
