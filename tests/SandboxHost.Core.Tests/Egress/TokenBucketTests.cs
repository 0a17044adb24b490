using Microsoft.Extensions.Time.Testing;
using SandboxHost.Egress;

namespace SandboxHost.Tests.Egress;

public sealed class TokenBucketTests
{
    private readonly FakeTimeProvider _time = new();

    [TimedFact]
    public void It_starts_full_and_fills_evenly()
    {
        var bucket = new TokenBucket(2, 3, _time);
        Assert.Equal([true, true, true, false], Enumerable.Range(0, 4).Select(_ => bucket.TryTake()));

        _time.Advance(TimeSpan.FromSeconds(0.4));
        Assert.False(bucket.TryTake());
        _time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.True(bucket.TryTake());
        Assert.False(bucket.TryTake());
    }

    [TimedFact]
    public void It_holds_no_more_than_its_burst()
    {
        var bucket = new TokenBucket(1000, 2, _time);
        _time.Advance(TimeSpan.FromDays(1));

        Assert.Equal([true, true, false], Enumerable.Range(0, 3).Select(_ => bucket.TryTake()));
    }

    [TimedFact]
    public void What_was_taken_too_much_is_waited_for()
    {
        var bucket = new TokenBucket(100, 50, _time);

        Assert.Equal(TimeSpan.Zero, bucket.Take(50));
        Assert.Equal(TimeSpan.FromSeconds(1), bucket.Take(100));
        Assert.Equal(TimeSpan.FromSeconds(2), bucket.Take(100));
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(TimeSpan.Zero, bucket.Take(0));
    }

    [TimedFact]
    public void In_the_long_run_no_more_pass_than_the_rate_says()
    {
        var bucket = new TokenBucket(20, 200, _time);
        var passed = 0;
        for (var step = 0; step < 10_000; step++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(10));
            passed += Enumerable.Range(0, 5).Count(_ => bucket.TryTake());
        }

        Assert.InRange(passed, 2000, 2200);
    }

    [TimedFact]
    public void It_is_full_again_after_a_rest()
    {
        var bucket = new TokenBucket(1, 2, _time);
        Assert.True(bucket.IsFull);
        bucket.TryTake();
        Assert.False(bucket.IsFull);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(bucket.IsFull);
    }

    [TimedTheory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    public void A_bucket_that_never_fills_is_a_mistake(double perSecond, double burst) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new TokenBucket(perSecond, burst, _time));
}
