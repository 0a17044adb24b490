using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Output;
using SandboxHost.Protocol.Worker.V1;
using SandboxHost.Routing;
using SandboxHost.Runs;
using SandboxHost.Sandboxes;
using SandboxHost.Supervisor.Inspection;

namespace SandboxHost.Supervisor.Tests;

/// <summary>A real <see cref="WorkerHost"/> with its real link, whose workers are scripted. Nothing may fail in it unseen.</summary>
internal sealed class TestHost : IAsyncDisposable, ILogSink, ILoggerProvider, ILogger
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly TempFolder _folder = new();
    private readonly SnapshotSource _snapshots = new();
    private readonly List<FunctionVersion> _functions = [];
    private readonly ILoggerFactory _loggers;
    private readonly List<Task<IExchange>> _decoys = [];
    private WorkerHost _host = null!;
    private int _stopped;

    private TestHost()
    {
        Launcher = new FakeLauncher(_folder.Path);
        _loggers = LoggerFactory.Create(logging => logging.AddProvider(this));
        Directory.CreateDirectory(_folder.File("artifact"));
        Directory.CreateDirectory(_folder.File("link"));
        _folder.Write("artifact/hello.mjs", "export default () => new Response()");
    }

    public FakeLauncher Launcher { get; }

    public ConcurrentQueue<OutputLine> Output { get; } = new();

    /// <summary>Event names and messages of what was logged as a warning or worse.</summary>
    public ConcurrentQueue<(LogLevel Level, string? Event, string Text)> Log { get; } = new();

    /// <param name="successors">Workers that may follow right upon a dead one.</param>
    /// <param name="prepare">Before the first worker starts.</param>
    public static async Task<TestHost> StartAsync(
        TimeProvider? clock = null, Func<SupervisorOptions, SupervisorOptions>? change = null, int successors = 0, Action<FakeLauncher>? prepare = null)
    {
        var host = new TestHost();
        prepare?.Invoke(host.Launcher);
        var options = new SupervisorOptions
        {
            LinkDirectory = host._folder.File("link"),
            Runtimes = [new SandboxRuntime("node", "/nowhere/node", "/nowhere", _ => [])],
            WorkerEnvironment = new Dictionary<string, string>(),
            Placeholders = 0,
            // A site has half of them, and successors take some for ever.
            ConcurrentStarts = 64,
            SiteStartBurst = 10_000,
            StartTimeout = TimeSpan.FromDays(1),
        };
        host._host = await WorkerHost.StartAsync(
            change?.Invoke(options) ?? options, host.Launcher, host._snapshots, host, clock ?? TimeProvider.System, host._loggers, CancellationToken.None);
        host.Launcher.Decoys = successors;
        for (var i = 0; i < successors; i++)
        {
            host._decoys.Add(host.InvokeAsync(host.Add($"decoy{i}", limits => limits with { QueueTime = TimeSpan.FromDays(2) })));
        }

        return host;
    }

    public WorkerInspectors? Inspectors => _host.Inspectors;

    public string LinkDirectory => _folder.File("link");

    /// <summary>The version that answers under a name now.</summary>
    public FunctionVersion Live(string name) => _snapshots.Current.FindFunction(new FunctionKey("1", name))!;

    public Task PlaceholdersReady => _host.PlaceholdersReady;

    /// <summary>A new function that is live.</summary>
    public FunctionVersion Add(string name = "hello", Func<FunctionLimits, FunctionLimits>? limits = null, bool published = false)
    {
        var function = New(name, limits, published);
        Publish();
        return function;
    }

    private FunctionVersion New(string name, Func<FunctionLimits, FunctionLimits>? limits, bool published)
    {
        var function = new FunctionVersion
        {
            Site = new SiteIdentity("1", "site", "http://localhost", "2"),
            Deploy = new DeployIdentity("0", published ? "production" : "dev", published),
            Name = name,
            Runtime = "node",
            ArtifactDirectory = _folder.File("artifact"),
            Entry = "hello.mjs",
            Environment = new Dictionary<string, string> { ["GREETING"] = "hi" },
            Limits = limits?.Invoke(FunctionLimits.Default) ?? FunctionLimits.Default,
        };
        _functions.Add(function);
        return function;
    }

    /// <summary>From now on functions have a module of this size.</summary>
    public void SetModuleSize(int bytes) => _folder.Write("artifact/hello.mjs", "export default () => new Response()".PadRight(bytes));

    /// <summary>A version takes the place of another, in one swap.</summary>
    public FunctionVersion Replace(FunctionVersion function)
    {
        _functions.Remove(function);
        return Add(function.Name, published: function.Deploy.Published);
    }

    /// <summary>The same for a deploy: what comes is made ready first.</summary>
    public (FunctionVersion Next, Task Swapped) Deploy(FunctionVersion function)
    {
        _functions.Remove(function);
        var next = New(function.Name, null, published: true);
        return (next, _snapshots.PrepareAndPublishAsync(Compose()));
    }

    /// <summary>The function is no longer live.</summary>
    public void Remove(FunctionVersion function)
    {
        _functions.Remove(function);
        Publish();
    }

    public Task<IExchange> InvokeAsync(
        FunctionVersion function,
        string method = "GET",
        RequestBody body = default,
        InvocationTrigger trigger = InvocationTrigger.Http,
        CancellationToken clientGone = default) =>
        _host.Invoker.InvokeAsync(
            new InvocationRequest
            {
                Function = function,
                RequestId = RequestId.Create(DateTimeOffset.UnixEpoch),
                Method = method,
                Url = "http://localhost/hello",
                Headers = ["accept", "*/*"],
                ClientIp = "127.0.0.1",
                Body = body,
                Trigger = trigger,
            },
            clientGone).AsTask();

    /// <summary>Starts an invocation and lets the function's first worker get it.</summary>
    public async Task<(ScriptedWorker Worker, Invoke Invoke, Task<IExchange> Exchange)> BeginAsync(
        FunctionVersion function, string method = "GET", RequestBody body = default, CancellationToken clientGone = default)
    {
        var exchange = InvokeAsync(function, method, body, clientGone: clientGone);
        var worker = await Launcher.NextAsync();
        return (worker, await worker.NextInvokeAsync(), exchange);
    }

    /// <summary>Waits until the host has read everything that the worker sent before.</summary>
    public async Task FlushAsync(ScriptedWorker worker)
    {
        var mark = Guid.NewGuid().ToString();
        await worker.SendAsync(Frames.Log(mark));
        await Eventually.TrueAsync(() => Output.Any(line => line.Text == mark), Limit, "the host reads what the worker sent");
    }

    public void Write(in OutputLine line) => Output.Enqueue(line);

    public async Task StopAsync()
    {
        if (Interlocked.Exchange(ref _stopped, 1) == 0)
        {
            await _host.DisposeAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await Task.WhenAll(_decoys);
        Launcher.Dispose();
        _loggers.Dispose();
        _folder.Dispose();
        Assert.All(Launcher.Workers, worker => Assert.True(worker.Sandbox.Disposed.IsCompleted, $"{worker.Sandbox.Spec.Name} was not disposed"));
        Assert.DoesNotContain(Log, entry => entry.Level >= LogLevel.Error);
    }

    ILogger ILoggerProvider.CreateLogger(string categoryName) => this;

    void IDisposable.Dispose()
    {
    }

    bool ILogger.IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    IDisposable? ILogger.BeginScope<TState>(TState state) => null;

    void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (logLevel >= LogLevel.Warning)
        {
            Log.Enqueue((logLevel, eventId.Name, $"{formatter(state, exception)} {exception}"));
        }
    }

    private void Publish() => _snapshots.Publish(Compose());

    private HostSnapshot Compose() => new([new SiteSnapshot
    {
        Identity = new SiteIdentity("1", "site", "http://localhost", "2"),
        HostNames = [],
        Functions = [.. _functions],
        Routes = new RouteTable([.. _functions]),
    }]);
}
