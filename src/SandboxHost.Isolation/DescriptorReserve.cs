using SandboxHost.Isolation.Linux;

namespace SandboxHost.Isolation;

/// <summary>
/// The last descriptors of this process (RLIMIT_NOFILE), which no client, no worker and no connection of a worker gets. The
/// runtime ends a process that has none left: it can't start a thread without two of them, and its thread pool takes that
/// for being out of memory. So whoever would open one for a stranger asks here first, and waits or refuses.
/// </summary>
public static class DescriptorReserve
{
    /// <summary>Enough for the threads, files and libraries that the host itself opens, and for strangers who asked at the same moment.</summary>
    public const int Size = 128;

    /// <summary>
    /// Whether none but the reserve are left. The kernel gives out the lowest number that is free (open(2)), so that number
    /// tells how many are taken. Asked anew each time, for the limit may be set while the host runs (prlimit(2)).
    /// </summary>
    public static bool IsReached =>
        OperatingSystem.IsLinux() && LibC.LowestFreeDescriptor() is var free && (free is null || (ulong)free >= LibC.DescriptorLimit - Size);
}
