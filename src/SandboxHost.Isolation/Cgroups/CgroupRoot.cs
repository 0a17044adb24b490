using System.Collections.Frozen;

namespace SandboxHost.Isolation.Cgroups;

/// <summary>A directory in one hierarchy below which groups are made, and the files that a group there has.</summary>
/// <param name="Version">1 or 2, for people only: what a group can do is decided by its files.</param>
internal sealed record CgroupRoot(string Directory, int Version, FrozenSet<string> Files)
{
    public bool Has(string file) => Files.Contains(file);

    /// <summary>
    /// Whether a process that has only just begun can join by itself, alone, and at once. By cgroup.procs a process takes its threads
    /// along, and for that the kernel waits until nobody on the machine is about to start or end any: 6 to 20 ms. Not by tasks, which
    /// v1 has, and who writes a 0 to it (kernel/cgroup/cgroup.c, cgroup_procs_write_start; Linux 5.5).
    /// </summary>
    public bool IsJoinedAtOnce => Has("tasks");

    /// <summary>What a process writes a 0 to in a group of this hierarchy to join it.</summary>
    public string JoinFile => IsJoinedAtOnce ? "tasks" : "cgroup.procs";
}

/// <summary>
/// Which hierarchy serves which purpose on this host. Decided by the files that exist, never by a version: a hybrid host
/// limits with v1 controllers and still freezes and kills with the v2 tree.
/// </summary>
internal sealed record CgroupChoice(
    CgroupRoot? Memory, CgroupRoot? Cpu, CgroupRoot? Pids, CgroupRoot? Freezer, CgroupRoot? Kill, CgroupRoot? CpuTime)
{
    /// <summary>Every hierarchy that is used for something, once.</summary>
    public IReadOnlyList<CgroupRoot> Used { get; } =
        [.. new[] { Memory, Cpu, Pids, Freezer, Kill, CpuTime }.OfType<CgroupRoot>().DistinctBy(root => root.Directory)];

    /// <summary>
    /// Those that the host moves a process into while it starts: v2's beside v1 groups, which say meanwhile whose it is. Nothing of a
    /// tenant's runs before.
    /// </summary>
    public IReadOnlyList<CgroupRoot> JoinedLater => Memory is { IsJoinedAtOnce: true } ? [.. Used.Where(root => !root.IsJoinedAtOnce)] : [];

    public static CgroupChoice From(IReadOnlyCollection<CgroupRoot> roots)
    {
        // The first file that is found anywhere wins: v2's names stand before v1's.
        CgroupRoot? With(params ReadOnlySpan<string> files)
        {
            foreach (var file in files)
            {
                if (roots.FirstOrDefault(root => root.Has(file)) is { } found)
                {
                    return found;
                }
            }

            return null;
        }

        return new CgroupChoice(
            With("memory.max", "memory.limit_in_bytes"),
            With("cpu.max", "cpu.cfs_quota_us"),
            With("pids.max"),
            // The v2 freezer first even next to v1 controllers: what a v1 freezer holds ignores SIGKILL, and so would
            // outlive a host that was killed.
            With("cgroup.freeze", "freezer.state"),
            With("cgroup.kill"),
            // Both kinds have a cpu.stat; only that of a group that can have controllers says how much was used.
            roots.FirstOrDefault(root => root.Has("cgroup.controllers") && root.Has("cpu.stat")) ?? With("cpuacct.usage"));
    }
}
