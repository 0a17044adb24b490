using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using SandboxHost.Control;
using SandboxHost.Deployments;
using SandboxHost.Egress;
using SandboxHost.Events;
using SandboxHost.Gateway;
using SandboxHost.Gateway.Redirects;
using SandboxHost.Isolation;
using SandboxHost.Isolation.Egress;
using SandboxHost.Isolation.Linux;
using SandboxHost.Isolation.Windows;
using SandboxHost.Output;
using SandboxHost.Sandboxes;
using SandboxHost.Sites;
using SandboxHost.Supervisor;

namespace SandboxHost.Server;

/// <summary>How workers are isolated.</summary>
public enum IsolationMode
{
    /// <summary>bubblewrap, seccomp, cgroups: the default.</summary>
    Bubblewrap,

    /// <summary>Not at all. For machines that can't, and for code that is trusted.</summary>
    None,

    /// <summary>Windows' own limits, and nothing else: the default there. Files and network are not isolated.</summary>
    JobObject,
}

/// <summary>A site folder to serve.</summary>
/// <param name="Name">A DNS label; null for the main site, which answers at every other name.</param>
public sealed record SiteArgument(string? Name, string Directory);

/// <summary>What `sandboxhost dev` was asked to do.</summary>
public sealed record DevHostOptions
{
    public required HostFiles Files { get; init; }

    /// <summary>The first is the main site.</summary>
    public required IReadOnlyList<SiteArgument> Sites { get; init; }

    public ListenOptions Listen { get; init; } = new();

    public FunctionLimits Limits { get; init; } = FunctionLimits.Default;

    public IsolationMode Isolation { get; init; } = DefaultIsolation;

    public static IsolationMode DefaultIsolation => OperatingSystem.IsWindows() ? IsolationMode.JobObject : IsolationMode.Bubblewrap;

    public int Placeholders { get; init; } = 2;

    public TimeSpan? FreezeAfter { get; init; }

    public TimeSpan? KeepAlive { get; init; }

    /// <summary>Runs and schedules. Schedules tick on a developer's machine only if this says so.</summary>
    public BackgroundOptions Background { get; init; } = new();

    /// <summary>Private addresses that functions may reach, beyond those of the sites' settings.</summary>
    public IReadOnlyList<string> EgressAllow { get; init; } = [];

    /// <summary>Port at which debuggers reach the functions; 0 picks one, null: none. With one, nothing has a time limit.</summary>
    public int? InspectPort { get; init; }

    /// <summary>Every request of a function is told of (<see cref="RequestLog"/>). Default false.</summary>
    public bool LogRequests { get; init; }

    /// <summary>Where clients appear to be.</summary>
    public GeoLocation Geo { get; init; } = GeoLocation.Mock;

    /// <summary>The deploy context of all sites; see <see cref="SiteFolderOptions.Context"/>.</summary>
    public string Context { get; init; } = DeployContext.Dev;

    /// <summary>Where the main site's functions lie, relative to its folder; null: where its netlify.toml says.</summary>
    public string? FunctionsDirectory { get; init; }

    /// <summary>What the main site publishes, relative to its folder; null: what its netlify.toml says.</summary>
    public string? PublishDirectory { get; init; }

    /// <summary>The host's own environment, for the variables that the sites' files name.</summary>
    public IReadOnlyDictionary<string, string> ProcessEnvironment { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>XDG_RUNTIME_DIR, for hosts that are not root.</summary>
    public string? UserRuntimeDirectory { get; init; }
}

/// <summary>The whole host, for a developer's machine: sites from folders, served from this process.</summary>
public sealed class DevHost : IAsyncDisposable
{
    private static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(5);

    private readonly Stack<IAsyncDisposable> _parts = new();
    private readonly TimeProvider _clock;
    private PublicServer? _server;
    private InspectorServer? _inspector;
    private WorkerHost? _workers;

    private DevHost(TimeProvider clock) => _clock = clock;

    public IReadOnlyCollection<string> Addresses => _server!.Addresses;

    /// <summary>Where debuggers connect; null without <see cref="DevHostOptions.InspectPort"/>.</summary>
    public string? InspectorAddress => _inspector?.Address;

    /// <summary>Completes when the pool of placeholders is full.</summary>
    public Task PlaceholdersReady => _workers!.PlaceholdersReady;

    /// <exception cref="SandboxException">This host can't isolate as it should.</exception>
    /// <exception cref="IOException">A port is taken.</exception>
    public static async Task<DevHost> StartAsync(
        DevHostOptions options, ILogSink output, Action<SiteEvent> events, ILoggerFactory loggers, TimeProvider clock, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggers);
        options = WithPorts(options);
        var host = new DevHost(clock);
        try
        {
            await host.StartPartsAsync(options, output, events, loggers, cancellationToken);
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>Answers what runs, then ends every worker. When it returns, nothing is left.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            using var grace = new CancellationTokenSource(StopGrace, _clock);
            await _server.StopAsync(grace.Token);
        }

