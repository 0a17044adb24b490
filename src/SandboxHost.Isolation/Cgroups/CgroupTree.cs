using System.Collections.Frozen;
using System.Globalization;
using SandboxHost.Isolation.Linux;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Cgroups;

/// <summary>
/// A host instance's own group in every hierarchy, made below the group that the host process itself is in, so that
/// whatever limits the host limits its workers too.
/// </summary>
internal sealed class CgroupTree
{
    public const string NamePrefix = "sandboxhost-";

    /// <summary>Behind the instance's name: the group of processes for which nobody waits yet.</summary>
    public const string PatientSuffix = "-patient";

    /// <summary>In pages: below the first figure the kernel is generous, above the second it holds back, at the third it refuses (tcp(7)).</summary>
    private const string SocketMemory = "/proc/sys/net/ipv4/tcp_mem";

    private static readonly string[] Wanted = ["memory", "cpu", "cpuacct", "pids", "freezer"];
    private readonly ICgroupFiles _files;
    private readonly IReadOnlyList<Delegation> _delegations;
    private readonly string? _patientGroup;
    private readonly HostLeaf? _leaf;

    private CgroupTree(ICgroupFiles files, CgroupChoice choice, IReadOnlyList<Delegation> delegations, string? patientGroup, HostLeaf? leaf)
    {
        _files = files;
        _delegations = delegations;
        _patientGroup = patientGroup;
        _leaf = leaf;
        Directories = [.. choice.Used.Select(root => root.Directory), .. patientGroup is null ? Array.Empty<string>() : [patientGroup]];
        Choice = choice;
    }

    /// <summary>The directories that the instance made, for whoever cleans up after it.</summary>
    public IReadOnlyList<string> Directories { get; }

    public CgroupChoice Choice { get; }

    /// <summary>
    /// Makes the instance's groups and looks at what a group below them has. A hierarchy that cannot be written is left
    /// out; <see cref="HostCapabilities"/> says what follows.
    /// </summary>
    /// <exception cref="SandboxException">There are groups of that name: another host's, which this one must not touch.</exception>
    public static CgroupTree Create(ICgroupFiles files, IReadOnlyList<CgroupMount> mounts, string name)
    {
        var roots = new List<CgroupRoot>();
        var delegations = new List<Delegation>();
        foreach (var mount in Relevant(mounts))
        {
            var directory = mount.OwnDirectory + "/" + name;
            switch (files.CreateDirectory(directory))
            {
                case 0:
                    // Core of v2, and not of v1: a group there can hand controllers down, and must before one below has any.
                    if (files.Exists(mount.OwnDirectory + "/" + Delegation.File))
                    {
                        delegations.Add(Delegation.Begin(files, mount.OwnDirectory, directory));
                    }

                    roots.Add(new CgroupRoot(directory, mount.Version, FilesBelow(files, directory)));
                    break;
                case LibC.ErrnoExists:
                    roots.ForEach(root => files.RemoveDirectory(root.Directory));
                    delegations.ForEach(delegation => delegation.End());
                    throw new SandboxException($"cgroup: {directory} exists already and belongs to another host");
                default:
                    // Not ours to write: an unprivileged host without delegation. The capability report has a row for it.
                    break;
            }
        }

        var choice = CgroupChoice.From(roots);
        foreach (var unused in roots.Except(choice.Used))
        {
            _ = files.RemoveDirectory(unused.Directory);
        }

        LimitSockets(files, choice);
        return new CgroupTree(files, choice, delegations, CreatePatientGroup(files, choice), EnterLeaf(files, choice));
    }

    /// <param name="isPatient">Whether its processes join the group that gets what is left of the processors, where there is one.</param>
    public Cgroup CreateGroup(string name, SandboxLimits limits, bool isPatient = false) =>
        Cgroup.Create(_files, Choice, name, limits, isPatient ? _patientGroup : null);

