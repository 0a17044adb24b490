using SandboxHost.Workers;

namespace SandboxHost.Tests.Workers;

public sealed class PlaceholderDemandTests
{
    [TimedFact]
    public void Without_demand_the_least_stands_ready() => Assert.Equal(2, new PlaceholderDemand(2, 8).CountAt(TimeSpan.FromDays(1)));

    [TimedFact]
    public void A_burst_is_prepared_for_until_it_is_a_minute_old()
    {
        var demand = new PlaceholderDemand(2, 8);
        Want(demand, 5, atSecond: 100);

        Assert.Equal(5, demand.CountAt(TimeSpan.FromSeconds(100.9)));
        Assert.Equal(5, demand.CountAt(TimeSpan.FromSeconds(159.9)));
        Assert.Equal(2, demand.CountAt(TimeSpan.FromSeconds(160)));
    }

    [TimedFact]
    public void The_greatest_second_counts_and_not_the_sum_of_them()
    {
        var demand = new PlaceholderDemand(1, 4);
        for (var second = 0; second < 120; second++)
        {
            Want(demand, second % 2 == 0 ? 3 : 1, second);
        }

        Assert.Equal(3, demand.CountAt(TimeSpan.FromSeconds(120)));
    }

    [TimedTheory]
    [InlineData(2, 8)]
    [InlineData(2, 2)]
    [InlineData(0, 0)]
    public void No_burst_has_more_stand_ready_than_the_most(int least, int most)
    {
        var demand = new PlaceholderDemand(least, most);
        Want(demand, 1000, atSecond: 7);

        Assert.Equal(most, demand.CountAt(TimeSpan.FromSeconds(8)));
    }

    [TimedFact]
    public void What_is_long_past_is_forgotten_at_once()
    {
        var demand = new PlaceholderDemand(2, 8);
        Want(demand, 6, atSecond: 1);

        Assert.Equal(2, demand.CountAt(TimeSpan.FromDays(365)));
    }

    private static void Want(PlaceholderDemand demand, int times, double atSecond)
    {
        for (var i = 0; i < times; i++)
        {
            demand.Want(TimeSpan.FromSeconds(atSecond));
        }
    }
}
