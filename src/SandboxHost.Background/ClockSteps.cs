namespace SandboxHost.Background;

/// <summary>Tells that the wall clock was set back, by the clock that nobody sets (<see cref="TimeProvider.GetTimestamp"/>).</summary>
internal sealed class ClockSteps(TimeProvider clock)
{
    /// <summary>Less is a clock that is slewed, or two reads with a pause between them.</summary>
    private static readonly TimeSpan Smallest = TimeSpan.FromMilliseconds(500);

    private DateTimeOffset _time = clock.GetUtcNow();
    private long _timestamp = clock.GetTimestamp();

    /// <summary>How far it was set back and not <see cref="Forget"/>ten; null when it was not. A step forward counts for nothing.</summary>
    public TimeSpan? Back
    {
        get
        {
            var timestamp = clock.GetTimestamp();
            var time = clock.GetUtcNow();
            var back = _time + clock.GetElapsedTime(_timestamp, timestamp) - time;
            if (back >= Smallest)
            {
                return back;
            }

            _time = time;
            _timestamp = timestamp;
            return null;
        }
    }

    /// <summary>This much of it is dealt with.</summary>
    public void Forget(TimeSpan back) => _time -= back;
}
