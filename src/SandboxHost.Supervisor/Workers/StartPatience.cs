using SandboxHost.Sandboxes;

namespace SandboxHost.Supervisor.Workers;

/// <summary>How long a worker that starts gives way to all who have something to do. The default: it does not.</summary>
/// <param name="Limit">See <see cref="SandboxSpec.Patience"/>.</param>
/// <param name="Over">Is cancelled when somebody begins to wait for it.</param>
internal readonly record struct StartPatience(TimeSpan Limit, CancellationToken Over)
{
    /// <summary>Of a start that nobody waits for: a machine that is busy all the time must get to it all the same.</summary>
    public static readonly TimeSpan Unawaited = TimeSpan.FromSeconds(2);

    /// <summary>Of a start that somebody waits for, while its function or its site is served in part.</summary>
    public static readonly TimeSpan Awaited = TimeSpan.FromSeconds(0.5);
}
