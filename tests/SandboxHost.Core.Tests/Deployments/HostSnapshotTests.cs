using SandboxHost.Deployments;
using SandboxHost.Routing;
using SandboxHost.Runs;

namespace SandboxHost.Tests.Deployments;

public sealed class HostSnapshotTests
{
    private static readonly SiteSnapshot Main = Some.SiteNamed("main", ["main.localhost"]);
    private static readonly SiteSnapshot Other = Some.SiteNamed("other", ["other.localhost", "other.example"]);

    [TimedTheory]
    [InlineData("main.localhost", "main")]
    [InlineData("other.localhost", "other")]
    [InlineData("OTHER.example", "other")]
    [InlineData("nobody.example", "main")]
    [InlineData("", "main")]
    [InlineData("[::1]", "main")]
    public void A_host_name_leads_to_its_site_and_any_other_to_the_main_one(string host, string site) =>
        Assert.Equal(site, new HostSnapshot([Main, Other]).FindSite(host)!.Identity.Name);

    [TimedFact]
    public void No_site_answers_on_an_empty_host() => Assert.Null(HostSnapshot.Empty.FindSite("localhost"));

    [TimedFact]
    public void A_single_site_needs_no_host_name() => Assert.Equal("x", new HostSnapshot([Some.SiteNamed("x", [])]).FindSite("any.example")!.Identity.Name);

    [TimedFact]
    public void Contains_asks_for_the_version_and_not_for_its_name()
    {
        var version = Some.Function("a");
        var snapshot = new HostSnapshot([Main, Some.SiteNamed("x", [], version)]);

        Assert.True(snapshot.Contains(version));
        Assert.False(snapshot.Contains(Some.Function("a")));
    }

    [TimedFact]
    public void A_published_snapshot_is_current_before_anybody_hears_of_it()
    {
        var source = new SnapshotSource();
        var next = new HostSnapshot([Main]);
        HostSnapshot? seen = null;
        source.Published += published => seen = ReferenceEquals(source.Current, published) ? published : null;

        Assert.Same(HostSnapshot.Empty, source.Current);
        source.Publish(next);

        Assert.Same(next, seen);
    }

    [TimedFact]
    public void Without_a_main_site_an_unknown_host_name_is_nobody_s() =>
        Assert.Null(new HostSnapshot([Main], hasMain: false).FindSite("nobody.example"));

    [TimedFact]
    public void A_preview_answers_at_its_own_names_and_keeps_the_runs_that_came_by_it()
    {
        var (live, tried, older) = (Some.Function("a"), Some.Function("a"), Some.Function("a"));
        var site = Preview("live", "site.example", live);
        var snapshot = new HostSnapshot([site], [Preview("tried", "tried--site.example", tried), Preview("older", "older--site.example", older, wasPublished: true)]);
        var key = new FunctionKey(Some.Site.Id, "a");

        Assert.Equal("tried", snapshot.FindSite("tried--site.example")!.DeployId);
        Assert.Same(tried, snapshot.FindFunction(key, "tried"));
        Assert.Same(live, snapshot.FindFunction(key, "older"));
        Assert.Same(live, snapshot.FindFunction(key, "gone"));
        Assert.Same(live, snapshot.FindFunction(key));
        Assert.All([live, tried, older], function => Assert.True(snapshot.Contains(function)));
        Assert.Single(snapshot.Sites);
    }

    private static SiteSnapshot Preview(string deploy, string host, FunctionVersion function, bool wasPublished = false) => new()
    {
        Identity = Some.Site,
        DeployId = deploy,
        WasPublished = wasPublished,
        HostNames = [host],
        Functions = [function],
        Routes = new RouteTable([function]),
    };
}
