using System.Runtime.InteropServices;

namespace SandboxHost.Isolation.Windows;

// As winnt.h and winbase.h lay them out for 64-bit processes; JobStructureTests has the sizes and offsets that are documented.

/// <summary>JOBOBJECT_BASIC_LIMIT_INFORMATION.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct JobBasicLimits
{
    public long PerProcessUserTimeLimit;
    public long PerJobUserTimeLimit;
    public uint LimitFlags;
    public nuint MinimumWorkingSetSize;
    public nuint MaximumWorkingSetSize;
    public uint ActiveProcessLimit;
    public nuint Affinity;
    public uint PriorityClass;
    public uint SchedulingClass;
}

/// <summary>IO_COUNTERS.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct JobInputOutput
{
    public ulong ReadOperationCount;
    public ulong WriteOperationCount;
    public ulong OtherOperationCount;
    public ulong ReadTransferCount;
    public ulong WriteTransferCount;
    public ulong OtherTransferCount;
}

/// <summary>JOBOBJECT_EXTENDED_LIMIT_INFORMATION.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct JobExtendedLimits
{
    public JobBasicLimits Basic;
    public JobInputOutput InputOutput;
    public nuint ProcessMemoryLimit;
    public nuint JobMemoryLimit;
    public nuint PeakProcessMemoryUsed;
    public nuint PeakJobMemoryUsed;
}

/// <summary>JOBOBJECT_CPU_RATE_CONTROL_INFORMATION, with the union as a rate.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct JobCpuRate
{
    public uint ControlFlags;
    public uint CpuRate;
}

/// <summary>JOBOBJECT_BASIC_UI_RESTRICTIONS.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct JobUiRestrictions
{
    public uint Classes;
}

/// <summary>JOBOBJECT_ASSOCIATE_COMPLETION_PORT.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct JobCompletionPort
{
    public nint Key;
    public nint Port;
}

/// <summary>JOBOBJECT_BASIC_ACCOUNTING_INFORMATION.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct JobAccounting
{
    public long TotalUserTime;
    public long TotalKernelTime;
    public long ThisPeriodTotalUserTime;
    public long ThisPeriodTotalKernelTime;
    public uint TotalPageFaultCount;
    public uint TotalProcesses;
    public uint ActiveProcesses;
    public uint TotalTerminatedProcesses;
}

/// <summary>STARTUPINFOW, with the pointers that are not used as such.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct StartupInfo
{
    public uint Size;
    public nint Reserved;
    public nint Desktop;
    public nint Title;
    public uint X;
    public uint Y;
    public uint XSize;
    public uint YSize;
    public uint XCountChars;
    public uint YCountChars;
    public uint FillAttribute;
    public uint Flags;
    public ushort ShowWindow;
    public ushort Reserved2Size;
    public nint Reserved2;
    public nint StandardInput;
    public nint StandardOutput;
    public nint StandardError;
}

/// <summary>STARTUPINFOEXW.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ExtendedStartupInfo
{
    public StartupInfo Info;
    public nint AttributeList;
}

/// <summary>PROCESS_INFORMATION.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ProcessInformation
{
    public nint Process;
    public nint Thread;
    public uint ProcessId;
    public uint ThreadId;
}
