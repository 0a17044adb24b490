namespace SandboxHost.Deployments;

/// <summary>
/// What one function may use. Every value can be set for the host, the site and the function; the most specific one
/// holds. Defaults are Netlify's (functions-contract, section 4 of the reference).
/// </summary>
public sealed record FunctionLimits
{
    public const long Kilobyte = 1024;
    public const long Megabyte = 1024 * Kilobyte;

    public static readonly FunctionLimits Default = new();

    /// <summary>From the start of the invocation to the end of a streamed response. Default 10 s.</summary>
    public TimeSpan StreamingTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Size of a streamed response. Default 20 MB.</summary>
    public long StreamingBytes { get; init; } = 20 * Megabyte;

    /// <summary>From the start of the invocation to a buffered response. Default 60 s.</summary>
    public TimeSpan BufferedTime { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Size of a buffered response. Default 6 MB.</summary>
    public long BufferedBytes { get; init; } = 6 * Megabyte;

    /// <summary>Size of a request body; it streams, so any size is possible. Default 6 MB.</summary>
    public long RequestBytes { get; init; } = 6 * Megabyte;

    /// <summary>A background run. Default 15 min.</summary>
    public TimeSpan BackgroundTime { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>Request body of a background run. Default 256 KB.</summary>
    public long BackgroundBytes { get; init; } = 256 * Kilobyte;

    /// <summary>How long after each failure a background run is tried again; as many attempts as there are delays, and one. Default 1 min, then 2 min.</summary>
    public IReadOnlyList<TimeSpan> BackgroundRetries { get; init; } = [TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(2)];

    /// <summary>A scheduled run. Default 30 s.</summary>
    public TimeSpan ScheduledTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Memory of one worker: all its processes and its /tmp. 128 MB and up; Netlify sells 1024 to 4096 MB. Default 1024 MB.</summary>
    public long MemoryBytes { get; init; } = 1024 * Megabyte;

    /// <summary>vCPUs of one worker. Default: one for every 2048 MB of memory, 0.5 to 2.</summary>
    public double? Vcpu { get; init; }

    /// <summary>Invocations that one worker runs at a time. Default 10; 1 is what AWS Lambda does.</summary>
    public int Concurrency { get; init; } = 10;

    /// <summary>Workers of one function at a time. Default 8.</summary>
    public int MaxWorkers { get; init; } = 8;

    /// <summary>Requests that wait for a worker of this function; one more is refused. Default 1000.</summary>
    public int QueueLength { get; init; } = 1000;

    /// <summary>How long a request waits for a worker. Default 10 s.</summary>
    public TimeSpan QueueTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>All of a function's files, unpacked: bundle, included files and external packages. Default 250 MB.</summary>
    public long BundleBytes { get; init; } = 250 * Megabyte;

    public double EffectiveVcpu => Vcpu ?? Math.Clamp(MemoryBytes / (2048.0 * Megabyte), 0.5, 2);
}
