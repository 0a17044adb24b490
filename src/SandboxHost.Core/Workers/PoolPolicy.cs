namespace SandboxHost.Workers;

/// <summary>What a function's pool looks like at one moment.</summary>
/// <param name="Waiting">Requests in its queue.</param>
/// <param name="Starting">Workers on their way.</param>
/// <param name="Live">Workers that serve.</param>
public readonly record struct PoolState(int Waiting, int Starting, int Live);

/// <summary>When a pool grows. Pure, so that it is tested without processes.</summary>
public static class PoolPolicy
{
    /// <summary>
    /// Whether to start one more worker now. One at a time: a start in flight is capacity that is coming, and without
    /// counting it a burst would start a worker for every request.
    /// </summary>
    public static bool ShouldStart(PoolState state, int maxWorkers) =>
        state.Waiting > 0 && state.Starting == 0 && state.Live < maxWorkers;

    /// <summary>Whether a worker that has been idle this long is put to sleep.</summary>
    public static bool ShouldFreeze(TimeSpan idle, TimeSpan freezeAfter) => idle >= freezeAfter;

    /// <summary>Whether a worker that has been idle this long goes, or one whose version is no longer live.</summary>
    public static bool ShouldRetire(TimeSpan idle, TimeSpan keepAlive, bool isCurrent) => !isCurrent || idle >= keepAlive;

    /// <summary>
    /// How much memory a worker may hold before it is replaced between two calls, so that no call has to meet the limit:
    /// four fifths of it. More for a function that needed much from its beginning: half of what that left.
    /// </summary>
    /// <param name="limitBytes">The worker's limit.</param>
    /// <param name="firstBytes">What it held after its first call.</param>
    public static long MemoryMark(long limitBytes, long firstBytes) => Math.Max(limitBytes / 5 * 4, firstBytes + ((limitBytes - firstBytes) / 2));

    /// <summary>
    /// How long an idle worker stays: as long as the next request is likely to come, or as the operator says when nothing
    /// is known. A worker that would only wait goes early: another will be there in time (<see cref="ShouldWarm"/>).
    /// </summary>
    public static TimeSpan KeepAlive(IdleWindow? expected, TimeSpan otherwise) => expected switch
    {
        null => otherwise,
        { } window when window.Earliest > otherwise => IdleHistogram.Shortest,
        { } window => window.Latest,
    };

    /// <summary>Whether a function without workers, idle for this long, should get one for the request that is likely to come.</summary>
    public static bool ShouldWarm(IdleWindow? expected, TimeSpan idle, TimeSpan otherwise) =>
        expected is { } window && window.Earliest > otherwise && idle >= window.Earliest && idle < window.Latest;
}
