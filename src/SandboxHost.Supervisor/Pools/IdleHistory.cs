using SandboxHost.Workers;

namespace SandboxHost.Supervisor.Pools;

/// <summary>When a function was idle, and what follows for its workers. Used under its pool's lock.</summary>
internal sealed class IdleHistory(TimeProvider clock, TimeSpan usualKeepAlive)
{
    private IdleHistogram _histogram = new();
    private long? _idleSince;
    private IdleWindow? _expected;
    private bool _warmed;

    /// <summary>How long a worker without work stays. One that was started early waits for its request as long as that is likely to come.</summary>
    public TimeSpan KeepAlive => _warmed && _idleSince is { } since && _expected is { } window && clock.GetElapsedTime(since) < window.Latest
        ? TimeSpan.MaxValue
        : PoolPolicy.KeepAlive(_expected, usualKeepAlive);

    public void OnRequest()
    {
        if (_idleSince is { } since)
        {
            _idleSince = null;
            var idle = clock.GetElapsedTime(since);
            if (idle >= IdleHistogram.Shortest)
            {
                _histogram.Record(idle);
                _expected = _histogram.Predict();
            }
        }
    }

    /// <summary>Nothing runs any more, and nobody waits.</summary>
    public void OnIdle()
    {
        _idleSince = clock.GetTimestamp();
        _warmed = false;
    }

    /// <summary>Whether to start a worker for the request that is likely to come; once for each.</summary>
    public bool TakeWarmUp()
    {
        if (_warmed || _idleSince is not { } since || !PoolPolicy.ShouldWarm(_expected, clock.GetElapsedTime(since), usualKeepAlive))
        {
            return false;
        }

        _warmed = true;
        return true;
    }

    /// <summary>For the function's next version.</summary>
    public IdleHistory Copy() => new(clock, usualKeepAlive) { _histogram = _histogram.Copy(), _expected = _expected, _idleSince = _idleSince };
}
