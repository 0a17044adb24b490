using SandboxHost.Routing.Rules;

namespace SandboxHost.Tests.Routing.Rules;

public sealed class HeaderTableTests
{
    [TimedTheory]
    [InlineData("/*", "/", true)]
    [InlineData("/*", "/a/b", true)]
    [InlineData("/a/*", "/a", true)]
    [InlineData("/a/*", "/ab", false)]
    [InlineData("/A/b", "/a/B/", true)]
    [InlineData("/:x/b", "/a/b", true)]
    [InlineData("/:x", "/a/b", false)]
    [InlineData("/*.js", "/lib/deep/a.js", true)]
    [InlineData("/*.js", "/a.json", false)]
    [InlineData("/img*/:x", "/img-small/y", true)]
    [InlineData("/é", "/%C3%A9", true)]
    public void A_rule_covers_paths_in_any_case(string pattern, string path, bool covers) =>
        Assert.Equal(covers, new HeaderTable([Rule(pattern)]).Find(path).Any());

    [TimedFact]
    public void All_rules_that_cover_a_path_apply_in_order() =>
        Assert.Equal(["/*", "/a/*", "/a/b"], new HeaderTable([Rule("/*"), Rule("/c"), Rule("/a/*"), Rule("/a/b")]).Find("/a/b").Select(rule => rule.For.Text));

    [TimedFact]
    public void Ten_thousand_rules_cost_a_miss_no_more_than_ten()
    {
        Assert.Equal(StepsOfMiss(10), StepsOfMiss(HeaderTable.MaxRules));

        static int StepsOfMiss(int count)
        {
            var steps = 0;
            Assert.Empty(new HeaderTable([.. Enumerable.Range(0, count).Select(i => Rule($"/a/{i}/*"))]).Find("/a/nothing/here", ref steps));
            return steps;
        }
    }

    private static HeaderRule Rule(string pattern) => new(RulePattern.Parse(pattern, RuleDialect.Headers), [KeyValuePair.Create("X", "y")]);
}
