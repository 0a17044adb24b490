using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using SandboxHost.Control;
using SandboxHost.Deployments;
using SandboxHost.Events;
using SandboxHost.Gateway;
using SandboxHost.Gateway.Redirects;
using SandboxHost.Isolation;
using SandboxHost.Isolation.Egress;
using SandboxHost.Isolation.Linux;
using SandboxHost.Isolation.Windows;
using SandboxHost.Output;
using SandboxHost.Sandboxes;
using SandboxHost.Supervisor;

namespace SandboxHost.Server;

/// <summary>
/// What every host is made of, wherever its sites come from, in the order in which it starts: workers and the store of
/// work that outlives requests, the public server, that work, the control API. Disposing ends it in the opposite order and leaves nothing.
/// </summary>
/// <param name="options">With every port picked.</param>
internal sealed class HostParts(HostOptions options, ILogSink output, ILoggerFactory loggers, TimeProvider clock) : IAsyncDisposable
{
    private static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(5);

    private readonly Stack<IAsyncDisposable> _parts = new();
    private BackgroundWork? _work;

    public SnapshotSource Snapshots { get; } = new();

    /// <summary>From <see cref="OpenAsync"/> on.</summary>
    public WorkerHost? Workers { get; private set; }

    /// <summary>From <see cref="OpenAsync"/> on.</summary>
    public PlatformEvents? Events { get; private set; }

    /// <summary>From <see cref="ServeAsync"/> on.</summary>
    public PublicServer? Server { get; private set; }

    /// <summary>From <see cref="ServeAsync"/> on, if debuggers may attach.</summary>
    public InspectorServer? Inspector { get; private set; }

    public T Own<T>(T part)
        where T : IAsyncDisposable
    {
        _parts.Push(part);
        return part;
    }

    /// <summary>Begins to take workers, and opens what is kept; nothing of it runs yet.</summary>
    /// <param name="hostNames">Names below localhost that lead to the host from inside of sandboxes.</param>
    /// <param name="workDirectory">Holds the store and who uses it.</param>
    /// <param name="load">Reads from the store what is to be served, as soon as that is open and before there are workers. What it makes is owned.</param>
    /// <exception cref="SandboxException">This host can't isolate as it should.</exception>
    /// <exception cref="Runs.RunStoreException">The store can't be opened.</exception>
    public async Task OpenAsync(
        IReadOnlyList<string> hostNames, string workDirectory, Func<BackgroundWork, Task<IAsyncDisposable>>? load, CancellationToken cancellationToken)
    {
        // Each is mostly compiling, and there is more than one core.
        var opening = Task.Run(() => BackgroundWork.Open(workDirectory, options.Background), CancellationToken.None);
        var loading = load is null ? null : Task.Run(async () => await load(await opening), CancellationToken.None);
        try
        {
            Workers = await StartWorkersAsync(hostNames, cancellationToken);
        }
        finally
        {
            // Whether or not there are workers, what was made beside them has its owner now.
            await OwnAsync(opening);
            await OwnAsync(loading);
        }

        _work = await opening;
        Events = new PlatformEvents(_work.Queue, Workers.Invoker, output, clock);
        await (loading ?? Task.CompletedTask);
    }

    /// <summary>Begins to run and tick what is stored, when all that is to be served is published.</summary>
    public Task StartWorkAsync() => _work!.StartAsync(Snapshots, Workers!.Invoker, output, loggers, clock);

    /// <param name="deployer">Null on a developer's machine.</param>
    /// <exception cref="IOException">There can't be a socket at this path.</exception>
    public async Task ServeControlAsync(string path, Deployer? deployer, CancellationToken cancellationToken)
    {
        var context = new ControlContext(_work!.Runs, _work.Schedules, _work.Queue, Events!, Snapshots, clock)
        {
            TicksUnpublished = options.Background.Scheduler.TicksUnpublished,
            Deployer = deployer,
        };
        try
        {
            Own(await ControlServer.StartAsync(path, context, loggers, cancellationToken));
        }
        catch (SocketException ex)
        {
            throw new IOException($"{path}: {ex.Message}", ex);
        }
    }

