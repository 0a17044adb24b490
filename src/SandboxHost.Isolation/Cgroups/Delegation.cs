using System.Globalization;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Cgroups;

/// <summary>
/// Memory, cpu and pids handed down from a v2 group to the instance's group and to those below that. A group other than
/// the root that hands controllers down may have no process of its own, so this process moves to a leaf beside the
/// instance's group where it must, and back at the end.
/// </summary>
internal sealed class Delegation
{
    /// <summary>The file that says what is handed down; v1 has none.</summary>
    public const string File = "cgroup.subtree_control";

    /// <summary>The leaf's name. All hosts in one group share it: it has no limits, and goes with the last.</summary>
    public const string LeafName = CgroupTree.NamePrefix + "host";

    private static readonly string[] Wanted = ["memory", "cpu", "pids"];
    private readonly ICgroupFiles _files;
    private readonly string _own;
    private readonly string _leaf;

    private Delegation(ICgroupFiles files, string own)
    {
        _files = files;
        _own = own;
        _leaf = own + "/" + LeafName;
    }

    /// <summary>Hands down what can be. What cannot is missing in the groups below; freezing and killing work all the same.</summary>
    /// <param name="own">The group that this process is in, or was in before it moved to the leaf.</param>
    /// <param name="instance">The instance's group, below it.</param>
    public static Delegation Begin(ICgroupFiles files, string own, string instance)
    {
        var delegation = new Delegation(files, own);

        // A group that hands something down already has no need of being left, and what it does is somebody else's.
        if (!delegation.HandDown(own) && Words(files.TryRead(own + "/" + File)).Length == 0)
        {
            delegation.MoveToLeaf();
            if (!delegation.HandDown(own))
            {
                // Somebody else is in the group, too, or it is not this host's to change.
                delegation.End();
            }
        }

        delegation.HandDown(instance);
        return delegation;
    }

    /// <summary>
    /// Takes this process back to where it was, if it is in the leaf and no other host's groups need the controllers; the
    /// last one out removes the leaf.
    /// </summary>
    public void End()
    {
        var inLeaf = Words(_files.TryRead(_leaf + "/cgroup.procs")).Contains(Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        if (inLeaf && TakeBack(_files, _own))
        {
            TryWrite(_files, _own + "/cgroup.procs", "0");
        }

        // Refused by the kernel while a process is in it.
        _ = _files.RemoveDirectory(_leaf);
    }

    /// <summary>Does the same for a host that was killed, in a group that it was in.</summary>
    public static void Sweep(ICgroupFiles files, string own)
    {
        if (files.RemoveDirectory(own + "/" + LeafName) == 0)
        {
            TakeBack(files, own);
        }
    }

    // Refused by the kernel while another host's groups have the controllers.
    private static bool TakeBack(ICgroupFiles files, string own)
    {
        var given = Words(files.TryRead(own + "/" + File)).Intersect(Wanted);
        return TryWrite(files, own + "/" + File, string.Join(' ', given.Select(controller => "-" + controller)));
    }

    private static string[] Words(string? text) => (text ?? "").Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);

    private bool HandDown(string directory)
    {
        var offered = Words(_files.TryRead(directory + "/cgroup.controllers"));
        var given = Words(_files.TryRead(directory + "/" + File));
        var missing = Wanted.Where(controller => offered.Contains(controller) && !given.Contains(controller)).ToArray();
        return missing.Length == 0 || TryWrite(_files, directory + "/" + File, string.Join(' ', missing.Select(controller => "+" + controller)));
    }

    private void MoveToLeaf()
    {
        _ = _files.CreateDirectory(_leaf);
        TryWrite(_files, _leaf + "/cgroup.procs", "0");
    }

    private static bool TryWrite(ICgroupFiles files, string path, string text)
    {
        try
        {
            files.Write(path, text);
            return true;
        }
        catch (SandboxException)
        {
            return false;
        }
    }
}
