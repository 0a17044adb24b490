using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Linux;

/// <summary>
/// The uids of one host instance. No two live sandboxes share one, and one that was given back comes round again as late
/// as possible.
/// </summary>
internal sealed class UidBlock(uint firstUid)
{
    public const int Size = 4096;
    private readonly Lock _gate = new();
    private readonly HashSet<uint> _taken = [];
    private int _next;

    public uint First => firstUid;

    public static UidBlock For(uint uidBase, int instance) => new(checked(uidBase + ((uint)instance * Size)));

    public uint Take()
    {
        lock (_gate)
        {
            for (var tried = 0; tried < Size; tried++)
            {
                var uid = firstUid + (uint)_next;
                _next = (_next + 1) % Size;
                if (_taken.Add(uid))
                {
                    return uid;
                }
            }
        }

        throw new SandboxException($"uid: all {Size} uids of this host instance are in use");
    }

    public void GiveBack(uint uid)
    {
        lock (_gate)
        {
            _taken.Remove(uid);
        }
    }
}
