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

    [TimedTheory]
    [InlineData("/*b/*/c", "/abab/c", true)]
    [InlineData("/*b/*/c", "/aba/c", false)]
    [InlineData("/a*/*", "/abc", true)]
    [InlineData("/**", "/", true)]
    [InlineData("/*a*/:x/*.js", "/xay/b/c/d.js", true)]
    [InlineData("/*a*/:x/*.js", "/xay/.js", false)]
    [InlineData("/*.js", "/.js/", true)]
    [InlineData("/a*a", "/a", false)]
    [InlineData("/a*/:x", "/ab", false)]
    public void A_star_in_a_segment_reaches_over_slashes(string pattern, string path, bool covers) =>
        Assert.Equal(covers, new HeaderTable([Rule(pattern)]).Find(path).Any());

    [TimedFact]
    public void The_worst_rules_and_path_are_done_in_time()
    {
        // Every rule is looked at, and goes a long way before it fails. With a regular expression for each it took more than 15 s.
        var table = new HeaderTable([.. Enumerable.Range(0, HeaderTable.MaxRules).Select(i => Rule($"/a*b*c*d{i}x*/:x/*.js"))]);
        var path = "/a" + new string('b', 4000) + "cd/e/f.js";

        Assert.Empty(table.Find(path));
    }

    private static HeaderRule Rule(string pattern) => new(RulePattern.Parse(pattern, RuleDialect.Headers), [KeyValuePair.Create("X", "y")]);
}
