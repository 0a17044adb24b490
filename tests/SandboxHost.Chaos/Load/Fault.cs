namespace SandboxHost.Chaos.Load;

/// <summary>One thing that goes wrong while a host serves, and what must hold all the same.</summary>
internal abstract class Fault
{
    /// <summary>What goes wrong, as a heading.</summary>
    public abstract string Title { get; }

    /// <summary>What must hold, as a sentence.</summary>
    public abstract string Invariant { get; }

    /// <summary>Does it to a host of its own, under load, and writes down whether the invariant held. Leaves nothing behind.</summary>
    public async Task RunAsync(FaultLength length, FaultReport report)
    {
        await using var site = await LoadSite.CreateAsync();
        await InjectAsync(site, length, report);
    }

    protected abstract Task InjectAsync(LoadSite site, FaultLength length, FaultReport report);
}

/// <summary>How long faults go on.</summary>
/// <param name="Load">Of load, where a fault is repeated.</param>
/// <param name="IsFull">As the report wants it; otherwise as the tests have time for.</param>
internal sealed record FaultLength(TimeSpan Load, bool IsFull)
{
    /// <summary>Set to `full` by ./benchmarks/chaos.</summary>
    private const string Variable = "SANDBOXHOST_CHAOS";

    public static FaultLength Current { get; } = Environment.GetEnvironmentVariable(Variable) == "full"
        ? new FaultLength(TimeSpan.FromSeconds(60), IsFull: true)
        : new FaultLength(TimeSpan.FromSeconds(8), IsFull: false);

    /// <summary>Of load, where a fault happens once and is over again.</summary>
    public TimeSpan Outage => Load / 2;

    /// <summary>The one or the other.</summary>
    public T Pick<T>(T full, T brief) => IsFull ? full : brief;
}
