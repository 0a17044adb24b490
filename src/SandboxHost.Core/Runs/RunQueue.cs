namespace SandboxHost.Runs;

/// <summary>Where runs are handed in. What it has taken survives the host; whoever runs them is told.</summary>
public sealed class RunQueue(IRunStore store)
{
    /// <summary>Runs of one function that wait; the next is refused. Default 10000.</summary>
    public int MaxWaiting { get; init; } = 10_000;

    /// <summary>Raised after a run was stored, on the storer's thread.</summary>
    public event Action? Added;

    /// <exception cref="RunStoreException">It could not be stored.</exception>
    public async Task<AddResult> AddAsync(NewRun run, CancellationToken cancellationToken)
    {
        var result = await store.AddAsync(run, MaxWaiting, cancellationToken);
        if (result == AddResult.Added)
        {
            Added?.Invoke();
        }

        return result;
    }

    /// <summary>Keeps the record of a run that somebody waited for.</summary>
    /// <param name="failure">Null: it succeeded.</param>
    /// <exception cref="RunStoreException">It could not be stored.</exception>
    public Task RecordAsync(NewRun run, DateTimeOffset endedAt, RunFailure? failure, CancellationToken cancellationToken) =>
        store.AddEndedAsync(run, endedAt, failure, cancellationToken);

    /// <summary>Something became due by other ways: a tick, a redrive.</summary>
    public void Wake() => Added?.Invoke();
}
