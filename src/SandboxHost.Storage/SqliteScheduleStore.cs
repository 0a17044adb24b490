using Dapper;
using SandboxHost.Runs;

namespace SandboxHost.Storage;

/// <summary>Schedules in SQLite, in the database of the runs: a tick and its run are one change.</summary>
public sealed class SqliteScheduleStore(SqliteDatabase database) : IScheduleStore
{
    private const string Is = "site_id = @SiteId AND function_name = @FunctionName";

    public async Task<IReadOnlyList<StoredSchedule>> ListAsync(CancellationToken cancellationToken)
    {
        var rows = await database.ReadAsync(
            connection => connection.Query<(string SiteId, string FunctionName, string Cron, long Next, long? Last)>(
                "SELECT site_id, function_name, cron, next_at, last_at FROM schedules ORDER BY site_id, function_name").AsList(),
            cancellationToken);
        return [.. rows.Select(row => new StoredSchedule(
            new FunctionKey(row.SiteId, row.FunctionName), row.Cron, row.Next.ToTime(), row.Last?.ToTime()))];
    }

    public Task SetAsync(FunctionKey function, string cron, DateTimeOffset next, CancellationToken cancellationToken) => database.WriteAsync(
        connection => connection.Execute(
            """
            INSERT INTO schedules (site_id, function_name, cron, next_at) VALUES (@SiteId, @FunctionName, @cron, @next)
            ON CONFLICT (site_id, function_name) DO UPDATE SET cron = @cron, next_at = @next
            """,
            new { function.SiteId, function.FunctionName, cron, next = next.ToStored() }),
        cancellationToken);

    public Task RemoveAsync(FunctionKey function, CancellationToken cancellationToken) => database.WriteAsync(
        connection => connection.Execute($"DELETE FROM schedules WHERE {Is}", new { function.SiteId, function.FunctionName }), cancellationToken);

    public Task<TickResult> TickAsync(
        NewRun run, DateTimeOffset expected, DateTimeOffset tick, DateTimeOffset next, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(run);
        var values = new { run.Function.SiteId, run.Function.FunctionName, run.Id, expected = expected.ToStored(), tick = tick.ToStored(), next = next.ToStored() };
        return database.WriteAsync(
            connection =>
            {
                var before = connection.QueryFirstOrDefault<string?>($"SELECT last_run FROM schedules WHERE {Is}", values);
                if (connection.Execute(
                    $"UPDATE schedules SET next_at = @next, last_at = @tick, last_run = @Id WHERE {Is} AND next_at = @expected", values) == 0)
                {
                    return TickResult.AlreadyMade;
                }

                var waits = before is not null && connection.ExecuteScalar<bool>(
                    "SELECT EXISTS (SELECT 1 FROM runs WHERE id = @before AND state = 0 AND attempt = 0)", new { before });
                if (!SqliteRunStore.Insert(connection, run, waits ? RunState.Skipped : RunState.Waiting))
                {
                    return TickResult.AlreadyMade;
                }

                if (waits)
                {
                    // The one that waits is still the one that the next tick must not overtake.
                    connection.Execute($"UPDATE schedules SET last_run = @before WHERE {Is}", new { run.Function.SiteId, run.Function.FunctionName, before });
                }

                return waits ? TickResult.Skipped : TickResult.Queued;
            },
            cancellationToken);
    }
}
