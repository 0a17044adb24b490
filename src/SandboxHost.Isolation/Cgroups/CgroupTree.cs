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

    /// <summary>Ends the name of the group that the host itself moves to when the v2 tree wants its own one empty.</summary>
    public const string LeafSuffix = "-host";

    private static readonly string[] Wanted = ["memory", "cpu", "cpuacct", "pids", "freezer"];
    private static readonly string[] Delegated = ["memory", "cpu", "pids"];
    private readonly ICgroupFiles _files;

    private CgroupTree(ICgroupFiles files, IReadOnlyList<string> directories, CgroupChoice choice)
    {
        _files = files;
        Directories = directories;
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
        foreach (var mount in Relevant(mounts))
        {
            var directory = mount.OwnDirectory + "/" + name;
            switch (files.CreateDirectory(directory))
            {
                case 0:
                    roots.Add(new CgroupRoot(directory, mount.Version, Look(files, mount, directory, name)));
                    break;
                case LibC.ErrnoExists:
                    roots.ForEach(root => files.RemoveDirectory(root.Directory));
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

        return new CgroupTree(files, [.. choice.Used.Select(root => root.Directory)], choice);
    }

    public Cgroup CreateGroup(string name, SandboxLimits limits) => Cgroup.Create(_files, Choice, name, limits);

    public Task RemoveAsync(TimeProvider time, CancellationToken cancellationToken) =>
        RemoveAllAsync(_files, Directories, time, cancellationToken);

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
    private static FrozenSet<string> Look(ICgroupFiles files, CgroupMount mount, string directory, string name)
    {
        try
        {
            if (mount.Version == 2)
            {
                Delegate(files, mount.OwnDirectory, name);
                Delegate(files, directory, name);
            }
        }
        catch (SandboxException)
        {
            // Controllers are not handed down; the core of v2, freezing and killing, is there all the same.
        }

        var probe = directory + "/probe";
        _ = files.CreateDirectory(probe);
        var found = files.Files(probe).ToFrozenSet();
        _ = files.RemoveDirectory(probe);
        return found;
    }

    private static IEnumerable<CgroupMount> Relevant(IReadOnlyList<CgroupMount> mounts) =>
        mounts.Where(mount => mount.Version == 2 || mount.Controllers.Any(Wanted.Contains));

    // Children first: a group with groups in it cannot be removed.
    private static IEnumerable<string> WithBelow(ICgroupFiles files, string directory) =>
        files.Exists(directory) ? [.. files.Directories(directory).SelectMany(below => WithBelow(files, below)), directory] : [];

    private static bool WriteIfThere(ICgroupFiles files, string path, string text)
    {
        if (!files.Exists(path))
        {
            return false;
        }

        try
        {
            files.Write(path, text);
            return true;
        }
        catch (SandboxException)
        {
            // The group went away between the two calls, or its kind refuses; the removal that follows tells.
            return false;
        }
    }

    private static void KillListed(ICgroupFiles files, string group)
    {
        foreach (var line in (files.TryRead(group + "/cgroup.procs") ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            files.Kill(int.Parse(line, CultureInfo.InvariantCulture));
        }
    }

    /// <summary>
    /// Hands controllers down to the children of a v2 group. A group other than the root may then have no process of its
    /// own, so if the kernel says EBUSY this process moves to a leaf beside the instance's group and tries again.
    /// </summary>
    private static void Delegate(ICgroupFiles files, string directory, string name)
    {
        var offered = Words(files.TryRead(directory + "/cgroup.controllers"));
        var given = Words(files.TryRead(directory + "/cgroup.subtree_control"));
        var missing = Delegated.Where(controller => offered.Contains(controller) && !given.Contains(controller)).ToArray();
        if (missing.Length == 0)
        {
            return;
        }

        var text = string.Join(' ', missing.Select(controller => "+" + controller));
        try
        {
            files.Write(directory + "/cgroup.subtree_control", text);
        }
        catch (SandboxException)
        {
            var leaf = directory + "/" + name + LeafSuffix;
            _ = files.CreateDirectory(leaf);
            files.Write(leaf + "/cgroup.procs", "0");
            files.Write(directory + "/cgroup.subtree_control", text);
        }
    }

    private static string[] Words(string? text) => (text ?? "").Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
}
