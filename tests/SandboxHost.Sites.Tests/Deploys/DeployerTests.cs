using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using SandboxHost.Deployments;
using SandboxHost.Events;
using SandboxHost.Invocations;
using SandboxHost.Output;
using SandboxHost.Runs;
using SandboxHost.Sites.Deploys;
using SandboxHost.Storage;

namespace SandboxHost.Sites.Tests.Deploys;

/// <summary>The way of a deploy, over the real store and the real directory.</summary>
public sealed class DeployerTests : IAsyncDisposable, ILogSink, IInvoker
{
    private const string Hello = """{"version":1,"functions":[{"name":"hello","entry":"hello.mjs","config":{},"events":[]}],"environment":{}}""";

    private static readonly Dictionary<string, string> Site = Files(("deploy.json", Hello), ("functions/hello/hello.mjs", "export default () => new Response('1')"), ("publish/index.html", "one"));

    private readonly TempFolder _folder = new();
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 5, 4, 12, 0, 0, TimeSpan.Zero));
    private readonly SnapshotSource _snapshots = new();
    private readonly DeployLimits _limits = new() { Kept = 2, Uploads = 2 };
    private SqliteDatabase _database;
    private DeployContent _content;
    private Deployer _deployer;

    public DeployerTests() => (_database, _content, _deployer) = Open();

    public int RequestsWaiting => 0;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private string[] ContentsOnDisk => [.. Directory.EnumerateFiles(_folder.File("content"), "*", SearchOption.AllDirectories).Select(file => Path.GetFileName(file))];

    public void Write(in OutputLine line)
    {
    }

    public ValueTask<IExchange> InvokeAsync(InvocationRequest request, CancellationToken clientGone) => throw new NotSupportedException("Nobody waits for events of deploys.");

    public void Prepare(FunctionVersion function)
    {
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        _folder.Dispose();
    }

    [TimedFact]
    public async Task A_deploy_for_production_is_published_when_it_is_ready()
    {
        await _deployer.CreateSiteAsync("shop", ["shop.example.com"], Stop);
        Assert.Null(_snapshots.Current.FindSite("shop.example.org"));

        var ended = await DeployAsync(Site, production: true);

        Assert.Equal((DeployState.Ready, true, true), (ended.Deploy.State, ended.IsPublished, ended.Deploy.PublishedAt == _clock.GetUtcNow()));
        foreach (var name in new[] { "shop.example.org", "SHOP.example.com", $"{ended.Deploy.Id}--shop.example.org" })
        {
            var site = _snapshots.Current.FindSite(name);
            Assert.NotNull(site);
            var function = Assert.Single(site.Functions);
            Assert.Equal(("hello", ended.Deploy.Id, true, "production"), (function.Name, function.Deploy.Id, function.Deploy.Published, function.Deploy.Context));
            Assert.Equal("one", File.ReadAllText(Path.Combine(site.Files!.Directory, "index.html")));
            Assert.Equal(["SITE_ID", "SITE_NAME", "URL"], function.Environment.Keys.Order());
            Assert.False(function.ShowErrors);
        }

        Assert.Null(_snapshots.Current.FindSite("other.example.org"));
    }

    [TimedFact]
    public async Task A_preview_has_names_of_its_own_and_an_alias_that_moves_to_the_next()
    {
        await _deployer.CreateSiteAsync("shop", [], Stop);
        var live = await DeployAsync(Site, production: true);
        var first = await DeployAsync(Site, alias: "next");
        var second = await DeployAsync(Site, alias: "next");

        Assert.Equal(live.Deploy.Id, _snapshots.Current.FindSite("shop.example.org")!.DeployId);
        Assert.Equal(first.Deploy.Id, _snapshots.Current.FindSite($"{first.Deploy.Id}--shop.example.org")!.DeployId);
        Assert.Equal(second.Deploy.Id, _snapshots.Current.FindSite("next--shop.example.org")!.DeployId);
        Assert.False(_snapshots.Current.FindSite("next--shop.example.org")!.Functions[0].Deploy.Published);

        await ReopenAsync();
        Assert.Equal(second.Deploy.Id, _snapshots.Current.FindSite("next--shop.example.org")!.DeployId);
    }

    [TimedFact]
    public async Task Only_what_is_new_is_asked_for_and_what_nobody_has_any_more_goes()
    {
        await _deployer.CreateSiteAsync("shop", [], Stop);
        await DeployAsync(Site, production: true);
        Assert.Equal(3, ContentsOnDisk.Length);

        var changed = Files([.. Site.Select(file => (file.Key, file.Key == "publish/index.html" ? "two" : file.Value))]);
        _clock.Advance(TimeSpan.FromSeconds(1));
        var (deploy, missing) = await _deployer.BeginAsync(Request(changed, production: true), Stop);

        Assert.Equal([HashOf("two")], missing);
        Send(deploy, "two");
        await _deployer.FinishAsync(deploy.Id, Stop);
        Assert.Equal(4, ContentsOnDisk.Length);

        var before = (await _deployer.ListDeploysAsync("shop", Stop))[1];
        await _deployer.RemoveAsync(before.Id, Stop);
        Assert.Equal(3, ContentsOnDisk.Length);
        Assert.DoesNotContain(HashOf("one"), ContentsOnDisk);
    }

    [TimedFact]
    public async Task Publishing_an_older_deploy_is_one_swap_back_and_survives_a_restart()
    {
        await _deployer.CreateSiteAsync("shop", [], Stop);
        var first = await DeployAsync(Site, production: true);
        await DeployAsync(Site, production: true);

        await _deployer.PublishAsync(first.Deploy.Id, Stop);

        Assert.Equal(first.Deploy.Id, _snapshots.Current.FindSite("shop.example.org")!.DeployId);
        await ReopenAsync();
        Assert.Equal(first.Deploy.Id, _snapshots.Current.FindSite("shop.example.org")!.DeployId);
        Assert.Equal(first.Deploy.Id, Assert.Single(_deployer.Sites).PublishedDeployId);
    }

    [TimedFact]
    public async Task A_locked_site_gets_deploys_and_publishes_none()
    {
        await _deployer.CreateSiteAsync("shop", [], Stop);
        var first = await DeployAsync(Site, production: true);
        await _deployer.SetLockAsync("shop", isLocked: true, Stop);

        var second = await DeployAsync(Site, production: true);

        Assert.Equal((DeployState.Ready, false), (second.Deploy.State, second.IsPublished));
        Assert.Equal(first.Deploy.Id, _snapshots.Current.FindSite("shop.example.org")!.DeployId);
        await ReopenAsync();
        Assert.True(Assert.Single(_deployer.Sites).IsLocked);
        await _deployer.SetLockAsync("shop", isLocked: false, Stop);
        await _deployer.PublishAsync(second.Deploy.Id, Stop);
        Assert.Equal(second.Deploy.Id, _snapshots.Current.FindSite("shop.example.org")!.DeployId);
    }

    [TimedFact]
    public async Task Published_functions_hear_of_every_state_of_a_deploy()
    {
        const string Listener = """
            {"version":1,"functions":[{"name":"told","entry":"told.mjs","config":{},
            "events":["deploy_building","deploy_succeeded","deploy_failed","deploy_deleted","deploy_locked","deploy_unlocked"]}],"environment":{}}
            """;
        var files = Files(("deploy.json", Listener), ("functions/told/told.mjs", "export default {}"));
        await _deployer.CreateSiteAsync("shop", [], Stop);
        await DeployAsync(files, production: true, title: "first");
        await DeployAsync(Files(("deploy.json", "{}")), production: true, title: "broken");
        var preview = await DeployAsync(files, title: "preview");
        foreach (var isLocked in new[] { true, false })
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            await _deployer.SetLockAsync("shop", isLocked, Stop);
        }

        _clock.Advance(TimeSpan.FromSeconds(1));
        await _deployer.RemoveAsync(preview.Deploy.Id, Stop);

        var told = new List<string>();
        while (await ClaimAsync() is { } run)
        {
            var payload = JsonDocument.Parse(run.Request.Body).RootElement.GetProperty("payload");
            var slug = run.Request.Headers[run.Request.Headers.ToList().IndexOf("x-netlify-event") + 1];
            told.Add($"{slug} {payload.GetProperty("title").GetString()} {payload.GetProperty("state").GetString()}");
        }

        // Of the first deploy's beginning nobody was there to be told.
        Assert.Equal(
            [
                "deploy_succeeded first ready", "deploy_building broken building", "deploy_failed broken error", "deploy_building preview building",
                "deploy_succeeded preview ready", "deploy_locked first ready", "deploy_unlocked first ready", "deploy_deleted preview ready",
            ],
            told);
    }

    [TimedFact]
    public async Task A_deploy_that_can_t_be_served_fails_and_changes_nothing()
    {
        await _deployer.CreateSiteAsync("shop", [], Stop);
        var live = await DeployAsync(Site, production: true);

        foreach (var manifest in new[]
        {
            "", "[]", "{}", """{"version":2}""", """{"version":1,"functions":[{"name":"../x","entry":"a","config":{},"events":[]}]}""",
            """{"version":1,"functions":[{"name":"hello","entry":"../../deploy.json","config":{},"events":[]}]}""",
            """{"version":1,"functions":[{"name":"hello","entry":"/etc/passwd","config":{},"events":[]}]}""",
            """{"version":1,"functions":[{"name":"hello","entry":"gone.mjs","config":{},"events":[]}]}""",
            """{"version":1,"functions":[{"name":"hello","entry":"hello.mjs","config":{"path":"no-slash"},"events":[]}]}""",
            """{"version":1,"functions":[],"environment":{"A":1}}""",
            """{"version":1,"functions":[{"name":"hello","entry":"hello.mjs","config":{},"events":[]},{"name":"hello","entry":"hello.mjs","config":{},"events":[]}]}""",
        })
        {
            var ended = await DeployAsync(Files(("deploy.json", manifest), ("functions/hello/hello.mjs", "x")), production: true);

            Assert.Equal((DeployState.Error, false), (ended.Deploy.State, ended.IsPublished));
            Assert.NotEmpty(ended.Deploy.ErrorMessage!);
        }

        Assert.Equal(live.Deploy.Id, _snapshots.Current.FindSite("shop.example.org")!.DeployId);
        Assert.Equal([live.Deploy.Id], Directory.EnumerateDirectories(_folder.File("deploys")).Select(path => Path.GetFileName(path)));
        Assert.Equal(3, ContentsOnDisk.Length);
    }

    [TimedFact]
    public async Task A_content_that_is_not_what_its_name_says_is_not_kept()
    {
        await _deployer.CreateSiteAsync("shop", [], Stop);
        var (deploy, _) = await _deployer.BeginAsync(Request(Files(("publish/a", "expected"))), Stop);

        using (var tooLong = _deployer.Write(deploy.Id, HashOf("expected")))
        {
            Assert.False(tooLong.Append("expected and more"u8));
        }

        using (var other = _deployer.Write(deploy.Id, HashOf("expected")))
        {
            Assert.True(other.Append("expecteD"u8));
            Assert.False(other.Complete());
        }

        using (var tooShort = _deployer.Write(deploy.Id, HashOf("expected")))
        {
            Assert.True(tooShort.Append("expect"u8));
            Assert.False(tooShort.Complete());
        }

        Assert.Equal(DeployRefusal.Invalid, Assert.Throws<DeployRefusedException>(() => _deployer.Write(deploy.Id, HashOf("never announced"))).Refusal);
        Assert.Equal(DeployRefusal.WrongState, (await Assert.ThrowsAsync<DeployRefusedException>(() => _deployer.FinishAsync(deploy.Id, Stop))).Refusal);
        Assert.Empty(ContentsOnDisk);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.File("staging")));
        await _deployer.CancelAsync(deploy.Id, "enough", Stop);
    }

    [TimedFact]
    public async Task Uploads_are_bounded_in_number_and_end_when_they_stand_still()
    {
        await _deployer.CreateSiteAsync("shop", [], Stop);
        var files = Files(("publish/a", "a"));
        var (first, _) = await _deployer.BeginAsync(Request(files), Stop);
        await _deployer.BeginAsync(Request(files), Stop);
        Assert.Equal(DeployRefusal.TooMany, (await Assert.ThrowsAsync<DeployRefusedException>(() => _deployer.BeginAsync(Request(files), Stop))).Refusal);

        _clock.Advance(_limits.UploadIdle);
        await Eventually.TrueAsync(
            async () => (await _deployer.ListDeploysAsync("shop", Stop)).All(deploy => deploy.State == DeployState.Error), TimeSpan.FromSeconds(10), "both have ended");

        // A new one waits its turn behind those that end.
        await _deployer.BeginAsync(Request(files), Stop);
        Assert.Throws<DeployRefusedException>(() => _deployer.Write(first.Id, HashOf("a")));
    }

    [TimedFact]
    public async Task What_a_dead_host_left_half_done_has_failed_at_the_next_start()
    {
        await _deployer.CreateSiteAsync("shop", [], Stop);
        var live = await DeployAsync(Site, production: true);
        var (deploy, _) = await _deployer.BeginAsync(Request(Files(("publish/a", "half"))), Stop);
        Send(deploy, "half");
        Directory.CreateDirectory(_folder.File($"deploys/{deploy.Id}/tree"));
        await File.WriteAllTextAsync(_folder.File("staging/half"), "ha", Stop);

        await ReopenAsync();

        var left = (await _deployer.ListDeploysAsync("shop", Stop)).Single(item => item.Id == deploy.Id);
        Assert.Equal((DeployState.Error, "The host stopped while the deploy was uploaded."), (left.State, left.ErrorMessage));
        Assert.Equal([live.Deploy.Id], Directory.EnumerateDirectories(_folder.File("deploys")).Select(path => Path.GetFileName(path)));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.File("staging")));
        Assert.DoesNotContain(HashOf("half"), ContentsOnDisk);
        Assert.NotNull(_snapshots.Current.FindSite("shop.example.org"));
    }

    [TimedFact]
    public async Task The_oldest_deploys_go_and_the_published_one_stays()
    {
        await _deployer.CreateSiteAsync("shop", [], Stop);
        var live = await DeployAsync(Site, production: true);
        var previews = new List<Deploy>();
        for (var i = 0; i < 4; i++)
        {
            previews.Add((await DeployAsync(Site)).Deploy);
        }

        Assert.Equal(
            [previews[3].Id, previews[2].Id, live.Deploy.Id], (await _deployer.ListDeploysAsync("shop", Stop)).Select(deploy => deploy.Id));
        Assert.Null(_snapshots.Current.FindSite($"{previews[0].Id}--shop.example.org"));
        Assert.Equal(3, Directory.EnumerateDirectories(_folder.File("deploys")).Count());
    }

    [TimedFact]
    public async Task Names_and_domains_belong_to_one_site()
    {
        await _deployer.CreateSiteAsync("shop", ["www.shop.test"], Stop);

        Assert.Equal(DeployRefusal.Taken, await RefusalAsync(() => _deployer.CreateSiteAsync("shop", [], Stop)));
        Assert.Equal(DeployRefusal.Taken, await RefusalAsync(() => _deployer.CreateSiteAsync("other", ["WWW.shop.test."], Stop)));
        Assert.Equal(DeployRefusal.Invalid, await RefusalAsync(() => _deployer.CreateSiteAsync("other", ["shop.example.org"], Stop)));
        Assert.Equal(DeployRefusal.Invalid, await RefusalAsync(() => _deployer.CreateSiteAsync("other", ["no host"], Stop)));
        Assert.Equal(DeployRefusal.Invalid, await RefusalAsync(() => _deployer.CreateSiteAsync("a--b", [], Stop)));
        Assert.Equal(DeployRefusal.NotFound, await RefusalAsync(() => _deployer.PublishAsync("nothing", Stop)));
        Assert.Equal(DeployRefusal.Invalid, await RefusalAsync(() => _deployer.BeginAsync(Request(Site, alias: "0123456789abcdef01234567"), Stop)));
        Assert.Equal(DeployRefusal.Invalid, await RefusalAsync(() => _deployer.BeginAsync(Request(Files(("../x", "y"))), Stop)));
        var live = await DeployAsync(Site, production: true);
        Assert.Equal(DeployRefusal.WrongState, await RefusalAsync(() => _deployer.RemoveAsync(live.Deploy.Id, Stop)));
        await _deployer.SetDomainsAsync("shop", ["new.shop.test"], Stop);
        Assert.Null(_snapshots.Current.FindSite("www.shop.test"));
        Assert.NotNull(_snapshots.Current.FindSite("new.shop.test"));

        await _deployer.RemoveSiteAsync("shop", Stop);

        Assert.Empty(_deployer.Sites);
        Assert.Null(_snapshots.Current.FindSite("new.shop.test"));
        Assert.Empty(Directory.EnumerateDirectories(_folder.File("deploys")));
        Assert.Empty(ContentsOnDisk);
    }

    [TimedFact]
    public void One_host_at_a_time_uses_a_directory() =>
        Assert.Contains("Another host uses", Assert.Throws<IOException>(() => DeployContent.Open(_folder.Path, new OperatorRules(FunctionLimits.Default, []))).Message, StringComparison.Ordinal);

    private static Dictionary<string, string> Files(params (string Path, string Text)[] files) => files.ToDictionary(file => file.Path, file => file.Text);

    private static string HashOf(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static async Task<DeployRefusal> RefusalAsync(Func<Task> action) => (await Assert.ThrowsAsync<DeployRefusedException>(action)).Refusal;

    private static DeployRequest Request(Dictionary<string, string> files, bool production = false, string? alias = null, string title = "") =>
        new("shop", [.. files.Select(file => new DeployFile(file.Key, HashOf(file.Value), Encoding.UTF8.GetByteCount(file.Value)))])
        {
            IsForProduction = production,
            Context = production ? "production" : "deploy-preview",
            Alias = alias,
            Title = title,
        };

    private async Task<EndedDeploy> DeployAsync(Dictionary<string, string> files, bool production = false, string? alias = null, string title = "")
    {
        // Each is made a moment after the one before.
        _clock.Advance(TimeSpan.FromSeconds(1));
        var (deploy, missing) = await _deployer.BeginAsync(Request(files, production, alias, title), Stop);
        _clock.Advance(TimeSpan.FromSeconds(1));
        foreach (var text in files.Values.Distinct().Where(text => missing.Contains(HashOf(text))))
        {
            Send(deploy, text);
        }

        return await _deployer.FinishAsync(deploy.Id, Stop);
    }

    private void Send(Deploy deploy, string text)
    {
        using var writer = _deployer.Write(deploy.Id, HashOf(text));
        var bytes = Encoding.UTF8.GetBytes(text);
        Assert.True(writer.Append(bytes.AsSpan(0, bytes.Length / 2)));
        Assert.True(writer.Append(bytes.AsSpan(bytes.Length / 2)));
        Assert.True(writer.Complete());
    }

    private async Task<ClaimedRun?> ClaimAsync()
    {
        var store = new SqliteRunStore(_database);
        var due = await store.ListDueAsync(_clock.GetUtcNow(), Stop);
        return due.Count == 0 ? null : await store.ClaimAsync(due[0].Function, "test", _clock.GetUtcNow(), Stop);
    }

    private (SqliteDatabase Database, DeployContent Content, Deployer Deployer) Open()
    {
        var database = SqliteDatabase.Open(_folder.File("state.db"));
        var content = DeployContent.Open(_folder.Path, new OperatorRules(FunctionLimits.Default, []));
        var events = new PlatformEvents(new RunQueue(new SqliteRunStore(database)), this, this, _clock);
        var deployer = new Deployer(
            new SqliteDeployStore(database),
            content,
            _snapshots,
            (site, message) => events.RaiseAsync(site, message, CancellationToken.None),
            new DeployAddresses(new Uri("http://example.org")),
            _limits,
            _clock);
        Assert.Empty(deployer.StartAsync(CancellationToken.None).GetAwaiter().GetResult());
        return (database, content, deployer);
    }

    private async Task CloseAsync()
    {
        await _deployer.DisposeAsync();
        await _content.DisposeAsync();
        await _database.DisposeAsync();
    }

    private async Task ReopenAsync()
    {
        await CloseAsync();
        _snapshots.Publish(HostSnapshot.Empty);
        (_database, _content, _deployer) = Open();
    }
}
