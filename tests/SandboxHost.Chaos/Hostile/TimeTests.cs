using System.Diagnostics;
using System.Net;

namespace SandboxHost.Chaos.Hostile;

/// <summary>Functions that take their time, and everybody's. Numbers are those of docs/threat-model.md.</summary>
[Collection(nameof(HostileCases))]
public sealed class TimeTests(HostileHost hostile)
{
    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_8_a_loop_without_end_has_its_time_and_is_killed_right_after() => hostile.RunAsync("block", attack => MustBeKilledAtTheLimitAsync(attack, "loop"));

    [Theory(Timeout = HostileHost.CaseMilliseconds)]
    [InlineData("regex")]
    [InlineData("wait")]
    [InlineData("json")]
    public Task Case_9_what_blocks_in_other_ways_is_killed_like_a_loop(string how) => hostile.RunAsync("block", attack => MustBeKilledAtTheLimitAsync(attack, how));

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_10_a_call_that_never_ends_lets_the_others_on_its_worker_finish() => hostile.RunAsync("never-ends", async attack =>
    {
        Assert.Equal("calm", await attack.AskForTextAsync("calm"));
        var offender = attack.MustFailAsync("", HttpStatusCode.GatewayTimeout, "timeout");
        var others = new List<Task<string>>();
        while (!offender.IsCompleted)
        {
            others.Add(attack.AskForTextAsync("ms=400"));
            await Task.WhenAny(offender, others[^1]);
        }

        await offender;
        Assert.All(await Task.WhenAll(others), text => Assert.Equal("late", text));
    });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_44_what_a_call_leaves_behind_costs_the_next_one_its_time_and_no_more() => hostile.RunAsync("time-bomb", async attack =>
    {
        for (var i = 1; i <= 3; i++)
        {
            Assert.Equal($"{i}", await attack.AskForTextAsync());
        }

        // One that comes in the same moment may still be served.
        using var reply = await attack.AskAsync();
        if (reply.StatusCode == HttpStatusCode.OK)
        {
            await attack.MustFailAsync("", HttpStatusCode.GatewayTimeout, "timeout");
        }

        Assert.Equal("1", await attack.AskForTextAsync());
    });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_50_recursion_that_hides_ends_at_the_functions_own_workers() => hostile.RunAsync("recursion", async attack =>
    {
        using var reply = await attack.AskAsync();
        var text = await reply.Content.ReadAsStringAsync();

        Assert.True(text.Contains("overloaded", StringComparison.Ordinal) || text.Contains("timeout", StringComparison.Ordinal), text);
    });

    private static async Task MustBeKilledAtTheLimitAsync(Attack attack, string how)
    {
        Assert.Equal("calm", await attack.AskForTextAsync("calm"));
        var watch = Stopwatch.StartNew();
        await attack.MustFailAsync($"how={how}", HttpStatusCode.GatewayTimeout, "timeout");
        Assert.InRange(watch.Elapsed.TotalSeconds, 1.4, 2.2);

        // SupervisorOptions.BlockedLoopGrace, and 100 ms.
        await attack.WaitForLineAsync("its event loop was blocked");
        Assert.InRange(watch.Elapsed.TotalSeconds, 1.7, 2.6);
    }
}
