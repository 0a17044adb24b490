using System.Threading.Channels;
using Microsoft.Data.Sqlite;
using SandboxHost.Runs;

namespace SandboxHost.Storage;

/// <summary>
/// The one thread that writes. What waits is committed together, so that a burst pays for one flush of the disk and not
/// for one each; nobody is told before the commit.
/// </summary>
internal sealed class SqliteWriter : IAsyncDisposable
{
    /// <summary>Changes that wait; the next caller waits for room.</summary>
    private const int MaxWaiting = 4096;

    /// <summary>Changes in one commit: the last in it waits for all the others.</summary>
    private const int MaxBatch = 256;

    private readonly Channel<Change> _changes = Channel.CreateBounded<Change>(
        new BoundedChannelOptions(MaxWaiting) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private readonly SqliteConnection _connection;
    private readonly Task _writing;

    public SqliteWriter(SqliteConnection connection)
    {
        _connection = connection;
        _writing = Task.Factory.StartNew(WriteAll, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    public async Task<T> WriteAsync<T>(Func<SqliteConnection, T> change, CancellationToken cancellationToken)
    {
        var waiting = new Change<T>(change);
        try
        {
            await _changes.Writer.WriteAsync(waiting, cancellationToken);
        }
        catch (ChannelClosedException ex)
        {
            throw new RunStoreException("The store is closed.", ex);
        }

        return await waiting.Done;
    }

    public async ValueTask DisposeAsync()
    {
        _changes.Writer.TryComplete();
        await _writing;
        await _connection.DisposeAsync();
    }

    private void WriteAll()
    {
        var batch = new List<Change>(MaxBatch);
        while (_changes.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            while (batch.Count < MaxBatch && _changes.Reader.TryRead(out var change))
            {
                batch.Add(change);
            }

            Commit(batch);
            batch.Clear();
        }
    }

    private void Commit(List<Change> batch)
    {
        try
        {
            using var transaction = _connection.BeginTransaction(deferred: false);
            foreach (var change in batch)
            {
                // One that fails takes only itself back.
                transaction.Save("change");
                if (!change.TryRun(_connection))
                {
                    transaction.Rollback("change");
                }

                transaction.Release("change");
            }

            transaction.Commit();
            batch.ForEach(change => change.Tell());
        }
        catch (Exception ex) when (ex is SqliteException or InvalidOperationException)
        {
            // Disk full, an I/O error, or a rollback that SQLite did by itself: none of it happened.
            batch.ForEach(change => change.Fail(new RunStoreException(ex.Message, ex)));
        }
    }

    private abstract class Change
    {
        /// <summary>Runs it, and keeps what came of it.</summary>
        public abstract bool TryRun(SqliteConnection connection);

        /// <summary>It is on the disk, or was taken back: tells whoever waits what came of it.</summary>
        public abstract void Tell();

        public abstract void Fail(Exception error);
    }

    private sealed class Change<T>(Func<SqliteConnection, T> change) : Change
    {
        private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T? _result;
        private Exception? _error;

        public Task<T> Done => _done.Task;

        public override bool TryRun(SqliteConnection connection)
        {
            try
            {
                _result = change(connection);
                return true;
            }
            catch (Exception ex) when (ex is not OutOfMemoryException)
            {
                // A bug of the caller's is the caller's, and the writer goes on.
                _error = ex is SqliteException ? new RunStoreException(ex.Message, ex) : ex;
                return false;
            }
        }

        public override void Tell()
        {
            if (_error is null)
            {
                _done.TrySetResult(_result!);
            }
            else
            {
                _done.TrySetException(_error);
            }
        }

        public override void Fail(Exception error) => _done.TrySetException(error);
    }
}
