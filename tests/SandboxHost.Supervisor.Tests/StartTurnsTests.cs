using Microsoft.Extensions.Time.Testing;
using SandboxHost.Invocations;
using SandboxHost.Supervisor.Pools;
using SandboxHost.Supervisor.Workers;

namespace SandboxHost.Supervisor.Tests;

/// <summary>Whose process starts next.</summary>
public sealed class StartTurnsTests
{
    private readonly FakeTimeProvider _clock = new();

    [TimedFact]
    public async Task A_flood_of_one_site_lets_another_site_go_first()
    {
        using var metrics = new SupervisorMetrics();
        await using var turns = Turns(metrics);
        await turns.EnterAsync("flood", CancellationToken.None);
        await turns.EnterAsync("flood", CancellationToken.None);
        await turns.EnterAsync("some", CancellationToken.None);
        await turns.EnterAsync("some", CancellationToken.None);
        var waiting = Enumerable.Range(0, 10).Select(_ => turns.EnterAsync("flood", CancellationToken.None).AsTask()).ToList();
        var other = turns.EnterAsync("other", CancellationToken.None).AsTask();

        turns.Leave("flood");

        await other;
        Assert.DoesNotContain(waiting, one => one.IsCompleted);
        turns.Leave("other");
        // Among equals the one that came first.
        await waiting[0];
        Assert.DoesNotContain(waiting.Skip(1), one => one.IsCompleted);
    }

    [TimedFact]
    public async Task A_site_has_half_of_the_turns_and_another_one_the_rest_at_once()
    {
        using var metrics = new SupervisorMetrics();
        await using var turns = Turns(metrics);
        await turns.EnterAsync("flood", CancellationToken.None);
        await turns.EnterAsync("flood", CancellationToken.None);

        var third = turns.EnterAsync("flood", CancellationToken.None).AsTask();
        await turns.EnterAsync("other", CancellationToken.None);

        Assert.False(third.IsCompleted);
        turns.Leave("flood");
        await third;
    }

    [TimedFact]
    public async Task Who_gives_up_leaves_its_place_to_the_next()
    {
        using var metrics = new SupervisorMetrics();
        await using var turns = Turns(metrics);
        await turns.EnterAsync("a", CancellationToken.None);
        await turns.EnterAsync("a", CancellationToken.None);
        using var gone = new CancellationTokenSource();
        var leaver = turns.EnterAsync("a", gone.Token).AsTask();
        var stayer = turns.EnterAsync("a", CancellationToken.None).AsTask();

        await gone.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaver);
        turns.Leave("a");
        await stayer;
    }

    [TimedFact]
    public async Task A_host_that_stops_starts_nobody_any_more()
    {
        using var metrics = new SupervisorMetrics();
        var turns = Turns(metrics);
        await turns.EnterAsync("a", CancellationToken.None);
        await turns.EnterAsync("a", CancellationToken.None);
        var waiting = turns.EnterAsync("a", CancellationToken.None).AsTask();

        await turns.DisposeAsync();

        Assert.Equal(ErrorCode.HostShutdown, (await Assert.ThrowsAsync<WorkerStartException>(() => waiting)).Error.Code);
        turns.Leave("a");
        Assert.Equal(ErrorCode.HostShutdown, (await Assert.ThrowsAsync<WorkerStartException>(() => turns.EnterAsync("b", CancellationToken.None).AsTask())).Error.Code);
    }

    [TimedFact]
    public async Task A_site_above_its_rate_waits_and_another_does_not()
    {
        using var metrics = new SupervisorMetrics();
        await using var turns = Turns(metrics);
        await turns.RespectRateAsync("flood");
        await turns.RespectRateAsync("flood");
        var third = turns.RespectRateAsync("flood").AsTask();

        await turns.RespectRateAsync("other");
        Assert.False(third.IsCompleted);
        _clock.Advance(TimeSpan.FromMilliseconds(100));
        await third;
    }

    private StartTurns Turns(SupervisorMetrics metrics) => new(
        new SupervisorOptions
        {
            LinkDirectory = "/nowhere",
            Runtimes = [],
            WorkerEnvironment = new Dictionary<string, string>(),
            ConcurrentStarts = 4,
            SiteStartBurst = 2,
            SiteStartsPerSecond = 10,
        },
        metrics,
        _clock);
}
