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

    private BackgroundWork(SqliteDatabase database)
    {
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
    public static async Task<BackgroundWork> StartAsync(
        string directory, BackgroundOptions options, SnapshotSource snapshots, IInvoker invoker, ILogSink output, ILoggerFactory loggers, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(options);
        var work = new BackgroundWork(SqliteDatabase.Open(Path.Combine(directory, "state.db"), options.MaxStoreBytes));
        try
        {
            var lease = work.Own(await HostLease.TakeAsync(
                work.Runs, Path.Combine(directory, "hosts"), clock, loggers.CreateLogger<HostLease>(), CancellationToken.None));
            var executor = new RunExecutor(work.Runs, snapshots, invoker, output, clock, loggers.CreateLogger<RunExecutor>());
            work.Own(new RunDispatcher(work.Runs, work.Queue, executor, snapshots, lease, clock, loggers.CreateLogger<RunDispatcher>()));
            work.Own(new Scheduler(work.Schedules, work.Queue, snapshots, invoker, options.Scheduler, clock, loggers.CreateLogger<Scheduler>()));
            work.Own(new RunRetention(work.Runs, options.Retention, clock, loggers.CreateLogger<RunRetention>()));
            return work;
        }
        catch
        {
            await work.DisposeAsync();
            throw;
        }
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
