using System.Collections.Concurrent;
using SandboxHost.Invocations;

namespace SandboxHost.Tests.Invocations;

public sealed class RequestIdTests
{
    [TimedFact]
    public void An_id_is_26_characters_of_crockfords_alphabet() =>
        Assert.Matches("^[0-7][0-9A-HJKMNP-TV-Z]{25}$", RequestId.Create(DateTimeOffset.UtcNow));

    [TimedFact]
    public void The_time_is_where_the_ulid_specification_has_it() =>
        Assert.StartsWith("01ARYZ6S41", RequestId.Create(DateTimeOffset.FromUnixTimeMilliseconds(1469918176385)), StringComparison.Ordinal);

    [TimedFact]
    public void Ids_sort_by_time()
    {
        var start = DateTimeOffset.UnixEpoch.AddYears(50);
        string[] ids = [.. Enumerable.Range(0, 1000).Select(i => RequestId.Create(start.AddMilliseconds(i * 37)))];

        Assert.Equal(ids.Order(StringComparer.Ordinal), ids);
    }

    [TimedFact]
    public void Ids_of_the_same_moment_made_in_parallel_all_differ()
    {
        var ids = new ConcurrentDictionary<string, bool>();
        var now = DateTimeOffset.UtcNow;

        Parallel.For(0, 200_000, _ => Assert.True(ids.TryAdd(RequestId.Create(now), true)));
    }

    [TimedFact]
    public void Every_random_character_takes_every_value()
    {
        string[] ids = [.. Enumerable.Range(0, 2000).Select(_ => RequestId.Create(DateTimeOffset.UnixEpoch))];

        Assert.All(Enumerable.Range(10, 16), at => Assert.Equal(32, ids.Select(id => id[at]).Distinct().Count()));
    }
}
