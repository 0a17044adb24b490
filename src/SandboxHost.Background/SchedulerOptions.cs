namespace SandboxHost.Background;

public sealed record SchedulerOptions
{
    /// <summary>Ticks come to the published deploy only; on a developer's machine none is published, and this says that they come all the same.</summary>
    public bool TicksUnpublished { get; init; }

    /// <summary>So long before a tick a worker is made ready. Default 2 s.</summary>
    public TimeSpan PrepareAhead { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Schedules of one minute are spread over this. Default 10 s.</summary>
    public TimeSpan Spread { get; init; } = TimeSpan.FromSeconds(10);
}
