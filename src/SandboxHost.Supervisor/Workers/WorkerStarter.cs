using System.Diagnostics;
using System.Globalization;
using SandboxHost.Deployments;
using SandboxHost.Sandboxes;
using SandboxHost.Supervisor.Pools;

namespace SandboxHost.Supervisor.Workers;

/// <summary>Gets a worker for a function: a placeholder when one stands ready or is starting, otherwise a new process.</summary>
internal sealed class WorkerStarter(SupervisorContext context, PlaceholderPool placeholders, WorkerCap cap) : IAsyncDisposable
{
    /// <summary>Node writes this many threads and bwrap adds two processes, so less would not start.</summary>
    private const int MinimumPids = 128;

    private readonly StartTurns _turns = new(context.Options, context.Metrics, context.Clock);
    private long _lastNumber;

    /// <exception cref="WorkerStartException">It did not become ready.</exception>
    public async Task<Worker> StartAsync(FunctionVersion function, CodeCache codeCache)
    {
        await _turns.RespectRateAsync(function.Site.Id);
        var started = context.Clock.GetTimestamp();
        var worker = placeholders.TryTake(function);
        var hit = worker is not null;
        worker ??= await placeholders.ClaimStartingAsync(function);
        worker ??= await LaunchAsync(function.Site.Id, RuntimeOf(function), LimitsOf(function), default, CancellationToken.None);
        try
        {
            using var deadline = new CancellationTokenSource(context.Options.LoadTimeout, context.Clock);
            await worker.SpecialiseAsync(function, codeCache, deadline.Token);
        }
        catch (WorkerStartException)
        {
            // Should it be at fault: the next start does without.
            codeCache.Forget();
            await worker.DisposeAsync();
            throw;
        }

        var elapsed = context.Clock.GetElapsedTime(started);
        context.Metrics.WorkerReady(elapsed, hit);
        context.Logger.WorkerReady(worker.Name, function.Name, elapsed.TotalMilliseconds, hit);
        return worker;
    }

    /// <summary>Starts a process and waits until it has dialled the host. It has no function yet.</summary>
    /// <param name="site">Whose turn it takes.</param>
    /// <exception cref="WorkerStartException">It did not come up, or there is no room for it.</exception>
    public async Task<Worker> LaunchAsync(string site, SandboxRuntime runtime, SandboxLimits limits, StartPatience patience, CancellationToken cancellationToken)
    {
        await cap.MakeRoomAsync(site == StartTurns.NoSite ? null : placeholders);
        await _turns.EnterAsync(site, cancellationToken);
        try
        {
            var number = Interlocked.Increment(ref _lastNumber);
            var worker = new Worker(string.Create(CultureInfo.InvariantCulture, $"w{number}"), runtime, limits, context);
            using var timeout = new CancellationTokenSource(context.Options.StartTimeout, context.Clock);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
            await worker.LaunchAsync(context.Launcher, SpecFor(worker, runtime, limits) with { Patience = patience.Limit }, patience.Over, either.Token);
            return worker;
        }
        catch (WorkerStartException ex) when (!cancellationToken.IsCancellationRequested)
        {
            context.Logger.StartFailed(ex, ex.Detail ?? ex.Message);
            throw;
        }
        finally
        {
            _turns.Leave(site);
        }
    }

    public SandboxRuntime RuntimeOf(FunctionVersion function) =>
        context.Options.Runtimes.FirstOrDefault(runtime => runtime.Name == function.Runtime)
        ?? throw new UnreachableException($"a function of unknown runtime {function.Runtime} was published");

    public static SandboxLimits LimitsOf(FunctionVersion function) => StartLimits(function.Limits.MemoryBytes);

    /// <summary>A process starts without a CPU limit: under half a vCPU it would take twice as long.</summary>
    public static SandboxLimits StartLimits(long memoryBytes) => new(memoryBytes, Cpus: null, Pids: MinimumPids) { Weight = StartWeight.Weight };

    /// <summary>Starts nothing any more.</summary>
    public ValueTask DisposeAsync() => _turns.DisposeAsync();

    private SandboxSpec SpecFor(Worker worker, SandboxRuntime runtime, SandboxLimits limits) => new()
    {
        Name = worker.Name,
        Runtime = runtime,
        Environment = EnvironmentOf(worker),
        HostDirectory = context.Options.LinkDirectory,
        Limits = limits,
        Output = worker.OnPrinted,
    };

    /// <summary>What the process starts with. The runner takes the tokens out of it before any other code runs.</summary>
    private Dictionary<string, string> EnvironmentOf(Worker worker)
    {
        var environment = new Dictionary<string, string>(context.Options.WorkerEnvironment, StringComparer.Ordinal) { ["SANDBOXHOST_TOKEN"] = worker.Token };
        if (worker.InspectorToken is { } token)
        {
            environment["SANDBOXHOST_INSPECTOR_TOKEN"] = token;
        }

        return environment;
    }
}
