using SandboxHost.Sandboxes;

namespace SandboxHost.Supervisor;

/// <summary>The operator's settings for workers.</summary>
public sealed record SupervisorOptions
{
    /// <summary>The directory of the worker socket; workers see it, nothing else lives in it.</summary>
    public required string LinkDirectory { get; init; }

    /// <summary>The runtimes that functions can name.</summary>
    public required IReadOnlyList<SandboxRuntime> Runtimes { get; init; }

    /// <summary>What every worker's environment holds from its start: where the socket is, where the egress door is.</summary>
    public required IReadOnlyDictionary<string, string> WorkerEnvironment { get; init; }

    /// <summary>
    /// Sandboxes that stand ready for functions of the default size. Default 2: one for the request that comes, one for the
    /// next. 0 switches the pool off; every cold start then starts a process.
    /// </summary>
    public int Placeholders { get; init; } = 2;

    /// <summary>
    /// How many stand ready at most, for a minute after as many were wanted within a second. Default 8; no more than a quarter of
    /// <see cref="MaxWorkers"/> in any case, and no less than <see cref="Placeholders"/>, unless that is 0.
    /// </summary>
    public int MaxPlaceholders { get; init; } = 8;

    /// <summary>Memory of a placeholder; a function with another limit starts a process of its own size. Default 1024 MB.</summary>
    public long PlaceholderMemoryBytes { get; init; } = 1024L << 20;

    /// <summary>
    /// Workers that live at a time, of all functions together and placeholders among them. For one more, an idle one of the site
    /// that has most goes; when all work, the start is refused (`overloaded`). At least 1. Default 500.
    /// </summary>
    public int MaxWorkers { get; init; } = 500;

    /// <summary>
    /// Processes being started at a time, for all functions together: more would only take the processors from one another.
    /// One site has half of them at most (rounded down, but one), so that its flood leaves processors to who serves. Default: one
    /// for each processor, from 2 to 16.
    /// </summary>
    public int ConcurrentStarts { get; init; } = Math.Clamp(Environment.ProcessorCount, 2, 16);

    /// <summary>Workers that one site may start at once, and then on and on; more wait. Defaults 40, and 20 a second.</summary>
    public int SiteStartBurst { get; init; } = 40;

    public double SiteStartsPerSecond { get; init; } = 20;

    /// <summary>From starting a process to its hello. Default 10 s.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>For a function's module to load. Default 10 s.</summary>
    public TimeSpan LoadTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Idle time after which a worker is frozen. Default 5 s.</summary>
    public TimeSpan FreezeAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Idle time after which a worker goes. Default 10 min.</summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// How long a worker may leave a ping unanswered, after one of its invocations ran out of time, before its event loop is
    /// taken to be blocked and it is killed. Default 250 ms.
    /// </summary>
    public TimeSpan BlockedLoopGrace { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Workers let debuggers in (<see cref="Inspection.WorkerInspectors"/>). Never in production. Default false.</summary>
    public bool Inspect { get; init; }

    /// <summary>Memory for what V8 compiled of functions, all together; what has no room is compiled with each start. Default 64 MB.</summary>
    public long CodeCacheBytes { get; init; } = 64L << 20;

    /// <summary>How long workers may finish their invocations when the host stops. Default 10 s.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