    public async Task RemoveAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        _leaf?.Leave();
        _leaf?.TryRemove();
        await RemoveAllAsync(_files, Directories, time, cancellationToken);
        foreach (var delegation in _delegations)
        {
            delegation.End();
        }
    }

    /// <summary>Ends everything in the given groups and removes them, with what is below them. Missing ones are no error.</summary>
    public static async Task RemoveAllAsync(
        ICgroupFiles files, IReadOnlyCollection<string> directories, TimeProvider time, CancellationToken cancellationToken)
    {
        var groups = directories.SelectMany(directory => WithBelow(files, directory)).ToArray();

        // All are thawed before any is killed: a process is in one group per hierarchy, and a v1 freezer holds back SIGKILL.
        foreach (var group in groups)
        {
            WriteIfThere(files, group + "/cgroup.freeze", "0");
            WriteIfThere(files, group + "/freezer.state", "THAWED");
        }

        foreach (var group in groups)
        {
            if (!WriteIfThere(files, group + "/cgroup.kill", "1"))
            {
                KillListed(files, group);
            }
        }

        foreach (var group in groups)
        {
            await Cgroup.RemoveAsync(files, group, time, cancellationToken);
        }
    }

    // The files that a sandbox's group will have: tried, with a group that is made and removed.
    private static FrozenSet<string> FilesBelow(ICgroupFiles files, string directory)
    {
        var probe = directory + "/probe";
        _ = files.CreateDirectory(probe);
        // Deprecated: a kernel may still have the file and refuse what is written to it, as it does with another one of its kind.
        var found = files.Files(probe).Where(file => file != CgroupValues.SocketLimit || files.TryWrite($"{probe}/{file}", "-1")).ToFrozenSet();
        _ = files.RemoveDirectory(probe);
        return found;
    }

    // All workers together get half of what the kernel gives before it begins to hold sockets back, so that there is always some for clients.
    private static void LimitSockets(ICgroupFiles files, CgroupChoice choice)
    {
        if (choice.Memory is { } memory && memory.Has(CgroupValues.SocketLimit)
            && files.TryRead(SocketMemory)?.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is [_, var pressure, _]
            && long.TryParse(pressure, CultureInfo.InvariantCulture, out var pages))
        {
            files.Write($"{memory.Directory}/{CgroupValues.SocketLimit}", $"{pages * Environment.SystemPageSize / 2}");
        }
    }

    // Beside the instance's own group and not below it: what is idle gives way to its siblings, and the host's own threads are no
    // siblings of what is below. Processes move out of it, so it must not be where their memory is counted.
    private static string? CreatePatientGroup(ICgroupFiles files, CgroupChoice choice)
    {
        if (choice.Cpu is not { } cpu || !cpu.Has("cpu.idle") || choice.Memory is not { } memory || memory.Directory == cpu.Directory)
        {
            return null;
        }

        var directory = cpu.Directory + PatientSuffix;
        if (files.CreateDirectory(directory) != 0)
        {
            return null;
        }

        try
        {
            files.Write(directory + "/cpu.idle", "1");
            return directory;
        }
        catch (SandboxException)
        {
            // A kernel that has the file and does not take it: everybody starts as everybody else.
            _ = files.RemoveDirectory(directory);
            return null;
        }
    }

    // In v2 who hands controllers down is in its leaf already.
    private static HostLeaf? EnterLeaf(ICgroupFiles files, CgroupChoice choice)
    {
        if (choice.Cpu is not { } cpu || !cpu.Has("cpu.shares"))
        {
            return null;
        }

        var leaf = new HostLeaf(files, Path.GetDirectoryName(cpu.Directory)!);
        leaf.Enter();
        leaf.Weigh();
        return leaf;
    }

    private static IEnumerable<CgroupMount> Relevant(IReadOnlyList<CgroupMount> mounts) =>
        mounts.Where(mount => mount.Version == 2 || mount.Controllers.Any(Wanted.Contains));

    // Children first: a group with groups in it cannot be removed.
    private static IEnumerable<string> WithBelow(ICgroupFiles files, string directory) =>
        files.Exists(directory) ? [.. files.Directories(directory).SelectMany(below => WithBelow(files, below)), directory] : [];

    // A group may go away between the two calls, or its kind refuse; the removal that follows tells.
    private static bool WriteIfThere(ICgroupFiles files, string path, string text) => files.Exists(path) && files.TryWrite(path, text);

    private static void KillListed(ICgroupFiles files, string group)
    {
        foreach (var line in (files.TryRead(group + "/cgroup.procs") ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            files.Kill(int.Parse(line, CultureInfo.InvariantCulture));
        }
    }
}
