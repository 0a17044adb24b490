using SandboxHost.Deployments;
using SandboxHost.Sites.Config;

namespace SandboxHost.Sites.Tests.Config;

/// <summary>Reference §7.</summary>
public sealed class RateLimitReaderTests
{
    [TimedFact]
    public void No_rule_is_no_rule()
    {
        Assert.Null(RateLimitReader.Read(null, Unexpected));
    }

    [TimedTheory]
    [InlineData(null, RateLimitKeys.Domain)]
    [InlineData("ip", RateLimitKeys.Ip)]
    [InlineData("domain", RateLimitKeys.Domain)]
    public void A_lone_key_counts(string? key, RateLimitKeys keys) =>
        Assert.Equal(keys, RateLimitReader.Read(Rule(("aggregateBy", key)), Unexpected)!.Keys);

    [TimedFact]
    public void Several_keys_combine()
    {
        List<object?> both = ["ip", "domain"], none = [];

        Assert.Equal(RateLimitKeys.Domain | RateLimitKeys.Ip, RateLimitReader.Read(Rule(("aggregateBy", both)), Unexpected)!.Keys);
        Assert.Equal(RateLimitKeys.Domain, RateLimitReader.Read(Rule(("aggregateBy", none)), Unexpected)!.Keys);
    }

    [TimedFact]
    public void A_rewrite_has_its_target()
    {
        var rule = RateLimitReader.Read(Rule(("action", "rewrite"), ("to", "/busy"), ("algorithm", "sliding_window")), Unexpected);

        Assert.Equal(new RateLimitRule(60, TimeSpan.FromSeconds(50), RateLimitKeys.Domain, "/busy"), rule);
    }

    [TimedTheory]
    [InlineData("windowSize", 181.0, "windowSize '181' is not a number of seconds from 1 to 180")]
    [InlineData("windowSize", 0.0, "windowSize '0' is not a number of seconds from 1 to 180")]
    [InlineData("windowSize", "60", null)]
    [InlineData("windowSize", null, "windowSize 'null' is not a number of seconds from 1 to 180")]
    [InlineData("windowLimit", 0.5, "windowLimit '0.5' is not a whole number of requests, 1 or more")]
    [InlineData("windowLimit", 1e300, "windowLimit '1E+300' is not a whole number of requests, 1 or more")]
    [InlineData("windowLimit", double.NaN, "windowLimit 'NaN' is not a whole number of requests, 1 or more")]
    [InlineData("aggregateBy", "country", "aggregateBy 'country' is not \"ip\", \"domain\" or a list of them")]
    [InlineData("action", "ban", "action 'ban' is not rate_limit or rewrite")]
    [InlineData("action", "rewrite", "to 'null' is not a path, which the action rewrite needs")]
    [InlineData("algorithm", "token_bucket", "algorithm 'token_bucket' is not sliding_window")]
    public void A_mistake_is_told_and_there_is_no_limit(string name, object? value, string? text)
    {
        var warnings = new List<string>();

        Assert.Null(RateLimitReader.Read(Rule((name, value)), warnings.Add));
        Assert.Equal(text is null ? Assert.Single(warnings) : text + "; the function has no rate limit", Assert.Single(warnings));
    }

    [TimedFact]
    public void What_does_not_count_is_told_and_the_limit_holds()
    {
        var warnings = new List<string>();

        Assert.NotNull(RateLimitReader.Read(Rule(("to", "/busy"), ("window_size", 5.0)), warnings.Add));
        Assert.Equal(["'window_size' is not known here; did you mean 'windowSize'?", "to does not count without the action rewrite"], warnings);
    }

    private static void Unexpected(string warning) => Assert.Fail(warning);

    private static Dictionary<string, object?> Rule(params (string Name, object? Value)[] values)
    {
        var rule = new Dictionary<string, object?> { ["windowSize"] = 50.0, ["windowLimit"] = 60.0 };
        foreach (var (name, value) in values)
        {
            rule[name] = value;
        }

        return rule;
    }
}
