using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Output;
using SandboxHost.Routing;
using SandboxHost.Runs;
using SandboxHost.Storage;

namespace SandboxHost.Background.Tests;

/// <summary>Store, lease, dispatcher and scheduler as a host has them, over a clock that the test moves.</summary>
internal sealed class BackgroundHost : IAsyncDisposable, ILogSink
{
    public static readonly DateTimeOffset Noon = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);

    private readonly string _file;
    private readonly SqliteDatabase _database;
    private readonly HostLease _lease;
    private RunDispatcher? _dispatcher;
    private Scheduler? _scheduler;
    private int _made;

    private BackgroundHost(string file, SqliteDatabase database, IRunStore store, HostLease lease, FakeTimeProvider clock, ScriptedInvoker invoker)
    {
        _file = file;
        _database = database;
        _lease = lease;
        Runs = store;
        Clock = clock;
        Invoker = invoker;
        Queue = new RunQueue(Runs);
    }

    public FakeTimeProvider Clock { get; }

    public ScriptedInvoker Invoker { get; }

    public SnapshotSource Snapshots { get; } = new();

    public IRunStore Runs { get; }

    public RunQueue Queue { get; }

    public ConcurrentQueue<OutputLine> Output { get; } = new();

    /// <summary>Ids of the runs that this host added, in order.</summary>
    public List<string> Ids { get; } = [];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static Task<BackgroundHost> StartAsync(TempFolder folder, params FunctionVersion[] functions) => StartAsync(folder, new FakeTimeProvider(Noon), functions);

    public static async Task<BackgroundHost> StartAsync(TempFolder folder, FakeTimeProvider clock, params FunctionVersion[] functions)
    {
        var host = await OpenAsync(folder, clock, functions);
        host.Dispatch(RunCaps.Default);
        return host;
    }

    public static async Task<BackgroundHost> OpenAsync(TempFolder folder, FakeTimeProvider clock, params FunctionVersion[] functions)
    {
        var database = SqliteDatabase.Open(folder.File("state.db"));
        var store = new SqliteRunStore(database);
        var lease = await HostLease.TakeAsync(store, folder.File("hosts"), clock, NullLogger<HostLease>.Instance, Stop);
        var host = new BackgroundHost(folder.File("state.db"), database, store, lease, clock, new ScriptedInvoker());
        host.Publish(functions);
        return host;
    }

    public static FunctionVersion Function(string name, FunctionKind kind = FunctionKind.Background, string site = "site", string? schedule = null, int maxWorkers = 8) => new()
    {
        Site = new SiteIdentity(site, site, "http://localhost", "account"),
        Deploy = new DeployIdentity("deploy", "production", Published: true),
        Name = name,
        Runtime = "node",
        ArtifactDirectory = "/nowhere",
        Entry = name + ".mjs",
        Kind = kind,
        Schedule = schedule,
        Environment = new Dictionary<string, string>(),
        Limits = FunctionLimits.Default with { MaxWorkers = maxWorkers },
    };

    public void Publish(params FunctionVersion[] functions) => Snapshots.Publish(new HostSnapshot(SitesOf(functions, "deploy")));

    /// <summary>Beside what is live, a deploy that answers at a name of its own.</summary>
    public void PublishWithPreview(FunctionVersion live, FunctionVersion preview) =>
        Snapshots.Publish(new HostSnapshot(SitesOf([live], "deploy"), SitesOf([preview], "preview")));

    private static IReadOnlyList<SiteSnapshot> SitesOf(FunctionVersion[] functions, string deploy) =>
        [.. functions.GroupBy(function => function.Site.Id).Select(site => new SiteSnapshot
        {
            Identity = site.First().Site,
            DeployId = deploy,
            HostNames = [$"{deploy}.{site.Key}"],
            Functions = [.. site],
            Routes = new RouteTable([.. site]),
        })];

    public void Dispatch(RunCaps caps)
    {
        var executor = new RunExecutor(Runs, Snapshots, Invoker, this, Clock, NullLogger<RunExecutor>.Instance);
        _dispatcher = new RunDispatcher(Runs, Queue, executor, Snapshots, _lease, Clock, NullLogger<RunDispatcher>.Instance) { Caps = caps };
    }

    public void Schedule(SchedulerOptions? options = null) => _scheduler = new Scheduler(
        new SqliteScheduleStore(_database), Queue, Snapshots, Invoker, options ?? new SchedulerOptions { Spread = TimeSpan.Zero }, Clock, NullLogger<Scheduler>.Instance);

    public async Task<string> AddAsync(string function = "work", string site = "site", string deploy = "deploy")
    {
        var id = RequestId.Create(Clock.GetUtcNow().AddMilliseconds(Interlocked.Increment(ref _made)));
        Ids.Add(id);
        Assert.Equal(AddResult.Added, await Queue.AddAsync(
            new NewRun
            {
                Id = id,
                Kind = RunKind.Background,
                Function = new FunctionKey(site, function),
                DeployId = deploy,
                CreatedAt = Clock.GetUtcNow(),
                DueAt = Clock.GetUtcNow(),
                Request = new RunRequest("POST", "http://localhost/", [], "127.0.0.1", null, default),
            },
            Stop));
        return id;
    }

    /// <summary>Waits until a run is in a state; the clock stands still.</summary>
    public async Task<FunctionRun> WaitForAsync(string id, RunState state)
    {
        await Eventually.TrueAsync(async () => (await Runs.FindAsync(id, Stop))?.State == state, TimeSpan.FromSeconds(10), $"{id} {state}");
        return (await Runs.FindAsync(id, Stop))!;
    }

    /// <summary>Moves the clock on in steps, until something is so. Timers that are set in between get their turn.</summary>
    public async Task MoveUntilAsync(Func<bool> condition, TimeSpan step, string what)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(12), $"Not in time: {what}");
            Clock.Advance(step);

            // What the step has set in motion runs on other threads and tells nobody when it has settled.
            await Task.Delay(TimeSpan.FromMilliseconds(3), TimeProvider.System, Stop);
        }
    }

    /// <summary>Until when each host has a lease, from the file.</summary>
    public IReadOnlyList<DateTimeOffset> ReadLeases()
    {
        using var connection = new SqliteConnection($"Data Source={_file};Mode=ReadOnly;Pooling=false");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT lease_until FROM leases";
        using var reader = command.ExecuteReader();
        var leases = new List<DateTimeOffset>();
        while (reader.Read())
        {
            leases.Add(DateTimeOffset.FromUnixTimeMilliseconds(reader.GetInt64(0)));
        }

        return leases;
    }

    public void Write(in OutputLine line) => Output.Enqueue(line);

    public async ValueTask DisposeAsync()
    {
        if (_scheduler is not null)
        {
            await _scheduler.DisposeAsync();
        }

        if (_dispatcher is not null)
        {
            await _dispatcher.DisposeAsync();
        }

        await _lease.DisposeAsync();
        await _database.DisposeAsync();
    }
}
