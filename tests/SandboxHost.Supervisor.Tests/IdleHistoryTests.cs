using Microsoft.Extensions.Time.Testing;
using SandboxHost.Supervisor.Pools;
using SandboxHost.Workers;

namespace SandboxHost.Supervisor.Tests;

public sealed class IdleHistoryTests
{
    private static readonly TimeSpan Usual = TimeSpan.FromMinutes(10);

    private readonly FakeTimeProvider _clock = new();

    [TimedFact]
    public void A_worker_that_was_started_early_waits_until_its_request_is_no_longer_likely()
    {
        var history = HalfHourly();

        _clock.Advance(TimeSpan.FromMinutes(26));
        Assert.Equal((IdleHistogram.Shortest, false), (history.KeepAlive, history.TakeWarmUp()));
        _clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal((true, false), (history.TakeWarmUp(), history.TakeWarmUp()));
        Assert.Equal(TimeSpan.MaxValue, history.KeepAlive);

        _clock.Advance(TimeSpan.FromMinutes(7));
        Assert.Equal((IdleHistogram.Shortest, false), (history.KeepAlive, history.TakeWarmUp()));
    }

    [TimedFact]
    public void The_next_version_knows_what_the_last_one_knew()
    {
        var history = HalfHourly();
        _clock.Advance(TimeSpan.FromMinutes(28));

        Assert.True(history.Copy().TakeWarmUp());
    }

    [TimedFact]
    public void Nothing_is_expected_while_a_request_runs()
    {
        var history = HalfHourly();
        _clock.Advance(TimeSpan.FromMinutes(28));

        history.OnRequest();

        Assert.False(history.TakeWarmUp());
    }

    /// <summary>Idle since now, after a dozen requests of which each came half an hour after the one before.</summary>
    private IdleHistory HalfHourly()
    {
        var history = new IdleHistory(_clock, Usual);
        for (var i = 0; i < 12; i++)
        {
            history.OnIdle();
            _clock.Advance(TimeSpan.FromMinutes(30));
            history.OnRequest();
        }

        history.OnIdle();
        return history;
    }
}
