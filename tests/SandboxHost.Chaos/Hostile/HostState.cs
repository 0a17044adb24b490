namespace SandboxHost.Chaos.Hostile;

/// <summary>What a host has on the machine at one moment, counted from outside.</summary>
/// <param name="Sandboxes">By cgroup: w1, w2 …</param>
/// <param name="Directories">Sandboxes' directories of the host.</param>
/// <param name="Processes">Processes under the uids of its workers.</param>
/// <param name="Mounts">All that this machine's mount namespace has.</param>
/// <param name="TempEntries">In the temp folder that host and tests share.</param>
internal sealed record HostState(int Sandboxes, int Directories, int Processes, int Mounts, int TempEntries)
{
    public static HostState Of(HostProcess host) => new(
        Leftovers.Groups(host.Instance).SelectMany(group => Directory.EnumerateDirectories(group)).Select(path => Path.GetFileName(path)).Distinct().Count(),
        Directory.EnumerateDirectories($"/run/sandboxhost/{host.Instance}", "w*", SearchOption.AllDirectories).Count(),
        Leftovers.WorkerProcesses(host.Instance).Count,
        File.ReadLines("/proc/self/mountinfo").Count(line => line.Contains("/run/sandboxhost/", StringComparison.Ordinal)),
        Directory.EnumerateFileSystemEntries(Path.GetTempPath()).Count(path => !Path.GetFileName(path).Contains("-diagnostic-", StringComparison.Ordinal)));

    public static int DescriptorsOf(HostProcess host) => Directory.EnumerateFileSystemEntries($"/proc/{host.Id}/fd").Count();

    /// <summary>Whether nothing is left that was not there before.</summary>
    public bool IsNoMoreThan(HostState before) =>
        Sandboxes <= before.Sandboxes && Directories <= before.Directories && Processes <= before.Processes
        && Mounts <= before.Mounts && TempEntries <= before.TempEntries;
}
