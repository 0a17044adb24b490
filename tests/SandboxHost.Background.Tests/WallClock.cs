using Microsoft.Extensions.Time.Testing;

namespace SandboxHost.Background.Tests;

/// <summary>A clock that can be set while its timestamps and timers go on, as a real one's do: <see cref="FakeTimeProvider"/> takes its timestamps from the time that is set.</summary>
internal sealed class WallClock(DateTimeOffset start) : FakeTimeProvider(start)
{
    /// <summary>How far from the right time it stands.</summary>
    public TimeSpan SetBy { get; set; }

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + SetBy;

    public override long GetTimestamp() => base.GetUtcNow().Ticks;
}
