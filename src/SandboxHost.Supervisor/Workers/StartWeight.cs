using SandboxHost.Sandboxes;

namespace SandboxHost.Supervisor.Workers;

/// <summary>
/// What a worker weighs among those that serve, while it starts and while its module loads: a flood of cold starts would else have
/// those wait a scheduler's slice for each of them. Not for long: where others use up the processors, it would hardly get on.
/// </summary>
internal static class StartWeight
{
    public const double Weight = 0.1;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(0.5);

    /// <summary>Waits until the process has started. When that takes long, it weighs as much as all others from then on.</summary>
    /// <exception cref="SandboxException">The kernel refused.</exception>
    public static async Task HoldUntilAsync(Task started, ISandbox sandbox, SandboxLimits limits, TimeProvider clock, CancellationToken cancellationToken)
    {
        if (await Task.WhenAny(started, Task.Delay(Limit, clock, cancellationToken)) != started)
        {
            sandbox.SetLimits(limits with { Weight = 1 });
        }

        await started.WaitAsync(cancellationToken);
    }
}
