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

    public static int CountOf(int processId) => Directory.EnumerateFileSystemEntries($"/proc/{processId}/fd").Count();

    /// <summary>Leaves the process as many more than it has.</summary>
    public static DescriptorLimit Leave(int processId, int more)
    {
        Set(processId, IntPtr.Zero, out var before);
        var limit = new DescriptorLimit(processId, before);
        limit.Set(before with { Soft = (ulong)(CountOf(processId) + more) });
        return limit;
    }

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
