using System.Runtime.InteropServices;

namespace SandboxHost.Chaos.Load;

/// <summary>The soft limit of descriptors of another process (prlimit(2)); as before when disposed.</summary>
internal sealed partial class DescriptorLimit : IDisposable
{
    private const int Descriptors = 7;

    private readonly int _processId;
    private readonly Limits _before;

    private DescriptorLimit(int processId, Limits before)
    {
        _processId = processId;
        _before = before;
    }

    public static int CountOf(int processId) => NumbersOf(processId).Count;

    /// <summary>Leaves the process as many more than it has.</summary>
    public static DescriptorLimit Leave(int processId, int more)
    {
        Set(processId, IntPtr.Zero, out var before);
        var limit = new DescriptorLimit(processId, before);
        limit.Set(before with { Soft = LimitThatLeaves(more, NumbersOf(processId)) });
        return limit;
    }

    // The limit is the first number that is not given out any more (getrlimit(2)); lower ones that are free are.
    private static ulong LimitThatLeaves(int more, HashSet<int> used)
    {
        var limit = 0;
        for (var free = 0; free < more; limit++)
        {
            free += used.Contains(limit) ? 0 : 1;
        }

        return (ulong)limit;
    }

    private static HashSet<int> NumbersOf(int processId) =>
        [.. Directory.EnumerateFileSystemEntries($"/proc/{processId}/fd").Select(path => int.Parse(Path.GetFileName(path), System.Globalization.CultureInfo.InvariantCulture))];

    public void Dispose() => Set(_before);

    private void Set(Limits limits)
    {
        var pointer = Marshal.AllocHGlobal(Marshal.SizeOf<Limits>());
        try
        {
            Marshal.StructureToPtr(limits, pointer, fDeleteOld: false);
            Set(_processId, pointer, out _);
        }
        finally
        {
            Marshal.FreeHGlobal(pointer);
        }
    }

    private static void Set(int processId, IntPtr limits, out Limits before)
    {
        if (SetLimits(processId, Descriptors, limits, out before) != 0)
        {
            throw new InvalidOperationException($"prlimit({processId}): errno {Marshal.GetLastPInvokeError()}");
        }
    }

    [LibraryImport("libc", EntryPoint = "prlimit64", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetLimits(int processId, int resource, IntPtr limits, out Limits before);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Limits(ulong Soft, ulong Hard);
}
