using SandboxHost.Sandboxes;
using SandboxHost.Workers;

namespace SandboxHost.Supervisor.Workers;

/// <summary>
/// Says when a worker holds so much of its memory that it should be replaced before a call has to meet the limit. Asked after
/// calls; looks at the kernel's figures at most every 20 ms.
/// </summary>
internal sealed class MemoryWatch(TimeProvider clock)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    private readonly Lock _gate = new();
    private long _mark;
    private long _read;

    /// <returns>How much it holds, in bytes, when that is too much; else null.</returns>
    public long? ReadIfHigh(ISandbox sandbox, long limitBytes)
    {
        lock (_gate)
        {
            if (_mark > 0 && clock.GetElapsedTime(_read) < Interval)
            {
                return null;
            }

            _read = clock.GetTimestamp();
            var held = sandbox.ReadHeldMemory(enough: _mark);
            if (_mark == 0)
            {
                _mark = PoolPolicy.MemoryMark(limitBytes, held);
            }

            return held > _mark ? held : null;
        }
    }
}
