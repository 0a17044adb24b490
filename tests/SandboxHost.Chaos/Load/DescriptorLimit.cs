using System.Runtime.InteropServices;

namespace SandboxHost.Chaos.Load;

/// <summary>The soft limit of descriptors of another process (prlimit(2)); as before when disposed.</summary>
internal sealed partial class DescriptorLimit : IDisposable
{
    private const int Descriptors = 7;

    private readonly int _processId;
    private readonly Limits _before;
    private readonly int _first;
    private readonly int _more;

    private DescriptorLimit(int processId, Limits before, int first, int more)
    {
        _first = first;
        _more = more;
        _processId = processId;
        _before = before;
    }

    /// <summary>Whether the process has no more than this many left.</summary>
    public bool IsDownTo(int left)
    {
        var used = NumbersOf(_processId);
        return Enumerable.Range(_first, _more).SkipWhile(used.Contains).Count() <= left;
    }

    public static int CountOf(int processId) => NumbersOf(processId).Count;

    /// <summary>Leaves the process as many more than it has.</summary>
    /// <remarks>
    /// The limit is the first number that is not given out any more (getrlimit(2)). A lower one that is not there may be taken all
    /// the same, by an accept(2) or open(2) that waits.
    /// </remarks>
    public static DescriptorLimit Leave(int processId, int more)
    {
        Set(processId, IntPtr.Zero, out var before);
        var limit = new DescriptorLimit(processId, before, NumbersOf(processId).Max() + 1, more);
        limit.Set(before with { Soft = (ulong)(limit._first + more) });
        return limit;
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
