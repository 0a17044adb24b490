namespace SandboxHost.Workers;

/// <summary>
/// How often workers of one site are started: as many as <paramref name="burst"/> at once, <paramref name="perSecond"/> on
/// and on. A token bucket that may be overdrawn: who comes too early is told how long to wait. Pure; times count from any
/// fixed point. Not for several threads.
/// </summary>
public sealed class StartRate(int burst, double perSecond)
{
    private readonly TimeSpan _interval = TimeSpan.FromSeconds(1) / perSecond;

    /// <summary>When the bucket will be full again.</summary>
    private TimeSpan _full = TimeSpan.MinValue;

    /// <summary>Takes a token.</summary>
    /// <returns>How long to wait before the start; zero: not at all.</returns>
    public TimeSpan Take(TimeSpan now)
    {
        _full = (_full > now ? _full : now) + _interval;
        var wait = _full - now - (burst * _interval);
        return wait > TimeSpan.Zero ? wait : TimeSpan.Zero;
    }

    /// <summary>Whether it is as good as a new one.</summary>
    public bool IsFull(TimeSpan now) => _full <= now;
}
