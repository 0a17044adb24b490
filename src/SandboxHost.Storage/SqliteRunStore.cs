using Dapper;
using Microsoft.Data.Sqlite;
using SandboxHost.Runs;

namespace SandboxHost.Storage;

/// <summary>Runs in SQLite. Each method's statements are one change of <see cref="SqliteDatabase"/>: all or none.</summary>
public sealed class SqliteRunStore(SqliteDatabase database) : IRunStore
{
    private const string EndAttempt =
        "UPDATE attempts SET ended_at = @now, outcome = @outcome, message = @message WHERE run_id = @id AND attempt = @attempt AND ended_at IS NULL";

    public Task<AddResult> AddAsync(NewRun run, int maxWaiting, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(run);
        return database.WriteAsync(
            connection =>
            {
                ThrowIfFull(connection);
                var waiting = connection.ExecuteScalar<long?>(
                    "SELECT waiting FROM queues WHERE site_id = @SiteId AND function_name = @FunctionName", run.Function);
                return waiting >= maxWaiting ? AddResult.QueueFull
                    : Insert(connection, run, RunState.Waiting) ? AddResult.Added
                    : AddResult.Duplicate;
            },
            cancellationToken);
    }

    public Task AddEndedAsync(NewRun run, DateTimeOffset endedAt, RunFailure? failure, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(run);
        var values = new
        {
            run.Id,
            Started = run.CreatedAt.ToStored(),
            Ended = endedAt.ToStored(),
            failure?.Error,
            failure?.Message,
            Outcome = failure?.Error ?? "succeeded",
            Failures = failure is null ? 0 : 1,
        };
        return database.WriteAsync(
            connection =>
            {
                ThrowIfFull(connection);
                if (!Insert(connection, run, failure is null ? RunState.Succeeded : RunState.Failed))
                {
                    return 0;
                }

                connection.Execute(
                    """
                    UPDATE runs SET attempt = 1, failures = @Failures, started_at = @Started, ended_at = @Ended, error = @Error, error_message = @Message
                    WHERE id = @Id
                    """,
                    values);
                return connection.Execute(
                    "INSERT INTO attempts (run_id, attempt, started_at, ended_at, outcome, message) VALUES (@Id, 1, @Started, @Ended, @Outcome, @Message)", values);
            },
            cancellationToken);
    }