        while (_parts.TryPop(out var part))
        {
            await part.DisposeAsync();
        }
    }

    private async Task StartPartsAsync(
        DevHostOptions options, ILogSink output, Action<SiteEvent> events, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var folders = options.Sites.Select(site => FolderFor(site, options, events, Own(ArtifactsFolder.Claim(site.Directory)).Path)).ToList();
        var snapshots = new SnapshotSource();
        var sites = Own(new DevSites(folders, snapshots, _clock));
        await sites.StartAsync(cancellationToken);

        var (launcher, linkDirectory) = await CreateLauncherAsync(options, folders, loggers, cancellationToken);
        var confined = options.Isolation == IsolationMode.Bubblewrap;
        _workers = Own(await WorkerHost.StartAsync(
            SupervisorOptionsFor(options, linkDirectory, confined), launcher, snapshots, output, _clock, loggers, cancellationToken));
        var work = Own(await BackgroundWork.StartAsync(
            Path.Combine(options.Sites[0].Directory, ".sandboxhost", "work"), options.Background, snapshots, _workers.Invoker, output, loggers, _clock));
        var calls = new BackgroundCalls(work.Queue, output, _clock);
        var platformEvents = new PlatformEvents(work.Queue, _workers.Invoker, output, _clock);
        await ServeControlAsync(options, new ControlContext(work.Runs, work.Schedules, work.Queue, platformEvents, snapshots, _clock), loggers, cancellationToken);
        var invoker = options.LogRequests ? Own(new RequestLog(_workers.Invoker, output, _clock)) : _workers.Invoker;
        var proxy = Own(new RewriteProxy(
            new RewriteProxyOptions { Policy = new EgressPolicy(EgressAllowOf(options, folders)), OwnAddresses = new OwnAddresses(_clock).Read }, output, _clock));
        var pipeline = new FunctionPipeline(snapshots, invoker, output, _clock, calls, platformEvents, proxy);
        if (options.InspectPort is { } inspectPort)
        {
            _inspector = Own(await InspectorServer.StartAsync(inspectPort, snapshots, _workers.Inspectors!, output, loggers, cancellationToken));
        }

        _server = Own(await PublicServer.StartAsync(options.Listen, pipeline, loggers, cancellationToken));
    }

    private async Task ServeControlAsync(DevHostOptions options, ControlContext context, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var path = ControlSocket.PathFor(options.Sites[0].Directory);
        if (ControlSocket.IsLive(path))
        {
            loggers.CreateLogger<DevHost>().ControlSocketTaken(path);
            return;
        }

        context = context with { TicksUnpublished = options.Background.Scheduler.TicksUnpublished };
        try
        {
            Own(await ControlServer.StartAsync(path, context, loggers, cancellationToken));
        }
        catch (Exception ex) when (ex is IOException or SocketException)
        {
            // A path that is too long, or a file system without sockets: sites are served all the same.
            loggers.CreateLogger<DevHost>().ControlSocketFailed(ex.Message);
        }
    }

    private T Own<T>(T part)
        where T : IAsyncDisposable
    {
        _parts.Push(part);
        return part;
    }

    private async Task<(ISandboxLauncher Launcher, string LinkDirectory)> CreateLauncherAsync(
        DevHostOptions options, IEnumerable<SiteFolder> folders, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        if (options.Isolation == IsolationMode.None)
        {
            var directory = Own(new TemporaryDirectory());
            return (new UnconfinedLauncher(_clock, loggers.CreateLogger<UnconfinedLauncher>()), directory.Path);
        }

        if (options.Isolation == IsolationMode.JobObject)
        {
            if (!OperatingSystem.IsWindows())
            {
                throw new SandboxException("Job objects are of Windows. Here functions are isolated by bubblewrap.");
            }

            var directory = Own(new TemporaryDirectory());
            return (new JobObjectLauncher(_clock, loggers.CreateLogger<JobObjectLauncher>()), directory.Path);
        }

        if (!OperatingSystem.IsLinux())
        {
            throw new SandboxException("Functions can be isolated from files and network on Linux only; `--isolation jobobject` limits them on Windows.");
        }

        var launcher = Own(await LinuxSandboxLauncher.CreateAsync(
            IsolationOptionsFor(options.Files, options.UserRuntimeDirectory) with
            {
                Egress = new EgressOptions
                {
                    AllowedPrivate = EgressAllowOf(options, folders),
                    Sites = SiteServerFor(options),
                },
            },
            _clock,
            loggers.CreateLogger<LinuxSandboxLauncher>(),
            cancellationToken));
        return (launcher, launcher.LinkDirectory);
    }

    private static IReadOnlyList<string> EgressAllowOf(DevHostOptions options, IEnumerable<SiteFolder> folders) =>
        [.. options.EgressAllow, .. folders.SelectMany(folder => folder.EgressAllow)];

