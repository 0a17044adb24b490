namespace SandboxHost.Runs;

/// <summary>A schedule as the host last knew it.</summary>
/// <param name="Next">The next tick that has not been made into a run.</param>
/// <param name="Last">The last tick that has; null before the first.</param>
public sealed record StoredSchedule(FunctionKey Function, string Cron, DateTimeOffset Next, DateTimeOffset? Last);

/// <summary>Remembers ticks through the death of the host. Throws <see cref="RunStoreException"/> like <see cref="IRunStore"/>.</summary>
public interface IScheduleStore
{
    Task<IReadOnlyList<StoredSchedule>> ListAsync(CancellationToken cancellationToken);

    /// <summary>Adds a schedule, or gives it another cron text and next tick.</summary>
    Task SetAsync(FunctionKey function, string cron, DateTimeOffset next, CancellationToken cancellationToken);

    Task RemoveAsync(FunctionKey function, CancellationToken cancellationToken);

    /// <summary>
    /// Stores a tick's run and moves the schedule on, both or neither. The tick is skipped, and its run kept as a record
    /// of that, when an earlier tick of the schedule has not begun.
    /// </summary>
    /// <param name="expected">Must still be the schedule's next tick; otherwise nothing happens.</param>
    /// <param name="tick">The tick that is made: the expected one, or a later one when some were missed.</param>
    Task<TickResult> TickAsync(NewRun run, DateTimeOffset expected, DateTimeOffset tick, DateTimeOffset next, CancellationToken cancellationToken);
}

public enum TickResult
{
    Queued,

    /// <summary>The one before has not begun.</summary>
    Skipped,

    /// <summary>Another host, or this one before it died, was there first.</summary>
    AlreadyMade,
}
