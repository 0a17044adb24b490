using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Windows;

/// <summary>What of the job objects can be tested without Windows: layouts, limits, lines, ends.</summary>
public sealed class JobObjectTests
{
    /// <summary>Sizes and offsets of winnt.h and winbase.h for x64, as a C compiler gives them.</summary>
    public static TheoryData<string, int, string, int> Layouts { get; } = new()
    {
        { nameof(JobBasicLimits), 64, nameof(JobBasicLimits.LimitFlags), 16 },
        { nameof(JobBasicLimits), 64, nameof(JobBasicLimits.MinimumWorkingSetSize), 24 },
        { nameof(JobBasicLimits), 64, nameof(JobBasicLimits.ActiveProcessLimit), 40 },
        { nameof(JobBasicLimits), 64, nameof(JobBasicLimits.Affinity), 48 },
        { nameof(JobBasicLimits), 64, nameof(JobBasicLimits.SchedulingClass), 60 },
        { nameof(JobInputOutput), 48, nameof(JobInputOutput.OtherTransferCount), 40 },
        { nameof(JobExtendedLimits), 144, nameof(JobExtendedLimits.InputOutput), 64 },
        { nameof(JobExtendedLimits), 144, nameof(JobExtendedLimits.ProcessMemoryLimit), 112 },
        { nameof(JobExtendedLimits), 144, nameof(JobExtendedLimits.JobMemoryLimit), 120 },
        { nameof(JobExtendedLimits), 144, nameof(JobExtendedLimits.PeakJobMemoryUsed), 136 },
        { nameof(JobCpuRate), 8, nameof(JobCpuRate.CpuRate), 4 },
        { nameof(JobUiRestrictions), 4, nameof(JobUiRestrictions.Classes), 0 },
        { nameof(JobCompletionPort), 16, nameof(JobCompletionPort.Port), 8 },
        { nameof(JobAccounting), 48, nameof(JobAccounting.TotalPageFaultCount), 32 },
        { nameof(JobAccounting), 48, nameof(JobAccounting.ActiveProcesses), 40 },
        { nameof(StartupInfo), 104, nameof(StartupInfo.Flags), 60 },
        { nameof(StartupInfo), 104, nameof(StartupInfo.Reserved2), 72 },
        { nameof(StartupInfo), 104, nameof(StartupInfo.StandardInput), 80 },
        { nameof(StartupInfo), 104, nameof(StartupInfo.StandardError), 96 },
        { nameof(ExtendedStartupInfo), 112, nameof(ExtendedStartupInfo.AttributeList), 104 },
        { nameof(ProcessInformation), 24, nameof(ProcessInformation.ProcessId), 16 },
    };

    [TimedTheory]
    [MemberData(nameof(Layouts))]
    public void Structures_lie_in_memory_as_windows_reads_them(string name, int size, string field, int offset)
    {
        var type = typeof(JobBasicLimits).Assembly.GetType($"SandboxHost.Isolation.Windows.{name}", throwOnError: true)!;

        Assert.Equal((size, offset), (Marshal.SizeOf(type), (int)Marshal.OffsetOf(type, field)));
    }

    [TimedFact]
    public void Sizes_are_the_same_unmarshalled() =>
        Assert.Equal((64, 144, 112), (Unsafe.SizeOf<JobBasicLimits>(), Unsafe.SizeOf<JobExtendedLimits>(), Unsafe.SizeOf<ExtendedStartupInfo>()));

    [TimedFact]
    public void Memory_and_processes_are_limited_for_the_job_and_nothing_leaves_or_outlives_it()
    {
        const uint BreakawayOk = 0x800, SilentBreakawayOk = 0x1000;

        var limits = JobLimits.Of(new SandboxLimits(256 << 20, 1, Pids: 32));

        Assert.Equal(((nuint)(256 << 20), (nuint)(256 << 20), 32u), (limits.JobMemoryLimit, limits.ProcessMemoryLimit, limits.Basic.ActiveProcessLimit));
        Assert.Equal(0x2708u, limits.Basic.LimitFlags);
        Assert.Equal(0u, limits.Basic.LimitFlags & (BreakawayOk | SilentBreakawayOk));
    }

