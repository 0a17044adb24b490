using SandboxHost.Deployments;
using SandboxHost.Protocol.Worker.V1;
using SandboxHost.Sandboxes;
using SandboxHost.Supervisor.Transport;

namespace SandboxHost.Supervisor.Workers;

/// <summary>What makes a placeholder a function's worker: the files, the limits, what it may reach, the module.</summary>
internal sealed class FunctionLoading(ISandbox sandbox, WorkerSession session, TimeProvider clock)
{
    /// <summary>A module loads with a vCPU at least, for a while: under half of one it stands still for most of the time that its client waits.</summary>
    private const double LeastCpus = 1;

    /// <summary>For as long it has that, and weighs as little as a process that starts (<see cref="StartWeight"/>).</summary>
    private static readonly TimeSpan Burst = TimeSpan.FromSeconds(1);

    /// <summary>Returns when the module is loaded, or failed to.</summary>
    /// <returns>What it threw, or null; the code cache that the worker will send, or null.</returns>
    /// <exception cref="ProtocolViolation">The worker announced a code cache that it may not.</exception>
    public async Task<(Error? Error, CodeCacheOffer? Offer)> RunAsync(
        FunctionVersion function, SandboxLimits limits, CodeCache codeCache, CancellationToken cancellationToken)
    {
        var use = codeCache.Use;
        FunctionFiles.Place(function.ArtifactDirectory, sandbox.FunctionDirectory);
        if (use == CodeCacheUse.Placed)
        {
            codeCache.Place(sandbox.FunctionDirectory);
        }

        sandbox.SetLimits(limits with { Cpus = Math.Max(limits.Cpus ?? LeastCpus, LeastCpus), Weight = StartWeight.Weight });
        sandbox.SetEgress(function.Site.Name, function.Egress);
        var loading = session.SpecialiseAsync(FrameMapping.ToSpecialise(function, use), cancellationToken);
        if (await Task.WhenAny(loading, Task.Delay(Burst, clock, cancellationToken)) != loading)
        {
            sandbox.SetLimits(limits);
        }

        var specialised = await loading;
        sandbox.SetLimits(limits);
        if (use == CodeCacheUse.Placed)
        {
            CodeCache.Remove(sandbox.FunctionDirectory);
        }

        return (specialised.LoadError, codeCache.Announced(specialised.CodeCache, use));
    }
}
