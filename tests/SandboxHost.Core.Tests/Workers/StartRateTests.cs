using SandboxHost.Workers;

namespace SandboxHost.Tests.Workers;

public sealed class StartRateTests
{
    private static readonly TimeSpan Now = TimeSpan.FromHours(1);

    [TimedFact]
    public void A_burst_goes_at_once_and_the_rest_at_the_rate()
    {
        var rate = new StartRate(burst: 3, perSecond: 10);

        Assert.Equal([0, 0, 0, 100, 200, 300], Enumerable.Range(0, 6).Select(_ => rate.Take(Now).TotalMilliseconds));
    }

    [TimedFact]
    public void Time_fills_it_again_and_never_over_the_burst()
    {
        var rate = new StartRate(burst: 2, perSecond: 10);
        Enumerable.Range(0, 4).ToList().ForEach(_ => rate.Take(Now));
        Assert.False(rate.IsFull(Now));

        var later = Now + TimeSpan.FromHours(1);

        Assert.True(rate.IsFull(later));
        Assert.Equal([0, 0, 100], Enumerable.Range(0, 3).Select(_ => rate.Take(later).TotalMilliseconds));
    }
}
