namespace SandboxHost.Isolation.Cgroups;

/// <summary>What the groups of this host can and cannot do, as rows of the doctor's report. Pure.</summary>
internal static class CgroupReport
{
    private const string RootRemedy = "Mount the controller, and run the host as root where the cgroup file system is writable.";

    private const string UserRemedy =
        "Start the host as root, or alone in a cgroup v2 group of its own with the memory, cpu and pids controllers: "
        + "systemd-run --user --scope -p Delegate=yes, or a unit with User= and Delegate=yes.";

    /// <param name="choice">What was found below the group that the host is in.</param>
    /// <param name="root">Whether the host is root.</param>
    /// <param name="swap">Whether the machine has swap space.</param>
    public static IEnumerable<DoctorRow> Rows(CgroupChoice choice, bool root, bool swap) =>
    [
        Limit("memory", choice.Memory, Memory(choice.Memory), "A worker can take all memory, and is never reported as out of memory.", root),
        Limit("cpu", choice.Cpu, "Enforced by the kernel.", "A worker can take all processors.", root),
        Limit("pids", choice.Pids, "Enforced by the kernel.", "A worker can fork until the machine stops.", root),
        Swap(choice.Memory, swap),
        Sockets(choice.Memory),
        Freezer(choice.Freezer),
        Kill(choice),
    ];

    private static DoctorRow Limit(string name, CgroupRoot? found, string enforced, string unlimited, bool root) => found is not null
        ? new DoctorRow($"{name} limit", DoctorStatus.Ok, Where(found), enforced)
        // A host that is root must be able to; for others it is a known weakness of running so.
        : new DoctorRow(
            $"{name} limit", root ? DoctorStatus.Missing : DoctorStatus.Weaker, $"no writable {name} cgroup", unlimited, root ? RootRemedy : UserRemedy);

    private static string Memory(CgroupRoot? memory)
    {
        var ends = memory?.Has("memory.oom.group") == true
            ? "Enforced by the kernel, which ends all of a worker's processes at once."
            : "Enforced by the kernel, which ends the largest of a worker's processes.";
        var tells = memory?.Has("memory.peak") == true || memory?.Has("memory.max_usage_in_bytes") == true;
        return tells ? ends : ends + " How much was used at most is not known: Linux 5.19 or later tells.";
    }

    private static DoctorRow Swap(CgroupRoot? memory, bool swap)
    {
        const string Name = "swap";
        if (!swap)
        {
            return new DoctorRow(Name, DoctorStatus.Ok, "the machine has none", "Workers do not swap.");
        }

        if (memory is null)
        {
            return new DoctorRow(Name, DoctorStatus.Weaker, "not limited", "Workers can fill the machine's swap space.", "See the memory limit.");
        }

        return memory.Has("memory.swap.max") || memory.Has("memory.memsw.limit_in_bytes")
            ? new DoctorRow(Name, DoctorStatus.Ok, "accounted", "Workers do not swap.")
            : new DoctorRow(
                Name, DoctorStatus.Weaker, "not accounted", "A worker at its memory limit swaps instead of being ended.",
                "Boot with swapaccount=1, or switch swap off.");
    }

    private static DoctorRow Sockets(CgroupRoot? memory)
    {
        const string Name = "memory of sockets";
        const string Unlimited = "A worker's connections can take all the memory that the kernel has for TCP.";
        if (memory is null)
        {
            return new DoctorRow(Name, DoctorStatus.Weaker, "not limited", Unlimited, "See the memory limit.");
        }

        if (memory.Has("memory.max"))
        {
            return new DoctorRow(Name, DoctorStatus.Ok, "memory.max", "Counted as a worker's memory.");
        }

        return memory.Has(CgroupValues.SocketLimit)
            ? new DoctorRow(Name, DoctorStatus.Ok, CgroupValues.SocketLimit, "Limited beside a worker's memory.")
            : new DoctorRow(Name, DoctorStatus.Weaker, $"no {CgroupValues.SocketLimit}", Unlimited, "Use cgroup v2.");
    }

    private static DoctorRow Freezer(CgroupRoot? freezer)
    {
        const string Name = "freezer";
        if (freezer is null)
        {
            return new DoctorRow(Name, DoctorStatus.Weaker, "none", "Idle workers keep running.", "Linux 5.2 or later has one, in a cgroup v2 group that the host may write.");
        }

        return freezer.Has("cgroup.freeze")
            ? new DoctorRow(Name, DoctorStatus.Ok, $"{Where(freezer)}, cgroup.freeze", "Idle workers use no processor, and die with the host.")
            : new DoctorRow(
                Name, DoctorStatus.Weaker, $"{Where(freezer)}, freezer.state",
                "If the host is killed, frozen workers stay, asleep, until a host starts again.", "Mount the cgroup v2 tree.");
    }

    private static DoctorRow Kill(CgroupChoice choice)
    {
        const string Name = "kill";
        return choice switch
        {
            { Kill: { } kill } => new DoctorRow(Name, DoctorStatus.Ok, $"{Where(kill)}, cgroup.kill", "A worker's processes end all at once, frozen or not."),
            { Used.Count: 0 } => new DoctorRow(
                Name, DoctorStatus.Weaker, "no cgroup", "A worker's processes end when the kernel ends its pid namespace, and not before.",
                "Linux 5.14 or later has cgroup.kill, in a cgroup v2 group that the host may write."),
            _ => new DoctorRow(Name, DoctorStatus.Weaker, "no cgroup.kill", "A worker's processes are killed one by one.", "Linux 5.14 or later has it, in cgroup v2."),
        };
    }

    private static string Where(CgroupRoot root) => $"cgroup v{root.Version} {Path.GetDirectoryName(root.Directory)}";
}
