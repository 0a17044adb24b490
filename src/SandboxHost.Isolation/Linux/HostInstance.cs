using System.Runtime.Versioning;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using SandboxHost.Isolation.Cgroups;
using SandboxHost.Isolation.Seccomp;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Linux;

/// <summary>
/// This process's place among the hosts of the machine: a number, held by a lock that ends with the process however it
/// ends; with it go a directory, cgroups and a block of uids. Claiming one sweeps what dead hosts left.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class HostInstance : IAsyncDisposable
{
    private readonly SafeFileHandle _lock;
    private readonly TimeProvider _time;

    private HostInstance(HostDirectories directories, SafeFileHandle held, CgroupTree groups, UidBlock? uids, TimeProvider time)
    {
        Directories = directories;
        _lock = held;
        Groups = groups;
        Uids = uids;
        _time = time;
    }

    public HostDirectories Directories { get; }

    public CgroupTree Groups { get; }

    /// <summary>The uids of the workers; null when the host is not root and can only be itself.</summary>
    public UidBlock? Uids { get; }

    public static async Task<HostInstance> ClaimAsync(
        IsolationOptions options, ICgroupFiles files, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        var uid = LibC.EffectiveUserId;
        var root = HostDirectories.RootFor(options, uid, Path.GetTempPath());
        MakeRoot(root, uid);
        HostInstance? claimed = null;
        foreach (var number in Candidates(root))
        {
            var directories = new HostDirectories(root, number);
            if (claimed is not null && !Directory.Exists(directories.Directory))
            {
                continue;
            }

            if (TryLock(directories) is not { } held)
            {
                continue;
            }

            try
            {
                await SweepAsync(directories, files, time, logger, cancellationToken);
                claimed ??= Furnish(directories, held, options, uid, files, time);
            }
            catch (Exception e) when (e is SandboxException or IOException or UnauthorizedAccessException)
            {
                // The number is skipped; another one does as well, and the next start tries again.
                logger.InstanceSkipped(number, e.Message);
            }

            if (claimed?.Directories != directories)
            {
                RemoveUnlessStillNeeded(directories);
                held.Dispose();
            }
        }

        if (claimed is not null)
        {
            logger.InstanceClaimed(claimed.Directories.Instance, claimed.Directories.Directory, claimed.Uids?.First ?? uid);
        }

        return claimed ?? throw new SandboxException($"instance: no free number below {root}");
    }

    /// <summary>Removes the instance's groups and directory. Every sandbox must be gone.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_lock.IsClosed)
        {
            return;
        }

        await Groups.RemoveAsync(_time, CancellationToken.None);
        HostDirectories.Remove(Directories.Directory);
        _lock.Dispose();
    }

    private static void MakeRoot(string root, uint uid)
    {
        Directory.CreateDirectory(root);

        // Below a temp directory anybody could have made it first; only its owner can set the mode, so this fails then.
        File.SetUnixFileMode(root, uid == 0 ? FileModes.DirectoryPassable : FileModes.DirectoryOfOwner);
        for (var above = Path.GetDirectoryName(root); uid == 0 && above is not null; above = Path.GetDirectoryName(above))
        {
            if (!File.GetUnixFileMode(above).HasFlag(UnixFileMode.OtherExecute))
            {
                throw new SandboxException($"instance: workers must pass {above} on the way to {root}, and its mode does not let them");
            }
        }
    }

    // The numbers in use or once used, so that they are swept, and the lowest that no directory has.
    private static IEnumerable<int> Candidates(string root)
    {
        var known = Directory.EnumerateDirectories(root)
            .Select(path => int.TryParse(Path.GetFileName(path), out var number) ? number : -1)
            .Where(number => number is >= 0 and < HostDirectories.MaxInstances)
            .Order()
            .ToArray();
        return known.Concat(Enumerable.Range(0, HostDirectories.MaxInstances).Except(known));
    }

    private static SafeFileHandle? TryLock(HostDirectories directories)
    {
        Directory.CreateDirectory(directories.Directory);
        SafeFileHandle file;
        try
        {
            file = File.OpenHandle(directories.LockPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite);
        }
        catch (IOException)
        {
            // The last owner removed the directory between the two calls.
            return null;
        }

        // The file that is locked must still be the one at that path: an owner that ends removes it, and a lock on a
        // removed file would keep nobody else out.
        var current = File.ResolveLinkTarget($"/proc/self/fd/{file.DangerousGetHandle()}", returnFinalTarget: false)?.FullName;
        if (LibC.TryLock(file) && Path.Exists(directories.LockPath) && current == Path.GetFullPath(directories.LockPath))
        {
            return file;
        }

        file.Dispose();
        return null;
    }

    private static async Task SweepAsync(
        HostDirectories directories, ICgroupFiles files, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        var groups = ReadGroupList(directories);
        await CgroupTree.RemoveAllAsync(files, groups, time, cancellationToken);
        foreach (var group in groups)
        {
            Delegation.Sweep(files, Path.GetDirectoryName(group)!);
        }

        var sandboxes = Directory.Exists(directories.Sandboxes) ? Directory.GetDirectories(directories.Sandboxes).Length : 0;
        foreach (var entry in new DirectoryInfo(directories.Directory).EnumerateFileSystemInfos())
        {
            switch (entry)
            {
                case DirectoryInfo directory when directory.LinkTarget is null: directory.Delete(recursive: true); break;
                case { Name: "lock" }: break;
                default: entry.Delete(); break;
            }
        }

        if (groups.Count > 0)
        {
            logger.InstanceSwept(directories.Instance, groups.Count, sandboxes);
        }
    }

    // What could not be swept is still named in the list; the directory stays until a later start succeeds.
    private static void RemoveUnlessStillNeeded(HostDirectories directories)
    {
        if (!File.Exists(directories.GroupListPath))
        {
            HostDirectories.Remove(directories.Directory);
        }
    }

    private static IReadOnlyList<string> ReadGroupList(HostDirectories directories) => File.Exists(directories.GroupListPath)
        // Written by a host like this one; checked all the same, since what it names gets killed.
        ? [.. File.ReadLines(directories.GroupListPath).Where(path =>
            Path.GetFileName(path) == directories.GroupName || Path.GetFileName(path) == directories.GroupName + CgroupTree.PatientSuffix)]
        : [];

    private static HostInstance Furnish(
        HostDirectories directories, SafeFileHandle held, IsolationOptions options, uint uid, ICgroupFiles files, TimeProvider time)
    {
        File.SetUnixFileMode(directories.Directory, uid == 0 ? FileModes.DirectoryPassable : FileModes.DirectoryOfOwner);
        var mounts = CgroupMount.Parse(File.ReadAllText("/proc/self/mountinfo"), File.ReadAllText("/proc/self/cgroup"));
        EtcSkeleton.Write(directories.Etc, options.Egress.Sites?.HostNames ?? [], hasDoor: uid == 0);
        FileModes.MakeDirectory(directories.Empty, FileModes.DirectoryReadableByAll);
        FileModes.MakeDirectory(directories.Link, FileModes.DirectoryReadableByAll);
        FileModes.MakeDirectory(directories.Stage, FileModes.DirectoryReadableByAll);
        FileModes.MakeDirectory(directories.Sandboxes, FileModes.DirectoryOfOwner);
        File.WriteAllBytes(directories.SeccompPath, SeccompPolicy.ToBytes(SeccompPolicy.Build(SeccompArchitectures.Current)));
        File.SetUnixFileMode(directories.SeccompPath, FileModes.FileOfOwner);

        // Written once they are made: a list that named another host's groups would have them killed by the next sweep.
        var groups = CgroupTree.Create(files, mounts, directories.GroupName);
        File.WriteAllLines(directories.GroupListPath, groups.Directories);
        return new HostInstance(directories, held, groups, uid == 0 ? UidBlock.For(options.UidBase, directories.Instance) : null, time);
    }
}
