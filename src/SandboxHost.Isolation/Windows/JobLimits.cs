using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Windows;

/// <summary>Limits of a sandbox as a job object takes them. Pure.</summary>
internal static class JobLimits
{
    // JOB_OBJECT_LIMIT_… and JOB_OBJECT_CPU_RATE_CONTROL_… of winnt.h. Neither BREAKAWAY_OK nor SILENT_BREAKAWAY_OK is among
    // them: no process of a job leaves it.
    public const uint ActiveProcess = 0x8, ProcessMemory = 0x100, JobMemory = 0x200, DieOnUnhandledException = 0x400, KillOnJobClose = 0x2000;
    public const uint RateEnabled = 0x1, RateHardCap = 0x4;

    /// <summary>
    /// No handles of other jobs' windows, no clipboard, no system settings, no display settings, no other desktops, no log-off:
    /// every JOB_OBJECT_UILIMIT there is.
    /// </summary>
    public const uint AllUiRestrictions = 0xFF;

    /// <summary>What the rate of a whole machine is, in JOBOBJECT_CPU_RATE_CONTROL_INFORMATION.</summary>
    public const uint WholeMachine = 10_000;

    /// <summary>A process and its crash handler need two; so fewer would not start.</summary>
    private const int LeastProcesses = 2;

    /// <remarks>
    /// Threads are not counted on Windows, and memory is what is committed, which is more than what is used: a limit is met
    /// earlier than on Linux. The limit of a process is the job's, so that one that asks for too much is refused by itself.
    /// </remarks>
    public static JobExtendedLimits Of(SandboxLimits limits) => new()
    {
        Basic = new JobBasicLimits
        {
            LimitFlags = ActiveProcess | ProcessMemory | JobMemory | DieOnUnhandledException | KillOnJobClose,
            ActiveProcessLimit = (uint)Math.Max(LeastProcesses, limits.Pids),
        },
        ProcessMemoryLimit = (nuint)limits.MemoryBytes,
        JobMemoryLimit = (nuint)limits.MemoryBytes,
    };

    /// <summary>A hard cap. The rate is the part of all processors together, in hundredths of a per cent; 0 is not allowed.</summary>
    /// <param name="processors">Those of the machine.</param>
    public static JobCpuRate CpuOf(SandboxLimits limits, int processors)
    {
        if (limits.Cpus is not { } cpus || cpus >= processors)
        {
            // Switches a rate off that was set before.
            return default;
        }

        var rate = (uint)Math.Clamp(Math.Round(WholeMachine * cpus / processors), 1, WholeMachine);
        return new JobCpuRate { ControlFlags = RateEnabled | RateHardCap, CpuRate = rate };
    }
}
