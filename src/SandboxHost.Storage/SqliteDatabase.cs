using System.Globalization;
using System.Reflection;
using Dapper;
using Microsoft.Data.Sqlite;
using SandboxHost.Runs;

namespace SandboxHost.Storage;

/// <summary>
/// One SQLite file: its connections, its migrations, and its one writer. Write-ahead log, and every commit reaches the
/// disk before it is reported (synchronous = FULL, https://www.sqlite.org/pragma.html#pragma_synchronous).
/// </summary>
public sealed class SqliteDatabase : IAsyncDisposable
{
    /// <summary>What a database may grow to if nobody says otherwise. What does not fit is refused as on a full disk.</summary>
    public const long DefaultMaxBytes = 4L << 30;

    private const int BusyTimeoutMilliseconds = 10_000;

    private const int MaxIdleReaders = 2;

    private readonly Stack<SqliteConnection> _readers = new();
    private readonly string _connectionString;
    private readonly SqliteWriter _writer;
    private bool _isClosed;

    private SqliteDatabase(string connectionString, SqliteConnection writing)
    {
        _connectionString = connectionString;
        _writer = new SqliteWriter(writing);
    }

    /// <summary>Opens the file, makes it if it is not there, and brings it to this version's schema.</summary>
    /// <exception cref="RunStoreException">It can't be opened, is no database, or is of a newer version.</exception>
    public static SqliteDatabase Open(string path, long maxBytes = DefaultMaxBytes)
    {
        var connectionString = new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = SqliteOpenMode.ReadWriteCreate,
            ForeignKeys = true,
            // Its files must be closed when this is disposed of; and there is one writer and few readers.
            Pooling = false,
            DefaultTimeout = BusyTimeoutMilliseconds / 1000,
        }.ToString();
        var connection = new SqliteConnection(connectionString);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            connection.Open();
            connection.Execute($"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = {BusyTimeoutMilliseconds};");
            Migrate(connection);
            var pageSize = connection.ExecuteScalar<long>("PRAGMA page_size");
            connection.Execute(string.Create(CultureInfo.InvariantCulture, $"PRAGMA max_page_count = {Math.Max(1, maxBytes / pageSize)}"));
            return new SqliteDatabase(connectionString, connection);
        }
        catch (Exception ex) when (ex is SqliteException or IOException or UnauthorizedAccessException)
        {
            connection.Dispose();
            throw new RunStoreException($"{path}: {ex.Message}", ex);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Runs a change; when the task completes, it is on the disk. Changes run one after the other.</summary>
    internal Task<T> WriteAsync<T>(Func<SqliteConnection, T> change, CancellationToken cancellationToken) =>
        _writer.WriteAsync(change, cancellationToken);

    /// <summary>Reads what is committed.</summary>
    internal async Task<T> ReadAsync<T>(Func<SqliteConnection, T> read, CancellationToken cancellationToken)
    {
        try
        {
            return await Task.Run(
                () =>
                {
                    var connection = TakeReader();
                    try
                    {
                        return read(connection);
                    }
                    finally
                    {
                        GiveBack(connection);
                    }
                },
                cancellationToken);
        }
        catch (SqliteException ex)
        {
            throw new RunStoreException(ex.Message, ex);
        }
    }

    /// <summary>Finishes the changes that were asked for, and closes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        await _writer.DisposeAsync();
        lock (_readers)
        {
            _isClosed = true;
            while (_readers.TryPop(out var reader))
            {
                reader.Dispose();
            }
        }
    }

    // The dispatcher looks every few seconds: opening a connection, and preparing its cache, each time would cost more than to look.
    private SqliteConnection TakeReader()
    {
        lock (_readers)
        {
            if (_readers.TryPop(out var idle))
            {
                return idle;
            }
        }

        var reader = new SqliteConnection(_connectionString);
        reader.Open();
        return reader;
    }

    private void GiveBack(SqliteConnection reader)
    {
        lock (_readers)
        {
            if (!_isClosed && _readers.Count < MaxIdleReaders)
            {
                _readers.Push(reader);
                return;
            }
        }

        reader.Dispose();
    }

    private static void Migrate(SqliteConnection connection)
    {
        var migrations = Assembly.GetExecutingAssembly().GetManifestResourceNames()
            .Select(name => (Number: int.Parse(name.AsSpan(0, 4), CultureInfo.InvariantCulture), Name: name))
            .OrderBy(migration => migration.Number)
            .ToList();
        using var transaction = connection.BeginTransaction(deferred: false);
        var version = connection.ExecuteScalar<int>("PRAGMA user_version", transaction: transaction);
        if (version > migrations[^1].Number)
        {
            throw new RunStoreException($"The database is of version {version}; this host knows versions up to {migrations[^1].Number}.");
        }

        foreach (var (number, name) in migrations.Where(migration => migration.Number > version))
        {
            using var text = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!);
            connection.Execute(text.ReadToEnd(), transaction: transaction);
            // A pragma takes no parameters.
            connection.Execute(string.Create(CultureInfo.InvariantCulture, $"PRAGMA user_version = {number}"), transaction: transaction);
        }

        transaction.Commit();
    }
}
