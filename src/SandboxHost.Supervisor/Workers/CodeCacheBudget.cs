namespace SandboxHost.Supervisor.Workers;

/// <summary>What the code caches of all functions may take together. When it is used up, no more are kept.</summary>
internal sealed class CodeCacheBudget(long bytes)
{
    private long _left = bytes;

    public bool HasRoom => Volatile.Read(ref _left) > 0;

    public bool TryTake(long wanted)
    {
        if (Interlocked.Add(ref _left, -wanted) >= 0)
        {
            return true;
        }

        Release(wanted);
        return false;
    }

    public void Release(long taken) => Interlocked.Add(ref _left, taken);
}
