using SandboxHost.Workers;

namespace SandboxHost.Tests.Workers;

public sealed class PoolPolicyTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [TimedTheory]
    [InlineData(1, 0, 0, true)]
    [InlineData(0, 0, 0, false)]
    [InlineData(1000, 1, 0, false)]
    [InlineData(1, 0, 7, true)]
    [InlineData(1, 0, 8, false)]
    [InlineData(1, 0, 9, false)]
    public void A_pool_grows_by_one_while_somebody_waits_and_nobody_is_on_the_way(int waiting, int starting, int live, bool starts) =>
        Assert.Equal(starts, PoolPolicy.ShouldStart(new PoolState(waiting, starting, live), maxWorkers: 8));

    [TimedFact]
    public void An_idle_worker_freezes_at_the_moment_it_should()
    {
        Assert.False(PoolPolicy.ShouldFreeze(Second - TimeSpan.FromTicks(1), Second));
        Assert.True(PoolPolicy.ShouldFreeze(Second, Second));
    }

    [TimedFact]
    public void A_worker_retires_when_idle_too_long_or_out_of_date()
    {
        Assert.False(PoolPolicy.ShouldRetire(TimeSpan.Zero, Second, isCurrent: true));
        Assert.True(PoolPolicy.ShouldRetire(Second, Second, isCurrent: true));
        Assert.True(PoolPolicy.ShouldRetire(TimeSpan.Zero, Second, isCurrent: false));
    }

    [TimedTheory]
    [InlineData(1000, 100, 800)]
    [InlineData(1000, 600, 800)]
    [InlineData(1000, 900, 950)]
    public void A_worker_may_hold_four_fifths_of_its_memory_or_more_if_it_needed_much_from_the_beginning(long limit, long first, long mark) =>
        Assert.Equal(mark, PoolPolicy.MemoryMark(limit, first));
}
