using System.Diagnostics;
using System.Net;

namespace SandboxHost.Chaos.Hostile;

/// <summary>Functions that start, leave behind, signal and end processes. Numbers are those of docs/threat-model.md.</summary>
[Collection(nameof(HostileCases))]
public sealed class ProcessTests(HostileHost hostile)
{
    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_1_a_fork_bomb_is_refused_more_processes_and_ends_with_its_call() => hostile.RunAsync("fork-bomb", async attack =>
    {
        var asking = attack.AskAsync();
        await attack.WaitForLineAsync("refused with EAGAIN");
        await Attack.MustFailAsync(asking, HttpStatusCode.GatewayTimeout, "timeout");

        // Two placeholders and the neighbour have a bubblewrap and a runner each, and one more may be on its way.
        var took = await Eventually.TrueAsync(
            () => Leftovers.WorkerProcesses(attack.Host.Instance).Count < 12, TimeSpan.FromSeconds(5), "the processes of the bomb are gone");
        Assert.InRange(took.TotalSeconds, 0, 1);
    });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_5_open_files_end_at_the_limit_and_are_the_functions_own() => hostile.RunAsync("descriptors", async attack =>
    {
        var before = HostState.DescriptorsOf(attack.Host);
        var seen = await attack.AskForJsonAsync();

        Assert.Equal("EMFILE", seen.GetProperty("code").GetString());
        Assert.InRange(seen.GetProperty("opened").GetInt32(), 900, 1024);
        // A worker and a client more, and what the neighbour's load and a start that is under way have open: no share of the function's thousand.
        Assert.InRange(HostState.DescriptorsOf(attack.Host) - before, -100, 100);
        Assert.Equal("calm", await attack.AskForTextAsync("calm"));
    }, repeats: false);

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_11_a_worker_that_ignores_signals_and_will_not_leave_is_killed_after_its_grace() => hostile.RunAsync("will-not-go", async attack =>
    {
        Assert.Equal("here to stay", await attack.AskForTextAsync());
        await attack.MustAnswerAsync(TimeSpan.FromSeconds(2));

        // It is asked to go when it has been idle for a second or two. Its runner says goodbye, and then has two seconds to exit.
        var watch = Stopwatch.StartNew();
        await Eventually.TrueAsync(() => HostState.Of(attack.Host).Sandboxes == 4, TimeSpan.FromSeconds(5), "it stands beside the neighbour's and two placeholders");
        await Eventually.TrueAsync(() => HostState.Of(attack.Host).Sandboxes <= 3, TimeSpan.FromSeconds(15), "it is gone");
        Assert.InRange(watch.Elapsed.TotalSeconds, 2, 6);
    });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_12_daemons_die_with_their_worker() => hostile.RunAsync("daemons", async attack =>
    {
        var before = Leftovers.WorkerProcesses(attack.Host.Instance).Count;
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal("left", await attack.AskForTextAsync());
        }

        // That they are gone afterwards is what is looked at after every case.
        Assert.InRange(Leftovers.WorkerProcesses(attack.Host.Instance).Count - before, 3, 20);
    });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_13_orphans_that_end_are_reaped() => hostile.RunAsync("zombies", async attack =>
    {
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal("made", await attack.AskForTextAsync());
        }

        var left = (-1, -1);
        await Eventually.TrueAsync(
            async () =>
            {
                var seen = await attack.AskForJsonAsync("count");
                left = (seen.GetProperty("zombies").GetInt32(), seen.GetProperty("processes").GetInt32());
                return left is (0, <= 3);
            },
            TimeSpan.FromSeconds(5), $"no zombies are left");
    });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_15_garbage_in_every_descriptor_ends_the_worker_only() => hostile.RunAsync("garbage", async attack =>
    {
        // A POST that its function has seen is not repeated on another worker.
        using var reply = await attack.Client.PostAsync(attack.Path(), null);

        Assert.Equal(HttpStatusCode.BadGateway, reply.StatusCode);
    }, repeats: false);

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_15_closed_standard_streams_harm_nobody() => hostile.RunAsync("garbage", async attack =>
        Assert.Equal("closed", await attack.AskForTextAsync("close")), repeats: false);

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_19_signals_reach_nothing_outside() => hostile.RunAsync("signals", async attack =>
    {
        using var reply = await attack.AskAsync($"host={attack.Host.Id}");
        var text = await reply.Content.ReadAsStringAsync();

        // A SIGTERM to all of its own may end it before it answers.
        if (reply.StatusCode == HttpStatusCode.OK)
        {
            Assert.Contains("\"host\":\"ESRCH\"", text);
        }
        else
        {
            Assert.Contains("worker_exited", text);
        }
    });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_53_the_parent_is_the_init_of_its_own_namespace_and_takes_no_signal() => hostile.RunAsync("signals", async attack =>
        Assert.Equal(1, (await attack.AskForJsonAsync("parent")).GetProperty("parent").GetInt32()));

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_53_a_worker_that_stops_itself_is_killed_at_its_limit() => hostile.RunAsync("signals", async attack =>
        await attack.MustFailAsync("stop", HttpStatusCode.GatewayTimeout, "timeout"));
}