    /// <summary>Begins to answer clients.</summary>
    /// <exception cref="IOException">A port is taken.</exception>
    public async Task ServeAsync(CancellationToken cancellationToken)
    {
        var calls = new BackgroundCalls(_work!.Queue, output, clock);
        var invoker = options.LogRequests ? Own(new RequestLog(Workers!.Invoker, output, clock)) : Workers!.Invoker;
        var proxy = Own(new RewriteProxy(
            new RewriteProxyOptions { OwnAddresses = new OwnAddresses(clock, options.Egress.FurtherHostAddresses).Read }, output, clock));
        var pipeline = new FunctionPipeline(Snapshots, invoker, output, clock, calls, Events!, proxy);
        if (options.InspectPort is { } inspectPort)
        {
            Inspector = Own(await InspectorServer.StartAsync(inspectPort, Snapshots, Workers.Inspectors!, output, loggers, cancellationToken));
        }

        Server = Own(await PublicServer.StartAsync(options.Listen, pipeline, clock, loggers, cancellationToken));
    }

    /// <summary>Answers what runs, then ends every worker. When it returns, nothing is left.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Server is not null)
        {
            using var grace = new CancellationTokenSource(StopGrace, clock);
            await Server.StopAsync(grace.Token);
        }

        while (_parts.TryPop(out var part))
        {
            await part.DisposeAsync();
        }
    }

    private async Task OwnAsync<T>(Task<T>? making)
        where T : IAsyncDisposable
    {
        if (making is not null)
        {
            await ((Task)making).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (making.IsCompletedSuccessfully)
            {
                Own(await making);
            }
        }
    }

    private async Task<WorkerHost> StartWorkersAsync(IReadOnlyList<string> hostNames, CancellationToken cancellationToken)
    {
        var egress = options.Egress with { Sites = WorkerSettings.SiteServerFor(options.Listen, hostNames) };
        var (launcher, linkDirectory) = await CreateLauncherAsync(egress, cancellationToken);
        var confined = options.Isolation == IsolationMode.Bubblewrap;
        return Own(await WorkerHost.StartAsync(
            WorkerSettings.SupervisorOptionsFor(options, linkDirectory, confined), launcher, Snapshots, output, clock, loggers, cancellationToken));
    }

    private async Task<(ISandboxLauncher Launcher, string LinkDirectory)> CreateLauncherAsync(EgressOptions egress, CancellationToken cancellationToken)
    {
        if (options.Isolation == IsolationMode.None)
        {
            var directory = Own(new TemporaryDirectory());
            return (new UnconfinedLauncher(clock, loggers.CreateLogger<UnconfinedLauncher>()), directory.Path);
        }

        if (options.Isolation == IsolationMode.JobObject)
        {
            if (!OperatingSystem.IsWindows())
            {
                throw new SandboxException("Job objects are of Windows. Here functions are isolated by bubblewrap.");
            }

            var directory = Own(new TemporaryDirectory());
            return (new JobObjectLauncher(clock, loggers.CreateLogger<JobObjectLauncher>()), directory.Path);
        }

        if (!OperatingSystem.IsLinux())
        {
            throw new SandboxException("Functions can be isolated from files and network on Linux only; `--isolation jobobject` limits them on Windows.");
        }

        var launcher = Own(await LinuxSandboxLauncher.CreateAsync(
            WorkerSettings.IsolationOptionsFor(options.Files, options.UserRuntimeDirectory) with { Egress = egress },
            clock,
            loggers.CreateLogger<LinuxSandboxLauncher>(),
            cancellationToken));
        return (launcher, launcher.LinkDirectory);
    }

    /// <summary>Removed with everything in it when the host stops.</summary>
    private sealed class TemporaryDirectory : IAsyncDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("sandboxhost-").FullName;

        public ValueTask DisposeAsync()
        {
            Directory.Delete(Path, recursive: true);
            return ValueTask.CompletedTask;
        }
    }
}
