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

    private static readonly string[] Wanted = ["memory", "cpu", "pids"];
    private readonly ICgroupFiles _files;
    private readonly string _own;
    private readonly HostLeaf _leaf;

    private Delegation(ICgroupFiles files, string own)
    {
        _files = files;
        _own = own;
        _leaf = new HostLeaf(files, own);
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
            delegation._leaf.Enter();
            if (!delegation.HandDown(own))
            {
                // Somebody else is in the group, too, or it is not this host's to change.
                delegation.End();
            }
            else
            {
                // The controllers have just come there.
                delegation._leaf.Weigh();
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
        if (_leaf.HasThisProcess && TakeBack(_files, _own))
        {
            _leaf.Leave();
        }

        _leaf.TryRemove();
    }

    /// <summary>Does the same for a host that was killed, in a group that it was in.</summary>
    public static void Sweep(ICgroupFiles files, string own)
    {
        if (new HostLeaf(files, own).TryRemove())
        {
            TakeBack(files, own);
        }
    }

    // Refused by the kernel while another host's groups have the controllers.
    private static bool TakeBack(ICgroupFiles files, string own)
    {
        var given = Words(files.TryRead(own + "/" + File)).Intersect(Wanted);
        return files.TryWrite(own + "/" + File, string.Join(' ', given.Select(controller => "-" + controller)));
    }

    private static string[] Words(string? text) => (text ?? "").Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);

    private bool HandDown(string directory)
    {
        var offered = Words(_files.TryRead(directory + "/cgroup.controllers"));
        var given = Words(_files.TryRead(directory + "/" + File));
        var missing = Wanted.Where(controller => offered.Contains(controller) && !given.Contains(controller)).ToArray();
        return missing.Length == 0 || _files.TryWrite(directory + "/" + File, string.Join(' ', missing.Select(controller => "+" + controller)));
    }
}