    public async Task<IReadOnlyList<DueFunction>> ListDueAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        // From function to function along the index: the cost is the functions that have runs waiting, not the runs.
        const string Sql = """
            WITH RECURSIVE waiting (site_id, function_name, due_at) AS (
              SELECT * FROM (SELECT site_id, function_name, due_at FROM runs WHERE state = 0 ORDER BY site_id, function_name, due_at LIMIT 1)
              UNION ALL
              SELECT next.site_id, next.function_name, next.due_at FROM waiting, runs AS next
              WHERE next.state = 0 AND (next.site_id, next.function_name, next.due_at, next.id) = (
                SELECT site_id, function_name, due_at, id FROM runs
                WHERE state = 0 AND (site_id, function_name) > (waiting.site_id, waiting.function_name)
                ORDER BY site_id, function_name, due_at, id LIMIT 1))
            SELECT site_id AS SiteId, function_name AS FunctionName, due_at AS DueAt FROM waiting WHERE due_at <= @now
            """;
        var rows = await database.ReadAsync(
            connection => connection.Query<(string SiteId, string FunctionName, long DueAt)>(Sql, new { now = now.ToStored() }).AsList(), cancellationToken);
        return [.. rows.Select(row => new DueFunction(new FunctionKey(row.SiteId, row.FunctionName), row.DueAt.ToTime()))];
    }

    public async Task<DateTimeOffset?> NextDueAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        var due = await database.ReadAsync(
            connection => connection.ExecuteScalar<long?>("SELECT min(due_at) FROM runs WHERE state = 0 AND due_at > @now", new { now = now.ToStored() }),
            cancellationToken);
        return due?.ToTime();
    }

    public Task AdvanceWaitingAsync(TimeSpan by, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        connection => connection.Execute(
            "UPDATE runs SET due_at = max(@now, due_at - @by) WHERE state = 0 AND due_at > @now",
            new { now = now.ToStored(), by = (long)by.TotalMilliseconds }),
        cancellationToken);

    public async Task<ClaimedRun?> ClaimAsync(FunctionKey function, string owner, DateTimeOffset now, CancellationToken cancellationToken)
    {
        const string Sql = $"""
            UPDATE runs SET state = 1, owner = @owner, attempt = attempt + 1, started_at = @now
            WHERE id = (
              SELECT id FROM runs
              WHERE state = 0 AND site_id = @site AND function_name = @name AND due_at <= @now
              ORDER BY due_at, id LIMIT 1)
            RETURNING {RunRow.Columns}
            """;
        var values = new { owner, now = now.ToStored(), site = function.SiteId, name = function.FunctionName };
        return await database.WriteAsync(
            connection =>
            {
                if (connection.QueryFirstOrDefault<RunRow>(Sql, values) is not { } claimed)
                {
                    return null;
                }

                connection.Execute("INSERT INTO attempts (run_id, attempt, started_at) VALUES (@Id, @Attempt, @StartedAt)", claimed);
                var request = connection.QuerySingle<RequestRow>("SELECT head, body FROM requests WHERE run_id = @Id", claimed);
                return new ClaimedRun(claimed.ToRun(), request.ToRequest());
            },
            cancellationToken);
    }

    public Task RenewLeaseAsync(string owner, DateTimeOffset until, CancellationToken cancellationToken) => database.WriteAsync(
        connection => connection.Execute(
            "INSERT INTO leases (owner, lease_until) VALUES (@owner, @until) ON CONFLICT (owner) DO UPDATE SET lease_until = @until",
            new { owner, until = until.ToStored() }),
        cancellationToken);

    public Task EndLeaseAsync(string owner, CancellationToken cancellationToken) => database.WriteAsync(
        connection => connection.Execute("DELETE FROM leases WHERE owner = @owner", new { owner }), cancellationToken);

    public Task<int> ReclaimAsync(string owner, DateTimeOffset now, CancellationToken cancellationToken)
    {
        const string Lost = "state = 1 AND owner <> @owner AND owner NOT IN (SELECT owner FROM leases)";
        var values = new { owner, now = now.ToStored(), limit = RetryPolicy.MaxInterruptions };
        return database.WriteAsync(
            connection =>
            {
                connection.Execute("DELETE FROM leases WHERE owner <> @owner AND lease_until < @now", values);
                connection.Execute(
                    $"""
                    UPDATE attempts SET ended_at = @now, outcome = 'interrupted', message = 'The host ended.'
                    WHERE ended_at IS NULL AND run_id IN (SELECT id FROM runs WHERE {Lost})
                    """,
                    values);
                var dead = connection.Execute(
                    $"""
                    UPDATE runs SET state = 3, owner = NULL, ended_at = @now, interruptions = interruptions + 1,
                      error = 'interrupted', error_message = 'The host ended during every attempt.'
                    WHERE {Lost} AND interruptions >= @limit
                    """,
                    values);
                return dead + connection.Execute(
                    $"UPDATE runs SET state = 0, owner = NULL, due_at = @now, interruptions = interruptions + 1 WHERE {Lost}", values);
            },
            cancellationToken);
    }

    public Task<bool> SucceedAsync(string id, int attempt, DateTimeOffset now, CancellationToken cancellationToken) => EndAsync(
        id, attempt, now, "succeeded", null, "state = 2, ended_at = @now, error = NULL, error_message = NULL", null, cancellationToken);

    public Task<bool> FailAsync(
        string id, int attempt, RunFailure failure, DateTimeOffset now, DateTimeOffset? retryAt, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(failure);
        var counter = failure.IsInterruption ? "interruptions" : "failures";
        var next = retryAt is null ? "state = 3, ended_at = @now" : "state = 0, due_at = @due";
        var change = $"{counter} = {counter} + 1, error = @outcome, error_message = @message, {next}";
        return EndAsync(id, attempt, now, failure.Error, failure.Message, change, retryAt, cancellationToken);
    }

    public Task<bool> ReleaseAsync(string id, int attempt, DateTimeOffset now, CancellationToken cancellationToken) => EndAsync(
        id, attempt, now, "interrupted", "The host stopped.", "state = 0, due_at = @now", null, cancellationToken);

    public Task<bool> PostponeAsync(string id, int attempt, RunFailure why, DateTimeOffset dueAt, CancellationToken cancellationToken)
    {
        const string Change = """
            state = 0, due_at = @due, attempt = attempt - 1, error = @Error, error_message = @Message,
            started_at = (SELECT started_at FROM attempts WHERE run_id = @id AND attempt = @attempt - 1)
            """;
        ArgumentNullException.ThrowIfNull(why);
        var values = new { id, attempt, due = dueAt.ToStored(), why.Error, why.Message };
        return GiveUpClaimAsync(Change, "DELETE FROM attempts WHERE run_id = @id AND attempt = @attempt", values, cancellationToken);
    }

    public async Task<FunctionRun?> FindAsync(string id, CancellationToken cancellationToken)
    {
        var row = await database.ReadAsync(
            connection => connection.QueryFirstOrDefault<RunRow>($"SELECT {RunRow.Columns} FROM runs WHERE id = @id", new { id }), cancellationToken);
        return row?.ToRun();
    }

    public async Task<IReadOnlyList<RunAttempt>> ListAttemptsAsync(string id, CancellationToken cancellationToken)
    {
        const string Sql =
            "SELECT attempt AS Attempt, started_at AS StartedAt, ended_at AS EndedAt, outcome AS Outcome, message AS Message FROM attempts WHERE run_id = @id ORDER BY attempt";
        var rows = await database.ReadAsync(
            connection => connection.Query<(long Attempt, long StartedAt, long? EndedAt, string? Outcome, string? Message)>(Sql, new { id }).AsList(), cancellationToken);
        return [.. rows.Select(row => new RunAttempt((int)row.Attempt, row.StartedAt.ToTime(), row.EndedAt?.ToTime(), row.Outcome, row.Message))];
    }

    public async Task<IReadOnlyList<FunctionRun>> ListAsync(RunQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        var conditions = new List<string> { "1 = 1" };
        void Where(bool isSet, string condition)
        {
            if (isSet)
            {
                conditions.Add(condition);
            }
        }

        Where(query.SiteId is not null, "site_id = @SiteId");
        Where(query.FunctionName is not null, "function_name = @FunctionName");
        Where(query.State is not null, "state = @State");
        Where(query.Kind is not null, "kind = @Kind");
        Where(query.Before is not null, "id < @Before");
        var values = new
        {
            query.SiteId,
            query.FunctionName,
            State = (int?)query.State,
            Kind = (int?)query.Kind,
            query.Before,
            Limit = Math.Clamp(query.Limit, 1, 1000),
        };
        var rows = await database.ReadAsync(
            connection => connection.Query<RunRow>(
                $"SELECT {RunRow.Columns} FROM runs WHERE {string.Join(" AND ", conditions)} ORDER BY id DESC LIMIT @Limit", values).AsList(),
            cancellationToken);
        return [.. rows.Select(row => row.ToRun())];
    }

    public Task<bool> RedriveAsync(string id, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        connection => connection.Execute(
            "UPDATE runs SET state = 0, due_at = @now, ended_at = NULL, failures = 0, interruptions = 0 WHERE id = @id AND state = 3",
            new { id, now = now.ToStored() }) > 0,
        cancellationToken);

    public Task<bool> PurgeAsync(string id, CancellationToken cancellationToken) => database.WriteAsync(
        connection => connection.Execute("DELETE FROM runs WHERE id = @id AND state >= 2", new { id }) > 0, cancellationToken);

    public Task<int> RemoveEndedAsync(DateTimeOffset endedBefore, DateTimeOffset deadBefore, CancellationToken cancellationToken) => database.WriteAsync(
        connection => connection.Execute(
            """
            DELETE FROM runs WHERE id IN (
              SELECT id FROM runs WHERE state IN (2, 4, 5) AND ended_at < @endedBefore
              UNION ALL SELECT id FROM runs WHERE state = 3 AND ended_at < @deadBefore
              LIMIT 1000)
            """,
            new { endedBefore = endedBefore.ToStored(), deadBefore = deadBefore.ToStored() }),
        cancellationToken);

    /// <summary>False when there is a run with its unique key.</summary>
    internal static bool Insert(SqliteConnection connection, NewRun run, RunState state)
    {
        const string Sql = """
            INSERT INTO runs (id, kind, site_id, function_name, deploy_id, unique_key, state, created_at, due_at, ended_at)
            VALUES (@Id, @Kind, @SiteId, @FunctionName, @DeployId, @UniqueKey, @State, @CreatedAt, @DueAt, @EndedAt)
            ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL DO NOTHING
            """;
        var created = run.CreatedAt.ToStored();
        var isNew = connection.Execute(Sql, new
        {
            run.Id,
            Kind = (int)run.Kind,
            run.Function.SiteId,
            run.Function.FunctionName,
            run.DeployId,
            run.UniqueKey,
            State = (int)state,
            CreatedAt = created,
            DueAt = run.DueAt.ToStored(),
            EndedAt = state == RunState.Skipped ? created : (long?)null,
        }) > 0;
        if (isNew)
        {
            connection.Execute("INSERT INTO requests (run_id, head, body) VALUES (@RunId, @Head, @Body)", RequestRow.Of(run));
        }

        return isNew;
    }

    // The last of the room is for what is stored already: runs must be able to begin and to end.
    private static void ThrowIfFull(SqliteConnection connection)
    {
        var (used, free, max) = connection.QuerySingle<(long Used, long Free, long Max)>(
            "SELECT page_count, freelist_count, max_page_count FROM pragma_page_count, pragma_freelist_count, pragma_max_page_count");
        if (used - free > max - Math.Max(max / 10, 16))
        {
            throw new RunStoreException("The store of runs is full.");
        }
    }

    private Task<bool> EndAsync(
        string id, int attempt, DateTimeOffset now, string outcome, string? message, string change, DateTimeOffset? due, CancellationToken cancellationToken)
    {
        var values = new { id, attempt, now = now.ToStored(), outcome, message, due = due?.ToStored() };
        return GiveUpClaimAsync(change, EndAttempt, values, cancellationToken);
    }

    /// <summary>Changes a run that is claimed, and its attempt with it. False when the attempt is not the current one any more.</summary>
    /// <param name="values">With <c>id</c> and <c>attempt</c>.</param>
    private Task<bool> GiveUpClaimAsync(string runChange, string attemptSql, object values, CancellationToken cancellationToken) => database.WriteAsync(
        connection =>
        {
            // The attempt's number is the fence: who lost its lease changes nothing.
            var isCurrent = connection.Execute(
                $"UPDATE runs SET {runChange}, owner = NULL WHERE id = @id AND attempt = @attempt AND state = 1", values) > 0;
            if (isCurrent)
            {
                connection.Execute(attemptSql, values);
            }

            return isCurrent;
        },
        cancellationToken);
}
