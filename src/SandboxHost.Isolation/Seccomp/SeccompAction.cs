namespace SandboxHost.Isolation.Seccomp;

/// <summary>What the kernel does with a call: the return values of a seccomp filter, see seccomp(2).</summary>
internal static class SeccompAction
{
    public const uint Allow = 0x7FFF0000;
    public const uint KillProcess = 0x80000000;

    public const int NotPermitted = 1;
    public const int NotImplemented = 38;
    public const int ProtocolOptionUnavailable = 92;
    public const int ProtocolUnsupported = 93;
    public const int FamilyUnsupported = 97;

    /// <summary>The call fails with an errno.</summary>
    public static uint Fail(int errno) => 0x00050000u | (uint)errno;
}
