using System.Globalization;
using System.Runtime.Versioning;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation;

/// <summary>Looks at processes through /proc.</summary>
[SupportedOSPlatform("linux")]
internal static class TestProcesses
{
    /// <summary>Processes with the sandbox's uid, outermost first.</summary>
    public static IReadOnlyList<int> InSandbox(ISandbox sandbox) => OfUids(sandbox.Uid, 1);

    /// <summary>Live processes with one of the uids. The dead that wait for process 1 of the machine to reap them do not count.</summary>
    public static IReadOnlyList<int> OfUids(uint first, uint count) =>
    [
        .. Directory.EnumerateDirectories("/proc")
            .Select(path => int.TryParse(Path.GetFileName(path), out var process) ? process : 0)
            .Where(process => process > 0 && IsAliveWithUid(process, first, count))
            .Order(),
    ];

    private static bool IsAliveWithUid(int process, uint first, uint count)
    {
        try
        {
            var status = File.ReadAllLines($"/proc/{process}/status");
            var uid = uint.Parse(status.First(line => line.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[1], CultureInfo.InvariantCulture);
            var state = status.First(line => line.StartsWith("State:", StringComparison.Ordinal)).Split('\t')[1][0];
            return uid >= first && uid - first < count && state is not ('Z' or 'X');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Gone between listing and reading.
            return false;
        }
    }
}
