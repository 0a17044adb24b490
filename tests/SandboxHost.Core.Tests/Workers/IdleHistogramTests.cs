using SandboxHost.Workers;

namespace SandboxHost.Core.Tests.Workers;

public sealed class IdleHistogramTests
{
    private static readonly TimeSpan TenMinutes = TimeSpan.FromMinutes(10);

    [TimedFact]
    public void A_function_that_is_called_every_half_hour_is_expected_then()
    {
        var window = Of(Enumerable.Repeat(30.5, 12)).Predict();

        Assert.Equal(new IdleWindow(TimeSpan.FromMinutes(27), TimeSpan.FromMinutes(34.1)), Rounded(window));
        Assert.Equal(IdleHistogram.Shortest, PoolPolicy.KeepAlive(window, TenMinutes));
        Assert.False(PoolPolicy.ShouldWarm(window, TimeSpan.FromMinutes(26), TenMinutes));
        Assert.True(PoolPolicy.ShouldWarm(window, TimeSpan.FromMinutes(27.5), TenMinutes));
        Assert.False(PoolPolicy.ShouldWarm(window, TimeSpan.FromMinutes(35), TenMinutes));
    }

    [TimedFact]
    public void A_function_that_is_called_every_few_minutes_keeps_its_worker_until_the_latest_of_them()
    {
        var window = Of(Enumerable.Range(0, 100).Select(i => i % 20 == 0 ? 14.0 : 2.0)).Predict();

        Assert.Equal(TimeSpan.FromMinutes(16.5), Rounded(window)!.Value.Latest);
        Assert.Equal(Rounded(window)!.Value.Latest, TimeSpan.FromSeconds(Math.Round(PoolPolicy.KeepAlive(window, TenMinutes).TotalSeconds)));
        Assert.False(PoolPolicy.ShouldWarm(window, TimeSpan.FromMinutes(5), TenMinutes));
    }

    [TimedFact]
    public void Nothing_is_expected_of_few_requests_or_of_any_length_or_of_hours()
    {
        Assert.Null(Of(Enumerable.Repeat(30.0, 9)).Predict());
        Assert.Null(Of(Enumerable.Range(1, 239).Select(minute => (double)minute)).Predict());
        Assert.Null(Of(Enumerable.Repeat(30.0, 10).Concat(Enumerable.Repeat(300.0, 11))).Predict());
        Assert.Equal(TenMinutes, PoolPolicy.KeepAlive(null, TenMinutes));
        Assert.False(PoolPolicy.ShouldWarm(null, TimeSpan.FromMinutes(30), TenMinutes));
    }

    [TimedFact]
    public void A_busy_function_says_nothing_about_idleness()
    {
        Assert.Null(Of(Enumerable.Repeat(0.5, 500)).Predict());
    }

    [TimedFact]
    public void A_new_habit_takes_the_place_of_an_old_one()
    {
        var histogram = Of(Enumerable.Repeat(30.0, 5000));

        for (var i = 0; i < 10_000; i++)
        {
            histogram.Record(TimeSpan.FromMinutes(100));
        }

        Assert.Equal(TimeSpan.FromMinutes(90), Rounded(histogram.Predict())!.Value.Earliest);
    }

    private static IdleHistogram Of(IEnumerable<double> minutes)
    {
        var histogram = new IdleHistogram();
        foreach (var each in minutes)
        {
            histogram.Record(TimeSpan.FromMinutes(each));
        }

        return histogram;
    }

    // Products of a margin are not whole.
    private static IdleWindow? Rounded(IdleWindow? window) => window is { } some
        ? new IdleWindow(TimeSpan.FromSeconds(Math.Round(some.Earliest.TotalSeconds)), TimeSpan.FromSeconds(Math.Round(some.Latest.TotalSeconds)))
        : null;
}
