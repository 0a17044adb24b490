using System.Globalization;

namespace SandboxHost.Server;

/// <summary>What a host has for its workers.</summary>
/// <param name="MemoryBytes">Of the machine, or of the container that the host is in.</param>
/// <param name="Descriptors">That the host may have open (RLIMIT_NOFILE).</param>
public sealed record HostCapacity(long MemoryBytes, long Descriptors)
{
    /// <summary>An idle Node worker with what the kernel keeps for it: its pages, page tables, stacks, its network namespace.</summary>
    private const long WorkerBytes = 32L << 20;

    /// <summary>Sockets in its network namespace, its connection, its output, its process.</summary>
    private const int WorkerDescriptors = 30;

    /// <summary>For clients, the store, and the libraries that are loaded.</summary>
    private const int OwnDescriptors = 400;

    /// <summary>How many workers may live: three quarters of the memory, and of the descriptors what the host and its clients leave.</summary>
    public int MaxWorkers => (int)Math.Clamp(
        Math.Min(MemoryBytes / 4 * 3 / WorkerBytes, (Descriptors - Math.Max(OwnDescriptors, Descriptors / 8)) / WorkerDescriptors), 8, 10_000);

    public static HostCapacity OfThisMachine() => new(
        GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, OperatingSystem.IsLinux() ? ReadDescriptorLimit(File.ReadLines("/proc/self/limits")) : long.MaxValue);

    /// <param name="limits">Lines of proc_pid_limits(5): name, soft limit, hard limit, unit. The runtime raises the soft one to the hard one.</param>
    public static long ReadDescriptorLimit(IEnumerable<string> limits)
    {
        const string Name = "Max open files";
        var line = limits.FirstOrDefault(line => line.StartsWith(Name, StringComparison.Ordinal)) ?? "";
        var soft = line[Math.Min(Name.Length, line.Length)..].Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
        return long.TryParse(soft, CultureInfo.InvariantCulture, out var limit) ? limit : long.MaxValue;
    }
}
