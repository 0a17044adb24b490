namespace SandboxHost.Runs;

/// <summary>
/// Keeps runs through the death of the host. What a method has returned from is durable. Every end names the attempt that
/// it ends: a host that was taken for dead can no longer end what another one has begun anew.
/// </summary>
/// <exception cref="RunStoreException">From every method: the store did not take or give it; nothing was changed.</exception>
public interface IRunStore
{
    /// <param name="maxWaiting">As many runs of the function may wait.</param>
    Task<AddResult> AddAsync(NewRun run, int maxWaiting, CancellationToken cancellationToken);

    /// <summary>Keeps the record of a run that somebody waited for, and that is over after its one attempt.</summary>
    /// <param name="failure">Null: it succeeded.</param>
    Task AddEndedAsync(NewRun run, DateTimeOffset endedAt, RunFailure? failure, CancellationToken cancellationToken);

    /// <summary>Functions that have runs due, each with the time of its oldest.</summary>
    Task<IReadOnlyList<DueFunction>> ListDueAsync(DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>The time at which the next run becomes due that is not yet; null when there is none.</summary>
    Task<DateTimeOffset?> NextDueAsync(DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>The clock was set back: runs that are not due yet become due that much sooner, though not before now.</summary>
    Task AdvanceWaitingAsync(TimeSpan by, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Leases the oldest due run of a function and counts an attempt; null when there is none.</summary>
    /// <param name="owner">Has a lease; without one, others may claim the same run.</param>
    Task<ClaimedRun?> ClaimAsync(FunctionKey function, string owner, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Gives an owner a lease on everything that it claims, or makes it longer.</summary>
    Task RenewLeaseAsync(string owner, DateTimeOffset until, CancellationToken cancellationToken);

    /// <summary>The owner is gone, or is known to be: its lease counts for nothing from now on.</summary>
    Task EndLeaseAsync(string owner, CancellationToken cancellationToken);

    /// <summary>
    /// Makes runs of owners without a lease wait again, or dead after too many interruptions. Returns how many.
    /// </summary>
    /// <param name="owner">Who asks; its own runs are left alone whatever the clock says.</param>
    Task<int> ReclaimAsync(string owner, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>The attempt is over and the run with it. False when the attempt is not the current one any more.</summary>
    Task<bool> SucceedAsync(string id, int attempt, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>The attempt failed. False when it is not the current one any more.</summary>
    /// <param name="retryAt">Null: there is no further attempt, the run is dead.</param>
    Task<bool> FailAsync(string id, int attempt, RunFailure failure, DateTimeOffset now, DateTimeOffset? retryAt, CancellationToken cancellationToken);

    /// <summary>Gives an attempt back that this host does not finish because it stops; the run is due at once, and nothing is counted.</summary>
    Task<bool> ReleaseAsync(string id, int attempt, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>
    /// Takes a claim back: there was no worker, so the attempt did not begin, and it counts as little as if it had not been
    /// claimed. False when it is not the current one any more.
    /// </summary>
    /// <param name="why">What the waiting run says of itself meanwhile.</param>
    Task<bool> PostponeAsync(string id, int attempt, RunFailure why, DateTimeOffset dueAt, CancellationToken cancellationToken);

    Task<FunctionRun?> FindAsync(string id, CancellationToken cancellationToken);

    /// <summary>In the order of their making.</summary>
    Task<IReadOnlyList<RunAttempt>> ListAttemptsAsync(string id, CancellationToken cancellationToken);

    /// <summary>Newest first.</summary>
    Task<IReadOnlyList<FunctionRun>> ListAsync(RunQuery query, CancellationToken cancellationToken);

    /// <summary>Makes a dead run wait again, with all its attempts before it. False when it is not dead.</summary>
    Task<bool> RedriveAsync(string id, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Removes a run that has ended. False when there is none, or it has not.</summary>
    Task<bool> PurgeAsync(string id, CancellationToken cancellationToken);

    /// <summary>Removes what ended before a time: dead runs by their own time. Returns how many; at most 1000 at a call.</summary>
    Task<int> RemoveEndedAsync(DateTimeOffset endedBefore, DateTimeOffset deadBefore, CancellationToken cancellationToken);
}

/// <summary>Why an attempt failed.</summary>
/// <param name="Error">The error's name (docs/errors.md).</param>
/// <param name="IsInterruption">It was the host's fault: counted as an interruption and not as a failure.</param>
public sealed record RunFailure(string Error, string Message, bool IsInterruption = false);

public enum AddResult
{
    Added,

    /// <summary>There is a run with its unique key already; nothing was stored.</summary>
    Duplicate,

    /// <summary>Too many runs of the function wait; nothing was stored.</summary>
    QueueFull,
}

/// <summary>A function with runs due.</summary>
public readonly record struct DueFunction(FunctionKey Function, DateTimeOffset Oldest);

/// <summary>Which runs to list; null members say nothing.</summary>
/// <param name="Before">Only ids that sort before this one: the next page begins at the last id of the one before.</param>
/// <param name="Limit">1 to 1000.</param>
public sealed record RunQuery(string? SiteId = null, string? FunctionName = null, RunState? State = null, RunKind? Kind = null, string? Before = null, int Limit = 100);

/// <summary>The store failed: a full disk, a broken file, a lost connection.</summary>
public sealed class RunStoreException(string message, Exception? inner = null) : Exception(message, inner);
