using SandboxHost.Deployments;

namespace SandboxHost.Gateway.RateLimits;

/// <summary>
/// The requests of one key that a rule still counts. In no window of the rule's length, wherever it begins, do more than
/// its limit pass. Not thread-safe.
/// </summary>
/// <remarks>
/// A log of passes: each is counted until the window's length has gone by, which is exact. A log that may have more than
/// <see cref="MaxGroups"/> entries would cost too much memory, so for larger limits passes that are closer together than a
/// thirty-second part of the window are one entry, which leaves with its last one. That errs on the strict side only: a
/// pass may be counted for up to that part too long, never too short. What is refused is not counted.
/// </remarks>
internal sealed class SlidingWindowCount
{
    public const int MaxGroups = 32;

    private Group[] _ring = new Group[1];
    private int _first;
    private int _groups;
    private int _total;
    private long _newestBegan;

    /// <summary>Nothing is counted any more, so forgetting it changes nothing.</summary>
    /// <param name="now">Ticks of 100 ns on the same clock as in <see cref="Take"/>.</param>
    public bool IsOver(RateLimitRule rule, long now)
    {
        Forget(now - rule.Window.Ticks);
        return _groups == 0;
    }

    /// <summary>Counts a request that passes; one that does not pass is told when one will.</summary>
    /// <param name="now">Ticks of 100 ns.</param>
    /// <returns>Null when it passes, otherwise how long until one does.</returns>
    public TimeSpan? Take(RateLimitRule rule, long now)
    {
        var window = rule.Window.Ticks;
        Forget(now - window);
        if (_total >= rule.WindowLimit)
        {
            return _groups == 0 ? rule.Window : TimeSpan.FromTicks(_ring[_first].Last + window - now);
        }

        Count(now, rule.WindowLimit <= MaxGroups ? 0 : window / MaxGroups);
        return null;
    }

    private void Forget(long until)
    {
        while (_groups > 0 && _ring[_first].Last <= until)
        {
            _total -= _ring[_first].Passes;
            _first = (_first + 1) % _ring.Length;
            _groups--;
        }
    }

    private void Count(long now, long togetherWithin)
    {
        _total++;
        if (_groups > 0 && now - _newestBegan < togetherWithin)
        {
            ref var newest = ref _ring[(_first + _groups - 1) % _ring.Length];
            newest.Passes++;
            // Two threads may have read the clock in the other order.
            newest.Last = Math.Max(newest.Last, now);
            return;
        }

        if (_groups == _ring.Length)
        {
            Grow();
        }

        _ring[(_first + _groups) % _ring.Length] = new Group { Last = now, Passes = 1 };
        _groups++;
        _newestBegan = now;
    }

    // Most keys are asked for once or twice, and there may be very many keys.
    private void Grow()
    {
        var larger = new Group[_ring.Length * 2];
        for (var i = 0; i < _groups; i++)
        {
            larger[i] = _ring[(_first + i) % _ring.Length];
        }

        (_ring, _first) = (larger, 0);
    }

    private struct Group
    {
        /// <summary>When its last request passed.</summary>
        public long Last;

        public int Passes;
    }
}
