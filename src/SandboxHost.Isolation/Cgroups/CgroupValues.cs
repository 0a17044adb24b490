using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Cgroups;

/// <summary>A text to write into a file of a group.</summary>
internal readonly record struct CgroupWrite(CgroupRoot Root, string File, string Text);

/// <summary>Limits as the kernel wants them told, in the order in which it accepts them.</summary>
internal static class CgroupValues
{
    /// <summary>
    /// Quotas are said per 20 ms, not per the kernel's usual 100: a worker that has used up its share waits for the rest
    /// of the period, and that wait is what its callers see.
    /// </summary>
    private const int PeriodMicroseconds = 20_000;

    /// <summary>cpu.cfs_quota_us and cpu.max refuse less than 1 ms.</summary>
    private const int LeastQuotaMicroseconds = 1_000;

    /// <summary>
    /// Bytes of its TCP and UDP sockets, in v1: there they count neither as its memory nor against any limit of it, and
    /// the kernel has a fixed amount for all (tcp_mem). At the limit its sockets get the least that they work with. v2
    /// counts them as memory.
    /// </summary>
    public const string SocketLimit = "memory.kmem.tcp.limit_in_bytes";

    /// <summary>How much of its memory limit a sandbox may have in sockets besides, in v1.</summary>
    private const int SocketShare = 8;

    /// <summary>Where a group's weight is said, in v2 and in v1, and what the kernel gives a new one (cgroups(7)).</summary>
    public static readonly (string File, int Ordinary)[] Weights = [("cpu.weight", 100), ("cpu.shares", 1024)];

    /// <summary>What a new group gets.</summary>
    public static IEnumerable<CgroupWrite> Initial(CgroupChoice choice, SandboxLimits limits)
    {
        if (choice.Memory is { } memory)
        {
            foreach (var (file, text) in new[] { ("memory.swappiness", "0"), ("memory.swap.max", "0"), ("memory.oom.group", "1") })
            {
                if (memory.Has(file))
                {
                    yield return new CgroupWrite(memory, file, text);
                }
            }
        }

        if (choice.Cpu is { } cpu && cpu.Has("cpu.cfs_period_us"))
        {
            yield return new CgroupWrite(cpu, "cpu.cfs_period_us", $"{PeriodMicroseconds}");
        }

        foreach (var write in Changes(choice, null, limits))
        {
            yield return write;
        }
    }

    /// <summary>What turns one set of limits into another; only what differs.</summary>
    public static IEnumerable<CgroupWrite> Changes(CgroupChoice choice, SandboxLimits? from, SandboxLimits to)
    {
        if (choice.Memory is { } memory && from?.MemoryBytes != to.MemoryBytes)
        {
            foreach (var write in Memory(memory, from?.MemoryBytes, to.MemoryBytes))
            {
                yield return write;
            }

            if (memory.Has(SocketLimit))
            {
                yield return new CgroupWrite(memory, SocketLimit, $"{to.MemoryBytes / SocketShare}");
            }
        }

        if (choice.Cpu is { } cpu && (from is null || from.Cpus != to.Cpus))
        {
            yield return Cpu(cpu, to.Cpus);
        }

        if (choice.Cpu is { } weighed && (from?.Weight ?? 1) != to.Weight)
        {
            foreach (var write in Weight(weighed, to.Weight))
            {
                yield return write;
            }
        }

        if (choice.Pids is { } pids && from?.Pids != to.Pids)
        {
            yield return new CgroupWrite(pids, "pids.max", $"{to.Pids}");
        }
    }

    private static IEnumerable<CgroupWrite> Memory(CgroupRoot root, long? from, long to)
    {
        if (root.Has("memory.max"))
        {
            return [new CgroupWrite(root, "memory.max", $"{to}")];
        }

        var limit = new CgroupWrite(root, "memory.limit_in_bytes", $"{to}");
        if (!root.Has("memory.memsw.limit_in_bytes"))
        {
            return [limit];
        }

        // Memory alone may never be allowed more than memory and swap together, not even between two writes.
        var both = new CgroupWrite(root, "memory.memsw.limit_in_bytes", $"{to}");
        return to > from ? [both, limit] : [limit, both];
    }

    private static IEnumerable<CgroupWrite> Weight(CgroupRoot root, double weight) =>
        Weights.Where(one => root.Has(one.File)).Select(one => new CgroupWrite(root, one.File, $"{(int)(weight * one.Ordinary)}"));

    private static CgroupWrite Cpu(CgroupRoot root, double? cpus)
    {
        long? quota = cpus is { } count ? Math.Max(LeastQuotaMicroseconds, (long)(count * PeriodMicroseconds)) : null;
        return root.Has("cpu.max")
            ? new CgroupWrite(root, "cpu.max", quota is null ? $"max {PeriodMicroseconds}" : $"{quota} {PeriodMicroseconds}")
            : new CgroupWrite(root, "cpu.cfs_quota_us", quota is null ? "-1" : $"{quota}");
    }
}
