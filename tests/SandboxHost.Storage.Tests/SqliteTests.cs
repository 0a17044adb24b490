using SandboxHost.Deployments;
using SandboxHost.Runs;

namespace SandboxHost.Storage.Tests;

public sealed class SqliteRunStoreTests : RunStoreContract, IAsyncLifetime
{
    private readonly TempFolder _folder = new();
    private SqliteDatabase _database = null!;

    protected override IRunStore Store => new SqliteRunStore(_database);

    public ValueTask InitializeAsync()
    {
        _database = SqliteDatabase.Open(_folder.File("state.db"));
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        _folder.Dispose();
    }
}

public sealed class SqliteScheduleStoreTests : ScheduleStoreContract, IAsyncLifetime
{
    private readonly TempFolder _folder = new();
    private SqliteDatabase _database = null!;

    protected override IScheduleStore Schedules => new SqliteScheduleStore(_database);

    protected override IRunStore Runs => new SqliteRunStore(_database);

    public ValueTask InitializeAsync()
    {
        _database = SqliteDatabase.Open(_folder.File("state.db"));
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        _folder.Dispose();
    }
}

public sealed class SqliteDeployStoreTests : DeployStoreContract, IAsyncLifetime
{
    private readonly TempFolder _folder = new();
    private SqliteDatabase _database = null!;

    protected override IDeployStore Store => new SqliteDeployStore(_database);

    public ValueTask InitializeAsync()
    {
        _database = SqliteDatabase.Open(_folder.File("state.db"));
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        _folder.Dispose();
    }
}

public sealed class SqliteDatabaseTests
{
    private static readonly DateTimeOffset Noon = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);

    [TimedFact]
    public async Task What_was_stored_is_there_after_a_restart()
    {
        using var folder = new TempFolder();
        await using (var database = SqliteDatabase.Open(folder.File("a/state.db")))
        {
            await new SqliteRunStore(database).AddAsync(Run("1"), 1, TestContext.Current.CancellationToken);
        }

        await using var again = SqliteDatabase.Open(folder.File("a/state.db"));
        Assert.Equal("1", Assert.Single(await new SqliteRunStore(again).ListAsync(new RunQuery(), TestContext.Current.CancellationToken)).Id);
    }

    [TimedFact]
    public async Task Two_hosts_may_share_a_file()
    {
        using var folder = new TempFolder();
        await using var one = SqliteDatabase.Open(folder.File("state.db"));
        await using var two = SqliteDatabase.Open(folder.File("state.db"));

        await Task.WhenAll(Enumerable.Range(0, 100).Select(i =>
            new SqliteRunStore(i % 2 == 0 ? one : two).AddAsync(Run($"{i}"), 1000, TestContext.Current.CancellationToken)));

        Assert.Equal(100, (await new SqliteRunStore(one).ListAsync(new RunQuery(Limit: 1000), TestContext.Current.CancellationToken)).Count);
    }

    [TimedFact]
    public async Task A_full_disk_is_an_error_that_stores_nothing_and_passes_when_there_is_room()
    {
        using var folder = new TempFolder();
        await using var database = SqliteDatabase.Open(folder.File("state.db"), maxBytes: 600 * 1024);
        var store = new SqliteRunStore(database);
        var body = new byte[64 * 1024];
        var stored = new List<string>();
        for (var i = 0; i < 20; i++)
        {
            try
            {
                await store.AddAsync(Run($"{i:D2}", body), 1000, TestContext.Current.CancellationToken);
                stored.Add($"{i:D2}");
            }
            catch (RunStoreException ex)
            {
                Assert.Contains("full", ex.Message);
            }
        }

        Assert.InRange(stored.Count, 4, 8);
        stored.Reverse();
        Assert.Equal(stored, (await store.ListAsync(new RunQuery(), TestContext.Current.CancellationToken)).Select(run => run.Id));

        var claimed = (await store.ClaimAsync(new FunctionKey("site", "work"), "me", Noon, TestContext.Current.CancellationToken))!;
        await store.SucceedAsync(claimed.Run.Id, 1, Noon, TestContext.Current.CancellationToken);
        Assert.True(await store.PurgeAsync(claimed.Run.Id, TestContext.Current.CancellationToken));
        Assert.Equal(AddResult.Added, await store.AddAsync(Run("99", body), 1000, TestContext.Current.CancellationToken));
    }

    [TimedFact]
    public async Task One_full_disk_in_a_batch_is_told_to_each_that_did_not_fit()
    {
        using var folder = new TempFolder();
        await using var database = SqliteDatabase.Open(folder.File("state.db"), maxBytes: 600 * 1024);
        var store = new SqliteRunStore(database);
        var results = await Task.WhenAll(Enumerable.Range(0, 30).Select(async i =>
        {
            try
            {
                await store.AddAsync(Run($"{i:D2}", new byte[64 * 1024]), 1000, TestContext.Current.CancellationToken);
                return $"{i:D2}";
            }
            catch (RunStoreException)
            {
                return null;
            }
        }));

        // Exactly what was promised is there.
        Assert.Equal(
            results.OfType<string>().OrderDescending(),
            (await store.ListAsync(new RunQuery(), TestContext.Current.CancellationToken)).Select(run => run.Id));
    }

    [TimedFact]
    public void A_file_that_is_no_database_is_named()
    {
        using var folder = new TempFolder();
        var file = folder.Write("state.db", new string('x', 10_000));

        var error = Assert.Throws<RunStoreException>(() => SqliteDatabase.Open(file));

        Assert.Contains(file, error.Message);
    }

    [TimedFact]
    public async Task A_database_of_a_newer_host_is_left_alone()
    {
        using var folder = new TempFolder();
        await using (SqliteDatabase.Open(folder.File("state.db")))
        {
        }

        await using (var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={folder.File("state.db")};Pooling=false"))
        {
            await connection.OpenAsync(TestContext.Current.CancellationToken);
            await using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA user_version = 9999";
            await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }

        Assert.Contains("9999", Assert.Throws<RunStoreException>(() => SqliteDatabase.Open(folder.File("state.db"))).Message);
    }

    [TimedFact]
    public async Task After_it_is_closed_a_change_is_an_error_and_not_a_wait()
    {
        using var folder = new TempFolder();
        var database = SqliteDatabase.Open(folder.File("state.db"));
        await database.DisposeAsync();

        await Assert.ThrowsAsync<RunStoreException>(() => new SqliteRunStore(database).AddAsync(Run("1"), 1, TestContext.Current.CancellationToken));
    }

    private static NewRun Run(string id, byte[]? body = null) => new()
    {
        Id = id,
        Kind = RunKind.Background,
        Function = new FunctionKey("site", "work"),
        DeployId = "deploy",
        Request = new RunRequest("POST", "http://localhost/", [], "127.0.0.1", null, body ?? []),
        CreatedAt = Noon,
        DueAt = Noon,
    };
}
