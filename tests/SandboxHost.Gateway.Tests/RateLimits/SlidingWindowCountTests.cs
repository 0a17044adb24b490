using SandboxHost.Deployments;
using SandboxHost.Gateway.RateLimits;

namespace SandboxHost.Gateway.Tests.RateLimits;

public sealed class SlidingWindowCountTests
{
    private static readonly long Second = TimeSpan.FromSeconds(1).Ticks;

    [TimedTheory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(32)]
    [InlineData(33)]
    [InlineData(1000)]
    public void The_limit_passes_at_once_and_not_one_more(int limit)
    {
        var count = new SlidingWindowCount();

        Assert.Equal(limit, Enumerable.Range(0, limit + 50).Count(_ => count.Take(Rule(limit, 10), 5) is null));
        Assert.Equal(TimeSpan.FromSeconds(10), count.Take(Rule(limit, 10), 5));
    }

    [TimedFact]
    public void A_pass_leaves_exactly_one_window_after_it_came()
    {
        var (count, rule) = (new SlidingWindowCount(), Rule(2, 10));
        Assert.Null(count.Take(rule, 0));
        Assert.Null(count.Take(rule, 4 * Second));

        Assert.Equal(TimeSpan.FromTicks(1), count.Take(rule, (10 * Second) - 1));
        Assert.Null(count.Take(rule, 10 * Second));
        Assert.Equal(TimeSpan.FromSeconds(4), count.Take(rule, 10 * Second));
        Assert.Null(count.Take(rule, 14 * Second));
    }

    [TimedFact]
    public void What_is_refused_is_not_counted()
    {
        var (count, rule) = (new SlidingWindowCount(), Rule(1, 10));
        Assert.Null(count.Take(rule, 0));
        for (var now = 1; now < 10; now++)
        {
            Assert.NotNull(count.Take(rule, now * Second));
        }

        Assert.Null(count.Take(rule, 10 * Second));
    }

    [TimedFact]
    public void A_clock_that_two_threads_read_in_the_other_order_lets_nothing_more_pass()
    {
        var (count, rule) = (new SlidingWindowCount(), Rule(64, 32));
        long late = Second / 2;
        Assert.Null(count.Take(rule, late));
        for (var i = 1; i < 64; i++)
        {
            Assert.Null(count.Take(rule, late - i));
        }

        Assert.NotNull(count.Take(rule, late + (32 * Second) - 1));
        Assert.Null(count.Take(rule, late + (32 * Second)));
    }

    // The whole promise against a list of every pass: no window has more than the limit, and what is refused would have
    // made one that has, at most a thirty-second part of a window later.
    [TimedTheory]
    [InlineData(1, 10, 1)]
    [InlineData(5, 1, 2)]
    [InlineData(32, 180, 3)]
    [InlineData(33, 180, 4)]
    [InlineData(100, 60, 5)]
    [InlineData(1000, 7, 6)]
    public void In_no_window_do_more_than_the_limit_pass_and_hardly_fewer(int limit, int seconds, int seed)
    {
        var random = new Random(seed);
        var rule = Rule(limit, seconds);
        var count = new SlidingWindowCount();
        var slack = limit <= SlidingWindowCount.MaxGroups ? 0 : rule.Window.Ticks / SlidingWindowCount.MaxGroups;
        var passes = new List<long>();
        var refused = 0;
        var now = 0L;
        for (var i = 0; i < 30_000; i++)
        {
            // Now and then a pause; otherwise bursts and a stream, three times as many as may pass.
            now += random.Next(4 * limit) == 0
                ? (long)(2 * rule.Window.Ticks * random.NextDouble())
                : random.Next(3) == 0 ? (long)(2.0 * rule.Window.Ticks / limit * random.NextDouble()) : 0;
            if (count.Take(rule, now) is { } wait)
            {
                refused++;
                Assert.True(CountAfter(passes, now - rule.Window.Ticks - slack) >= limit, $"{i}: refused with too few in the window");
                Assert.InRange(wait.Ticks, 1, rule.Window.Ticks);
                continue;
            }

            passes.Add(now);
            Assert.True(CountAfter(passes, now - rule.Window.Ticks) <= limit, $"{i}: more than {limit} in a window");
        }

        Assert.InRange(refused, 1000, 29_000);
    }

    [TimedTheory]
    [InlineData(3)]
    [InlineData(500)]
    public void Who_waits_as_long_as_told_passes(int limit)
    {
        var (random, rule, count) = (new Random(7), Rule(limit, 60), new SlidingWindowCount());
        var now = 0L;
        for (var i = 0; i < 2000; i++)
        {
            now += (long)(rule.Window.Ticks / limit * random.NextDouble());
            if (count.Take(rule, now) is { } wait)
            {
                Assert.NotNull(count.Take(rule, now + wait.Ticks - 1));
                now += wait.Ticks;
                Assert.Null(count.Take(rule, now));
            }
        }
    }

    [TimedFact]
    public void It_is_over_when_nothing_is_counted_any_more()
    {
        var (count, rule) = (new SlidingWindowCount(), Rule(2, 10));
        count.Take(rule, 0);
        count.Take(rule, 3 * Second);

        Assert.False(count.IsOver(rule, (13 * Second) - 1));
        Assert.True(count.IsOver(rule, 13 * Second));
    }

    private static int CountAfter(List<long> passes, long after)
    {
        var index = passes.Count;
        while (index > 0 && passes[index - 1] > after)
        {
            index--;
        }

        return passes.Count - index;
    }

    private static RateLimitRule Rule(int limit, int seconds) => new(limit, TimeSpan.FromSeconds(seconds), RateLimitKeys.Domain, null);
}
