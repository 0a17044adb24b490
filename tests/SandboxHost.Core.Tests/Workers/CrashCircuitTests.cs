using SandboxHost.Workers;

namespace SandboxHost.Tests.Workers;

public sealed class CrashCircuitTests
{
    private readonly CrashCircuit _circuit = new();
    private TimeSpan _now = TimeSpan.FromHours(1);

    [TimedFact]
    public void Four_deaths_in_a_minute_are_borne_and_the_fifth_is_not()
    {
        Assert.Equal([null, null, null, null, Seconds(1)], Enumerable.Range(0, 5).Select(_ => Die()));
        Assert.Equal(Seconds(1), _circuit.RefusedFor(_now));
        Assert.Null(_circuit.RefusedFor(_now + Seconds(1)));
    }

    [TimedFact]
    public void Deaths_that_are_a_minute_apart_from_the_fifth_do_not_count()
    {
        for (var i = 0; i < 40; i++)
        {
            _now += Seconds(15);
            Assert.Null(Die());
        }
    }

    [TimedFact]
    public void Each_death_after_a_pause_doubles_it_up_to_a_minute()
    {
        Enumerable.Range(0, 5).ToList().ForEach(_ => Die());
        var pauses = new List<TimeSpan?>();
        for (var i = 0; i < 7; i++)
        {
            _now += _circuit.RefusedFor(_now) ?? Seconds(0);
            pauses.Add(Die());
        }

        Assert.Equal([2, 4, 8, 16, 32, 60, 60], pauses.Select(pause => pause!.Value.TotalSeconds));
    }

    [TimedFact]
    public void Deaths_during_a_pause_change_nothing()
    {
        Enumerable.Range(0, 5).ToList().ForEach(_ => Die());
        var rest = _circuit.RefusedFor(_now);

        Assert.Null(Die());
        Assert.Equal(rest, _circuit.RefusedFor(_now));
    }

    [TimedFact]
    public void A_minute_without_a_death_and_all_is_forgotten()
    {
        Enumerable.Range(0, 5).ToList().ForEach(_ => Die());
        _now += Seconds(1) + CrashCircuit.Window;

        Assert.Equal([null, null, null, null, Seconds(1)], Enumerable.Range(0, 5).Select(_ => Die()));
    }

    [TimedFact]
    public void A_function_that_answers_between_its_deaths_is_in_no_loop()
    {
        for (var i = 0; i < 100; i++)
        {
            Enumerable.Range(0, CrashCircuit.AnswersThatForgive).ToList().ForEach(_ => _circuit.OnAnswer());
            Assert.Null(Die());
        }

        Enumerable.Range(0, CrashCircuit.AnswersThatForgive - 1).ToList().ForEach(_ => _circuit.OnAnswer());
        Assert.Equal([null, null, null, null, Seconds(1)], Enumerable.Range(0, 5).Select(_ => Die()));
    }

    private static TimeSpan Seconds(int count) => TimeSpan.FromSeconds(count);

    private TimeSpan? Die() => _circuit.OnDeath(_now);
}
