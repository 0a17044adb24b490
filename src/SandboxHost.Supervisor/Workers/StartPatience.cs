using SandboxHost.Sandboxes;

namespace SandboxHost.Supervisor.Workers;

/// <summary>How long a worker that starts gives way to all who have something to do. The default: it does not.</summary>
/// <param name="Limit">See <see cref="SandboxSpec.Patience"/>.</param>
/// <param name="Over">Is cancelled when somebody begins to wait for it.</param>
internal readonly record struct StartPatience(TimeSpan Limit, CancellationToken Over);