    public static IsolationOptions IsolationOptionsFor(HostFiles files, string? userRuntimeDirectory)
    {
        ArgumentNullException.ThrowIfNull(files);
        return new IsolationOptions { LauncherPath = files.Launcher, UserRuntimeDirectory = userRuntimeDirectory };
    }

    // Sites are told their address in their environment, and sandboxes get its ports, before anything listens.
    private static DevHostOptions WithPorts(DevHostOptions options)
    {
        // All are held until all are known, so that none is picked twice.
        var held = new List<TcpListener>();
        int? Pick(int? port)
        {
            if (port != 0)
            {
                return port;
            }

            var listener = new TcpListener(options.Listen.Address, 0);
            held.Add(listener);
            listener.Start();
            return ((IPEndPoint)listener.LocalEndpoint).Port;
        }

        try
        {
            var listen = options.Listen;
            return options with
            {
                Listen = listen with { Port = Pick(listen.Port)!.Value, Http2Port = Pick(listen.Http2Port), TlsPort = Pick(listen.TlsPort) },
            };
        }
        finally
        {
            held.ForEach(listener => listener.Dispose());
        }
    }

    // The egress proxy's own port is taken inside of sandboxes; a host that listens there is not reached by its functions.
    private static SiteServer SiteServerFor(DevHostOptions options) => new()
    {
        Address = options.Listen.Address switch
        {
            var any when any.Equals(IPAddress.Any) => IPAddress.Loopback,
            var any when any.Equals(IPAddress.IPv6Any) => IPAddress.IPv6Loopback,
            var one => one,
        },
        Ports =
        [
            .. new[] { options.Listen.Port, options.Listen.Http2Port, options.Listen.TlsPort }
                .OfType<int>().Where(port => port != new Uri(SandboxLayout.EgressProxy).Port),
        ],
        HostNames = [.. options.Sites.Select(HostNameOf).Distinct()],
    };

    /// <param name="artifacts">Where to put what is built.</param>
    internal static SiteFolder FolderFor(SiteArgument site, DevHostOptions options, Action<SiteEvent> events, string artifacts)
    {
        var name = site.Name ?? SiteNameOf(site.Directory);
        var url = $"http://{(site.Name is null ? "localhost" : HostNameOf(site))}:{options.Listen.Port}";
        return new SiteFolder(
            new SiteFolderOptions(site.Directory, name, url, [HostNameOf(site)], options.Limits)
            {
                Debuggable = options.InspectPort is not null,
                Geo = options.Geo,
                ArtifactsDirectory = artifacts,
                Context = options.Context,
                FunctionsDirectory = site.Name is null ? options.FunctionsDirectory : null,
                PublishDirectory = site.Name is null ? options.PublishDirectory : null,
                ProcessEnvironment = options.ProcessEnvironment,
            },
            new EsbuildBundler(options.Files.Esbuild),
            events);
    }

    private static string HostNameOf(SiteArgument site) => $"{site.Name ?? SiteNameOf(site.Directory)}.localhost";

    // A folder's name may hold what a host name may not.
    private static string SiteNameOf(string directory)
    {
        var letters = Path.GetFileName(Path.TrimEndingDirectorySeparator(directory)).ToLowerInvariant()
            .Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-');
        var name = string.Concat(letters).Trim('-');
        return name.Length > 0 ? name : "site";
    }

    private static SupervisorOptions SupervisorOptionsFor(DevHostOptions options, string linkDirectory, bool confined)
    {
        var hostDirectory = confined ? SandboxLayout.HostDirectory : linkDirectory;
        var inspect = options.InspectPort is not null;
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["SANDBOXHOST_SOCKET"] = SandboxLayout.LinkAddressFor(hostDirectory),
        };
        if (inspect)
        {
            environment["SANDBOXHOST_INSPECTOR_SOCKET"] = Path.Combine(hostDirectory, SandboxLayout.InspectorSocketName);
        }

        if (confined)
        {
            environment["HTTP_PROXY"] = environment["HTTPS_PROXY"] = SandboxLayout.EgressProxy;
            // Node takes the second for every name below the first.
            environment["NO_PROXY"] = "localhost,.localhost,127.0.0.1,::1";
        }

        var defaults = new SupervisorOptions
        {
            LinkDirectory = linkDirectory,
            Runtimes = [NodeRuntime.Create(options.Files, confined ? SandboxLayout.RunnerDirectory : options.Files.NodeRunner, inspect)],
            WorkerEnvironment = environment,
            Placeholders = options.Placeholders,
            PlaceholderMemoryBytes = options.Limits.MemoryBytes,
        };
        if (inspect)
        {
            // Whoever looks at a function has time: it may stand still while it loads, and as long as anybody likes.
            return defaults with { Inspect = true, LoadTimeout = TimeSpan.FromDays(1), FreezeAfter = TimeSpan.MaxValue, KeepAlive = TimeSpan.MaxValue };
        }

        return defaults with
        {
            FreezeAfter = options.FreezeAfter ?? defaults.FreezeAfter,
            KeepAlive = options.KeepAlive ?? defaults.KeepAlive,
        };
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