    [TimedTheory]
    [InlineData(0.5, 2, 2500)]
    [InlineData(1.0, 2, 5000)]
    [InlineData(1.5, 8, 1875)]
    [InlineData(0.25, 3, 833)]
    [InlineData(0.001, 128, 1)] // 0 is no rate
    [InlineData(7.999, 8, 9999)]
    public void Cpus_become_a_part_of_the_machine_that_is_a_hard_cap(double cpus, int processors, int rate)
    {
        var control = JobLimits.CpuOf(new SandboxLimits(1, cpus), processors);

        Assert.Equal(((uint)rate, 5u), (control.CpuRate, control.ControlFlags));
    }

    [TimedTheory]
    [InlineData(null)]
    [InlineData(2.0)]
    [InlineData(4.0)]
    public void Without_a_limit_below_the_machine_a_rate_is_off(double? cpus) =>
        Assert.Equal(default, JobLimits.CpuOf(new SandboxLimits(1, cpus), processors: 2));

    [TimedTheory]
    [InlineData("plain", "plain")]
    [InlineData("", "\"\"")]
    [InlineData("a b", "\"a b\"")]
    [InlineData("a\tb", "\"a\tb\"")]
    [InlineData(@"C:\dir\", @"C:\dir\")]
    [InlineData(@"C:\a dir\", @"""C:\a dir\\""")]
    [InlineData("say \"hi\"", @"""say \""hi\""""")]
    [InlineData(@"a\\""b", @"""a\\\\\""b""")]
    [InlineData(@"a\\b c", @"""a\\b c""")]
    [InlineData("\"", @"""\""""")]
    public void Arguments_are_quoted_so_that_they_are_split_again_as_they_were(string argument, string quoted) =>
        Assert.Equal($"node {quoted}", CommandLine.Of("node", [argument]));

    [TimedFact]
    public void Environment_is_a_block_in_the_order_of_names()
    {
        Assert.Equal("A=1\0b==2\0C=\0\0", CommandLine.EnvironmentOf(new Dictionary<string, string> { ["C"] = "", ["A"] = "1", ["b"] = "=2" }));
        Assert.Equal("\0\0", CommandLine.EnvironmentOf(new Dictionary<string, string>()));
    }

    [TimedTheory]
    [InlineData("", "x")]
    [InlineData("A=B", "x")]
    [InlineData("A", "x\0Path=C:\\evil")]
    public void Variables_that_would_become_others_are_refused(string name, string value) =>
        Assert.Throws<SandboxException>(() => CommandLine.EnvironmentOf(new Dictionary<string, string> { [name] = value }));

    [TimedFact]
    public void Argument_with_a_nul_is_refused() => Assert.Throws<SandboxException>(() => CommandLine.Of("node", ["a\0b"]));

    [TimedTheory]
    [InlineData(0u, false, 0, SandboxExitReason.Exited, 0)]
    [InlineData(3u, false, 0, SandboxExitReason.Exited, 3)]
    [InlineData(0u, false, 2, SandboxExitReason.Exited, 0)] // lived with it
    [InlineData(134u, false, 1, SandboxExitReason.OutOfMemory, 0)]
    [InlineData(0xC0000005u, false, 0, SandboxExitReason.Signalled, 0)]
    [InlineData(0xC0000017u, false, 1, SandboxExitReason.OutOfMemory, 0)]
    [InlineData(1u, true, 0, SandboxExitReason.Killed, 0)]
    [InlineData(1u, true, 5, SandboxExitReason.Killed, 0)]
    public void End_is_explained(uint code, bool killed, int limitMet, SandboxExitReason reason, int exitCode)
    {
        var exit = new JobExit { Code = code, KilledByHost = killed, MemoryLimitMet = limitMet, MemoryLimitBytes = 10, PeakMemoryBytes = 9 }.Explain();

        Assert.Equal((reason, exitCode, 10L, 9L), (exit.Reason, exit.Code, exit.MemoryLimitBytes, exit.PeakMemoryBytes));
    }
}
