using System.Globalization;

namespace SandboxHost.TestKit;

/// <summary>What a host left on the machine: processes of its workers, cgroups, mounts, directories.</summary>
public static class Leftovers
{
    private const long UidBase = 1_900_000_000;
    private const long UidsPerInstance = 4096;

    /// <summary>
    /// Throws when a host that has ended left something. A number that is free may be taken by a host that starts at the
    /// same moment, if only to sweep it: what is there while its lock is held is that host's.
    /// </summary>
    public static void ThrowIfAny(int instance)
    {
        var found = Of(instance).ToList();
        if (found.Count == 0 || IsHeld(instance))
        {
            return;
        }

        // The other host may have gone between the two looks.
        found = [.. found.Intersect(Of(instance))];
        if (found.Count > 0)
        {
            throw new InvalidOperationException($"Left behind by host instance {instance}:\n{string.Join('\n', found)}");
        }
    }

    public static IEnumerable<string> Of(int instance)
    {
        if (instance < 0)
        {
            return [];
        }

        return WorkerProcesses(instance).Select(id => $"process {id}")
            .Concat(Groups(instance))
            .Concat(Mounts(instance))
            .Concat(Directory.Exists($"/run/sandboxhost/{instance}") ? Directory.EnumerateFileSystemEntries($"/run/sandboxhost/{instance}") : []);
    }

    /// <summary>Processes that run under a uid of this instance's workers.</summary>
    public static IReadOnlyList<int> WorkerProcesses(int instance)
    {
        var first = UidBase + (instance * UidsPerInstance);
        var found = new List<int>();
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), CultureInfo.InvariantCulture, out var id))
            {
                continue;
            }

            try
            {
                var status = File.ReadAllLines(directory + "/status");
                var uid = long.Parse(ValueOf(status, "Uid:").Split('\t', StringSplitOptions.RemoveEmptyEntries)[0], CultureInfo.InvariantCulture);
                // One that has no memory any more is on its way out: it has left its cgroup, and waits for a processor to be gone.
                var isDead = ValueOf(status, "State:").TrimStart().StartsWith('Z') || !status.Any(line => line.StartsWith("VmSize:", StringComparison.Ordinal));
                if (uid >= first && uid < first + UidsPerInstance && !isDead)
                {
                    found.Add(id);
                }
            }
            catch (IOException)
            {
                // It ended while we looked.
            }
        }

        return found;
    }

    public static IEnumerable<string> Groups(int instance) =>
        ((string[])[$"sandboxhost-{instance}", $"sandboxhost-{instance}-*"])
            .SelectMany(name => Directory.EnumerateDirectories("/sys/fs/cgroup", name, SearchOption.AllDirectories));

    /// <summary>Whether a worker of the host sleeps at this moment.</summary>
    public static bool IsAnyFrozen(int instance) =>
        Groups(instance)
            .SelectMany(group => Directory.EnumerateFiles(group, "cgroup.events", SearchOption.AllDirectories))
            .Any(file => File.ReadAllText(file).Contains("frozen 1", StringComparison.Ordinal));

    // A lock of flock(2), which is what FileShare.None takes as well.
    private static bool IsHeld(int instance)
    {
        try
        {
            using var file = new FileStream($"/run/sandboxhost/{instance}/lock", FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return false;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
        catch (DirectoryNotFoundException)
        {
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static IEnumerable<string> Mounts(int instance) =>
        File.ReadLines("/proc/self/mountinfo").Where(line => line.Contains($"/run/sandboxhost/{instance}/", StringComparison.Ordinal));

    private static string ValueOf(string[] status, string name) =>
        status.First(line => line.StartsWith(name, StringComparison.Ordinal))[name.Length..];
}
