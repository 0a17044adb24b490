using Microsoft.Extensions.Logging;
using SandboxHost.Background;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Output;
using SandboxHost.Runs;
using SandboxHost.Storage;

namespace SandboxHost.Server;

/// <summary>What a host has for work that outlives its requests: the store, and who runs and ticks what is in it.</summary>
public sealed class BackgroundWork : IAsyncDisposable
{
    private readonly Stack<IAsyncDisposable> _parts = new();

    private readonly string _directory;
    private readonly BackgroundOptions _options;

    private BackgroundWork(SqliteDatabase database, string directory, BackgroundOptions options)
    {
        (_directory, _options) = (directory, options);
        _parts.Push(database);
        Database = database;
        Runs = new SqliteRunStore(database);
        Schedules = new SqliteScheduleStore(database);
        Queue = new RunQueue(Runs);
    }

    public SqliteDatabase Database { get; }

    public IRunStore Runs { get; }

    public IScheduleStore Schedules { get; }

    public RunQueue Queue { get; }

    /// <param name="directory">Holds the database and who uses it.</param>
    /// <exception cref="RunStoreException">The store can't be opened.</exception>
    public static BackgroundWork Open(string directory, BackgroundOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new BackgroundWork(SqliteDatabase.Open(Path.Combine(directory, "state.db"), options.MaxStoreBytes), directory, options);
    }

    /// <summary>Begins to run and tick what is stored. Whatever is to be served must be published by then: a run whose function is not there fails.</summary>
    /// <exception cref="RunStoreException">The store failed.</exception>
    public async Task StartAsync(SnapshotSource snapshots, IInvoker invoker, ILogSink output, ILoggerFactory loggers, TimeProvider clock)
    {
        var lease = Own(await HostLease.TakeAsync(
            Runs, Path.Combine(_directory, "hosts"), clock, loggers.CreateLogger<HostLease>(), CancellationToken.None));
        var executor = new RunExecutor(Runs, snapshots, invoker, output, clock, loggers.CreateLogger<RunExecutor>());
        Own(new RunDispatcher(Runs, Queue, executor, snapshots, lease, clock, loggers.CreateLogger<RunDispatcher>()));
        Own(new Scheduler(Schedules, Queue, snapshots, invoker, _options.Scheduler, clock, loggers.CreateLogger<Scheduler>()));
        Own(new RunRetention(Runs, _options.Retention, clock, loggers.CreateLogger<RunRetention>()));
    }

    /// <summary>Gives back what runs, and closes the store.</summary>
    public async ValueTask DisposeAsync()
    {
        while (_parts.TryPop(out var part))
        {
            await part.DisposeAsync();
        }
    }

    private T Own<T>(T part)
        where T : IAsyncDisposable
    {
        _parts.Push(part);
        return part;
    }
}

/// <summary>How a host keeps and runs work that outlives its requests.</summary>
public sealed record BackgroundOptions
{
    public SchedulerOptions Scheduler { get; init; } = new();

    public RetentionOptions Retention { get; init; } = new();

    /// <summary>What the store may grow to. Default 4 GB.</summary>
    public long MaxStoreBytes { get; init; } = SqliteDatabase.DefaultMaxBytes;
}
