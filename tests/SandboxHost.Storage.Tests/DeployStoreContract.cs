using SandboxHost.Deployments;

namespace SandboxHost.Storage.Tests;

/// <summary>What every store of deploys must do. A further adapter passes by deriving from this.</summary>
public abstract class DeployStoreContract
{
    private static readonly DateTimeOffset Noon = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);
    private static readonly Site Shop = new("site-1", "shop", ["shop.test", "www.shop.test"], Noon);

    protected abstract IDeployStore Store { get; }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [TimedFact]
    public async Task A_site_is_there_as_it_was_added_and_its_name_is_taken()
    {
        Assert.True(await Store.AddSiteAsync(Shop, Stop));
        Assert.False(await Store.AddSiteAsync(Shop with { Id = "site-2" }, Stop));
        Assert.True(await Store.AddSiteAsync(new Site("site-3", "books", [], Noon), Stop));

        var sites = await Store.ListSitesAsync(Stop);

        Assert.Equal(["books", "shop"], sites.Select(site => site.Name));
        Assert.Equal(Shop with { Domains = sites[1].Domains }, sites[1]);
        Assert.Equal(Shop.Domains, sites[1].Domains);
        await Store.UpdateSiteAsync(Shop with { Domains = ["new.test"], IsLocked = true }, Stop);
        var changed = (await Store.ListSitesAsync(Stop))[1];
        Assert.Equal((true, "new.test"), (changed.IsLocked, Assert.Single(changed.Domains)));
    }

    [TimedFact]
    public async Task A_deploy_is_there_as_it_was_added_and_ends_once()
    {
        await Store.AddSiteAsync(Shop, Stop);
        var deploy = await AddAsync("1") with { Title = "a title", Branch = "main", Alias = "next" };
        await Store.AddDeployAsync(deploy with { Id = "2", CreatedAt = Noon.AddSeconds(1) }, Stop);

        var failed = deploy with { Id = "2", CreatedAt = Noon.AddSeconds(1), State = DeployState.Error, EndedAt = Noon.AddSeconds(2), ErrorMessage = "why" };
        Assert.True(await Store.EndDeployAsync(failed, publish: false, Stop));
        Assert.False(await Store.EndDeployAsync(failed with { State = DeployState.Ready }, publish: true, Stop));
        Assert.False(await Store.EndDeployAsync(failed with { Id = "gone" }, publish: false, Stop));

        Assert.Equal([failed, await AddAsync("1", add: false)], await Store.ListDeploysAsync(Shop.Id, Stop));
        Assert.Equal(2, (await Store.ListDeploysAsync(null, Stop)).Count);
        Assert.Empty(await Store.ListDeploysAsync("another", Stop));
        Assert.Null((await Store.ListSitesAsync(Stop))[0].PublishedDeployId);
    }

    [TimedFact]
    public async Task Publishing_is_one_change_with_the_end_of_a_deploy_or_one_of_its_own()
    {
        await Store.AddSiteAsync(Shop, Stop);
        var first = await EndAsync(await AddAsync("1"), publish: true);
        Assert.Equal("1", (await Store.ListSitesAsync(Stop))[0].PublishedDeployId);
        await EndAsync(await AddAsync("2"), publish: false);

        Assert.True(await Store.PublishAsync(Shop.Id, "2", Noon.AddHours(1), Stop));
        Assert.Equal("2", (await Store.ListSitesAsync(Stop))[0].PublishedDeployId);
        Assert.Equal(Noon.AddHours(1), (await Store.ListDeploysAsync(Shop.Id, Stop)).Single(deploy => deploy.Id == "2").PublishedAt);

        await AddAsync("3");
        Assert.False(await Store.PublishAsync(Shop.Id, "3", Noon, Stop));
        Assert.False(await Store.PublishAsync("another", "1", Noon, Stop));
        Assert.False(await Store.PublishAsync(Shop.Id, "gone", Noon, Stop));
        Assert.Equal("2", (await Store.ListSitesAsync(Stop))[0].PublishedDeployId);
        Assert.Equal(first.EndedAt, (await Store.ListDeploysAsync(Shop.Id, Stop)).Single(deploy => deploy.Id == "1").EndedAt);
    }

    [TimedFact]
    public async Task An_alias_goes_to_the_deploy_that_was_ready_last()
    {
        await Store.AddSiteAsync(Shop, Stop);
        await EndAsync(await AddAsync("1", alias: "next"), publish: false);
        await EndAsync(await AddAsync("2", alias: "next"), publish: false);
        await Store.EndDeployAsync(await AddAsync("3", alias: "next") with { State = DeployState.Error, EndedAt = Noon }, publish: false, Stop);

        var ready = (await Store.ListDeploysAsync(Shop.Id, Stop)).Where(deploy => deploy.State == DeployState.Ready).OrderBy(deploy => deploy.Id);

        Assert.Equal([null, "next"], ready.Select(deploy => deploy.Alias));
    }

    [TimedFact]
    public async Task A_deploy_that_is_published_is_not_removed_and_a_site_goes_with_all_of_its_own()
    {
        await Store.AddSiteAsync(Shop, Stop);
        await EndAsync(await AddAsync("1"), publish: true);
        await EndAsync(await AddAsync("2"), publish: false);

        Assert.False(await Store.RemoveDeployAsync("1", Stop));
        Assert.True(await Store.RemoveDeployAsync("2", Stop));
        Assert.False(await Store.RemoveDeployAsync("2", Stop));
        await Store.RemoveSiteAsync(Shop.Id, Stop);

        Assert.Empty(await Store.ListSitesAsync(Stop));
        Assert.Empty(await Store.ListDeploysAsync(null, Stop));
    }

    private async Task<Deploy> AddAsync(string id, string? alias = null, bool add = true)
    {
        var deploy = new Deploy { Id = id, SiteId = Shop.Id, Context = "production", IsForProduction = true, CreatedAt = Noon, Alias = alias };
        if (add)
        {
            await Store.AddDeployAsync(deploy, Stop);
        }

        return deploy;
    }

    private async Task<Deploy> EndAsync(Deploy deploy, bool publish)
    {
        var ended = deploy with { State = DeployState.Ready, EndedAt = Noon.AddMinutes(1), PublishedAt = publish ? Noon.AddMinutes(1) : null };
        Assert.True(await Store.EndDeployAsync(ended, publish, Stop));
        return ended;
    }
}
