using System.Globalization;

namespace SandboxHost.Isolation.Cgroups;

/// <summary>
/// A group beside the instance's own in one hierarchy, with this process in it and nothing below. The host has four times the
/// weight of all workers together there: what it does is short, and every tenant waits for it. In the group that it came
/// from it would be one among many; and the kernel shares a group's weight out among the processors that it runs on, so
/// that one thread alone on a processor has a fraction even of that (docs/decisions/0018).
/// </summary>
internal sealed class HostLeaf(ICgroupFiles files, string own)
{
    /// <summary>All hosts in one group share it, and it goes with the last.</summary>
    public const string Name = CgroupTree.NamePrefix + "host";

    private const int Weight = 4;

    private readonly string _directory = own + "/" + Name;

    /// <summary>Makes the group where it is missing, and moves this process to it. Where it may not, the process stays.</summary>
    public void Enter()
    {
        _ = files.CreateDirectory(_directory);
        files.TryWrite(_directory + "/cgroup.procs", "0");
    }

    /// <summary>Gives it its weight, where the hierarchy has one.</summary>
    public void Weigh()
    {
        foreach (var (file, ordinary) in CgroupValues.Weights)
        {
            if (files.Exists(_directory + "/" + file))
            {
                files.TryWrite(_directory + "/" + file, $"{Weight * ordinary}");
            }
        }
    }

    public bool HasThisProcess => (files.TryRead(_directory + "/cgroup.procs") ?? "")
        .Split('\n').Contains(Environment.ProcessId.ToString(CultureInfo.InvariantCulture));

    /// <summary>Takes this process back to where it was.</summary>
    public void Leave() => files.TryWrite(own + "/cgroup.procs", "0");

    /// <returns>Whether it was there and is gone: the kernel refuses while a process is in it.</returns>
    public bool TryRemove() => files.RemoveDirectory(_directory) == 0;
}
