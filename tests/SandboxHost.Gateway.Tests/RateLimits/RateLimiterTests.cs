using System.Buffers.Binary;
using System.Net;
using Microsoft.Extensions.Time.Testing;
using SandboxHost.Deployments;
using SandboxHost.Gateway.RateLimits;

namespace SandboxHost.Gateway.Tests.RateLimits;

public sealed class RateLimiterTests
{
    private static readonly RateLimitScope Scope = new("site", "function");
    private static readonly IPAddress One = IPAddress.Parse("192.0.2.1");
    private static readonly IPAddress Two = IPAddress.Parse("192.0.2.2");

    private readonly FakeTimeProvider _clock = new();
    private readonly RateLimiter _limiter;

    public RateLimiterTests() => _limiter = new RateLimiter(_clock);

    [TimedFact]
    public void By_domain_all_clients_count_together_and_each_domain_alone()
    {
        var rule = Rule(RateLimitKeys.Domain);

        Assert.True(Passes(rule, One));
        Assert.False(Passes(rule, Two));
        Assert.True(Passes(rule, Two, host: "other"));
    }

    [TimedFact]
    public void By_address_each_client_counts_alone_whatever_the_domain()
    {
        var rule = Rule(RateLimitKeys.Ip);

        Assert.True(Passes(rule, One));
        Assert.True(Passes(rule, Two));
        Assert.False(Passes(rule, One, host: "other"));
    }

    [TimedFact]
    public void By_both_each_client_counts_alone_at_each_domain()
    {
        var rule = Rule(RateLimitKeys.Ip | RateLimitKeys.Domain);

        Assert.True(Passes(rule, One));
        Assert.True(Passes(rule, Two));
        Assert.True(Passes(rule, One, host: "other"));
        Assert.False(Passes(rule, One));
    }

    [TimedTheory]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", false)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:3::1", true)]
    [InlineData("::ffff:192.0.2.1", "192.0.2.1", false)]
    [InlineData("192.0.2.1", "192.0.2.2", true)]
    [InlineData("::1", "0.0.0.1", true)]
    public void An_ipv6_client_is_its_64(string first, string second, bool areTwo)
    {
        var rule = Rule(RateLimitKeys.Ip);

        Assert.True(Passes(rule, IPAddress.Parse(first)));
        Assert.Equal(areTwo, Passes(rule, IPAddress.Parse(second)));
    }

    [TimedFact]
    public void Functions_and_sites_and_rules_count_alone()
    {
        var rule = Rule(RateLimitKeys.Domain);
        Assert.True(Passes(rule, One));

        Assert.Null(_limiter.Take(rule, Scope with { Name = "other" }, "h", One));
        Assert.Null(_limiter.Take(rule, Scope with { SiteId = "other" }, "h", One));
        Assert.Null(_limiter.Take(rule with { Window = TimeSpan.FromSeconds(9) }, Scope, "h", One));
    }

    [TimedFact]
    public void An_equal_rule_goes_on_with_the_count_of_the_one_before()
    {
        Assert.True(Passes(Rule(RateLimitKeys.Domain), One));
        Assert.False(Passes(Rule(RateLimitKeys.Domain), One));
    }

    [TimedFact]
    public void A_flood_from_ever_new_addresses_needs_no_more_memory_than_the_bound()
    {
        var rule = Rule(RateLimitKeys.Ip);
        var passed = 0;
        for (uint i = 0; i < 4 * RateLimiter.MaxKeys; i++)
        {
            passed += Passes(rule, Address(0x2001_0db8, i)) ? 1 : 0;
        }

        Assert.InRange(_limiter.Count, RateLimiter.MaxKeys / 2, RateLimiter.MaxKeys + 256);
        // Those that found room, and one for all the others: they have one /32.
        Assert.InRange(passed, RateLimiter.MaxKeys / 2, RateLimiter.MaxKeys + 1);
    }

    [TimedFact]
    public void A_flood_shuts_out_neither_who_was_there_nor_who_comes_from_elsewhere()
    {
        var rule = Rule(RateLimitKeys.Ip, limit: 2);
        Assert.True(Passes(rule, One));
        Flood(rule);

        Assert.True(Passes(rule, One));
        Assert.False(Passes(rule, One));
        var elsewhere = Enumerable.Range(0, 200).Count(i => Passes(rule, IPAddress.Parse($"10.{i}.0.1")));
        Assert.InRange(elsewhere, 150, 200);
        Assert.DoesNotContain(true, Enumerable.Range(0, 100).Select(i => Passes(rule, Address(0x2001_0db8, 0xffff_0000u + (uint)i))));
    }

    [TimedFact]
    public void A_flood_from_everywhere_gets_through_a_bounded_number_of_times()
    {
        var rule = Rule(RateLimitKeys.Ip, limit: 2);
        Flood(rule);
        var random = new Random(1);

        var passed = Enumerable.Range(0, 100_000).Count(_ => Passes(rule, new IPAddress(random.NextInt64(1, uint.MaxValue))));

        Assert.InRange(passed, 256, 2 * 256);
    }

    [TimedFact]
    public void When_the_flood_is_over_there_is_room_again()
    {
        var rule = Rule(RateLimitKeys.Ip);
        Flood(rule);
        _clock.Advance(TimeSpan.FromSeconds(11));

        Assert.All(Enumerable.Range(0, 1000), i => Assert.True(Passes(rule, Address(0x2001_0db9, (uint)i))));
        Assert.InRange(_limiter.Count, 1000, RateLimiter.MaxKeys + 256);
        _clock.Advance(TimeSpan.FromSeconds(11));
        for (uint i = 0; i < RateLimiter.MaxKeys / 2; i++)
        {
            Passes(rule, Address(0x2001_0dba, i));
        }

        Assert.InRange(_limiter.Count, RateLimiter.MaxKeys / 2, (RateLimiter.MaxKeys / 2) + 2000);
    }

    [TimedFact]
    public async Task Many_at_once_pass_as_often_as_the_limit_says()
    {
        var rule = Rule(RateLimitKeys.Domain, limit: 1000);
        var passed = 0;

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < 1000; i++)
            {
                if (Passes(rule, One))
                {
                    Interlocked.Increment(ref passed);
                }
            }
        })));

        Assert.Equal(1000, passed);
    }

    private void Flood(RateLimitRule rule)
    {
        for (uint i = 0; i < 2 * RateLimiter.MaxKeys; i++)
        {
            Passes(rule, Address(0x2001_0db8, i));
        }
    }

    private bool Passes(RateLimitRule rule, IPAddress client, string host = "h") => _limiter.Take(rule, Scope, host, client) is null;

    private static RateLimitRule Rule(RateLimitKeys keys, int limit = 1) => new(limit, TimeSpan.FromSeconds(10), keys, null);

    private static IPAddress Address(uint provider, uint subscriber)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, provider);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], subscriber);
        return new IPAddress(bytes);
    }
}
