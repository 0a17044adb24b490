using System.Runtime.InteropServices;

namespace SandboxHost.Isolation.Seccomp;

/// <summary>A processor architecture that a filter can be made for, by its audit number.</summary>
internal enum SeccompArchitecture : uint
{
    X64 = 0xC000003E,
    Arm64 = 0xC00000B7,
}

internal static class SeccompArchitectures
{
    public static SeccompArchitecture Current => RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => SeccompArchitecture.X64,
        Architecture.Arm64 => SeccompArchitecture.Arm64,
        var other => throw new SandboxHost.Sandboxes.SandboxException($"seccomp: no system call table for {other}"),
    };
}
