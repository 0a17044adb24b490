using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>`sandboxhost serve` and `sandboxhost deploy`, as an operator and an author use them.</summary>
public sealed class ServeTests
{
    private const string Version = """
        export default async (req, context) => Response.json({
          text: 'VERSION', path: new URL(req.url).pathname, url: context.site.url, deploy: context.deploy, mine: Netlify.env.get('MINE') ?? null,
          local: process.env.NETLIFY_LOCAL ?? null, geo: context.geo, names: Object.keys(process.env).filter((name) => /^(SITE|URL|DEPLOY|CONTEXT)/.test(name)).sort(),
        });
        export const config = { path: '/version' };
        """;

    [Fact(Timeout = 120_000)]
    public async Task FC_77_a_deployed_site_is_served_at_its_name_and_again_after_a_restart()
    {
        await using var data = new ServedData();
        await data.StartAsync();
        using var site = SiteOf("one");
        site.WriteFile("netlify.toml", "[build]\npublish = 'public'\n[[redirects]]\nfrom = '/old'\nto = '/new'\n");
        site.WriteFile("public/index.html", "<h1>Front</h1>");
        site.WriteFile("public/_headers", "/*\n  x-from-rules: yes\n");
        site.WriteFile(".env", "MINE=never deployed");
        site.WriteFile("secret.txt", "not published");

        var deploy = await data.DeployAsync(site, "shop", "--prod", "--env", "MINE=given", "--message", "the first");

        Assert.Equal(("ready", true, "production", "the first"), (Text(deploy, "state"), deploy.GetProperty("published").GetBoolean(), Text(deploy, "context"), Text(deploy, "title")));
        var first = await VersionAsync(data, "shop.localhost");
        Assert.Equal(("one", "given"), (Text(first, "text"), Text(first, "mine")));
        Assert.Equal($"http://shop.localhost:{data.Host.Port}", Text(first, "url"));
        Assert.Equal((Text(deploy, "id"), true, "production"), (Text(first.GetProperty("deploy"), "id"), first.GetProperty("deploy").GetProperty("published").GetBoolean(), Text(first.GetProperty("deploy"), "context")));
        Assert.Equal(["SITE_ID", "SITE_NAME", "URL"], first.GetProperty("names").EnumerateArray().Select(name => name.GetString()));
        Assert.Equal(JsonValueKind.Null, first.GetProperty("local").ValueKind);
        Assert.Equal("<h1>Front</h1>", (await data.AskAsync("shop.localhost", "/")).Text);
        Assert.Equal(301, (await data.AskAsync("shop.localhost", "/old")).Status);
        Assert.Equal(404, (await data.AskAsync("shop.localhost", "/secret.txt")).Status);
        Assert.Equal(404, (await data.AskAsync("shop.localhost", "/deploy.json")).Status);
        Assert.Equal(404, (await data.AskAsync("other.localhost", "/version")).Status);

        Assert.Equal(0, await data.Host.StopAsync());
        await data.StartAsync("--port", $"{data.Host.Port}");

        Assert.Equal("one", Text(await VersionAsync(data, "shop.localhost"), "text"));
        Assert.Equal("<h1>Front</h1>", (await data.AskAsync("shop.localhost", "/")).Text);
    }

    [Fact(Timeout = 120_000)]
    public async Task FC_77_previews_aliases_rollbacks_and_locks_change_what_answers_where()
    {
        await using var data = new ServedData();
        await data.StartAsync();
        using var site = SiteOf("one");
        var first = await data.DeployAsync(site, "shop", "--prod");
        site.Write("version.mjs", Version.Replace("VERSION", "two", StringComparison.Ordinal));
        var preview = await data.DeployAsync(site, "shop", "--alias", "next");

        Assert.Equal("one", Text(await VersionAsync(data, "shop.localhost"), "text"));
        var tried = await VersionAsync(data, "next--shop.localhost");
        Assert.Equal(("two", false, "branch-deploy"), (Text(tried, "text"), tried.GetProperty("deploy").GetProperty("published").GetBoolean(), Text(tried.GetProperty("deploy"), "context")));
        Assert.Equal("two", Text(await VersionAsync(data, $"{Text(preview, "id")}--shop.localhost"), "text"));

        Assert.Equal(0, (await data.RunAsync("deploys", "publish", Text(preview, "id"))).ExitCode);
        Assert.Equal("two", Text(await VersionAsync(data, "shop.localhost"), "text"));
        Assert.Equal(0, (await data.RunAsync("deploys", "publish", Text(first, "id"))).ExitCode);
        Assert.Equal("one", Text(await VersionAsync(data, "shop.localhost"), "text"));

        Assert.Equal(0, (await data.RunAsync("sites", "lock", "shop")).ExitCode);
        Assert.False((await data.DeployAsync(site, "shop", "--prod")).GetProperty("published").GetBoolean());
        Assert.Equal("one", Text(await VersionAsync(data, "shop.localhost"), "text"));

        var refused = await data.RunAsync("deploys", "delete", Text(first, "id"));
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("is published; publish another one first", refused.Errors, StringComparison.Ordinal);
        Assert.Equal(0, (await data.RunAsync("deploys", "delete", Text(preview, "id"))).ExitCode);
        Assert.Equal(404, (await data.AskAsync($"{Text(preview, "id")}--shop.localhost", "/version")).Status);
    }

    [Fact(Timeout = 120_000)]
    public async Task FC_78_functions_of_the_published_deploy_are_told_of_deploys()
    {
        await using var data = new ServedData();
        await data.StartAsync();
        using var site = new TemporarySite(("told.mjs", """
            const tell = (name) => ({ deploy, site }) => console.log(`told ${name} ${site.name} ${deploy.title} ${deploy.state}`);
            export default {
              deployBuilding: tell('building'), deploySucceeded: tell('succeeded'), deployFailed: tell('failed'),
              deployDeleted: tell('deleted'), deployLocked: tell('locked'), deployUnlocked: tell('unlocked'),
            };
            """));
        await data.DeployAsync(site, "shop", "--prod", "--message", "first");
        await data.Host.WaitForLineAsync("told succeeded shop first ready");

        var preview = await data.DeployAsync(site, "shop", "--message", "second");
        await data.Host.WaitForLineAsync("told building shop second building");
        await data.Host.WaitForLineAsync("told succeeded shop second ready");
        await data.RunAsync("deploys", "delete", Text(preview, "id"));
        await data.Host.WaitForLineAsync("told deleted shop second ready");
        await data.RunAsync("sites", "lock", "shop");
        await data.Host.WaitForLineAsync("told locked shop first ready");
        await data.RunAsync("sites", "unlock", "shop");
        await data.Host.WaitForLineAsync("told unlocked shop first ready");
    }

    [Fact(Timeout = 120_000)]
    public async Task FC_78_a_site_that_does_not_build_is_not_deployed()
    {
        await using var data = new ServedData();
        await data.StartAsync();
        using var site = SiteOf("one");
        await data.DeployAsync(site, "shop", "--prod");
        site.Write("broken.mjs", "export default () => {");

        var run = await data.RunAsync("deploy", site.Directory, "--site", "shop", "--prod");

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("broken.mjs", run.Errors, StringComparison.Ordinal);
        Assert.Equal("one", Text(await VersionAsync(data, "shop.localhost"), "text"));
        var unknown = await data.RunAsync("deploy", site.Directory, "--site", "shopp");
        Assert.Equal(1, unknown.ExitCode);
        Assert.Contains("There is no site shopp. There are: shop. --create-site shopp makes it.", unknown.Errors, StringComparison.Ordinal);
    }

    [Fact(Timeout = 120_000)]
    public async Task FC_79_only_the_published_deploy_ticks_and_its_scheduled_functions_have_no_url()
    {
        await using var data = new ServedData();
        await data.StartAsync();
        // Once a minute, and soon: both are deployed until then.
        var second = TimeProvider.System.GetUtcNow().AddSeconds(15).Second;
        string Ticking(string name) => $"export default async (req) => console.log('tick {name}', (await req.json()).next_run); export const config = {{ schedule: '{second} * * * * *' }};";
        using var site = new TemporarySite(("tick.mjs", Ticking("live")));
        await data.DeployAsync(site, "shop", "--prod");
        site.Write("tick.mjs", Ticking("preview"));
        await data.DeployAsync(site, "shop");

        await data.Host.WaitForLineAsync(line => line.Contains("tick live", StringComparison.Ordinal), TimeSpan.FromSeconds(75));
        await data.Host.WaitForLineAsync("Done executing scheduled function tick");
        Assert.DoesNotContain(data.Host.Output, line => line.Contains("tick preview", StringComparison.Ordinal));
        Assert.Equal(404, (await data.AskAsync("shop.localhost", "/.netlify/functions/tick", HttpMethod.Post)).Status);
    }

    [Fact(Timeout = 120_000)]
    public async Task FC_12_a_background_call_outlives_the_host_and_stays_with_the_preview_that_it_came_by()
    {
        const string Work = """
            export default async (req) => {
              const name = await req.text();
              if (req.headers.get('x-sandboxhost-attempt') === '1') { console.log(`began ${name}`); await new Promise(() => setInterval(() => {}, 1000)); }
              console.log(`done ${name} by VERSION`);
            };
            export const config = { background: true, path: '/work' };
            """;
        await using var data = new ServedData();
        await data.StartAsync();
        using var site = new TemporarySite(("work.mjs", Work.Replace("VERSION", "live", StringComparison.Ordinal)));
        await data.DeployAsync(site, "shop", "--prod");
        site.Write("work.mjs", Work.Replace("VERSION", "preview", StringComparison.Ordinal));
        await data.DeployAsync(site, "shop", "--alias", "next");
        await PostAsync(data, "shop.localhost", "a");
        await PostAsync(data, "next--shop.localhost", "b");
        await data.Host.WaitForLineAsync("began a");
        await data.Host.WaitForLineAsync("began b");

        await data.Host.KillAsync();
        await data.StartAsync();

        await data.Host.WaitForLineAsync(line => line.Contains("done a by live", StringComparison.Ordinal), TimeSpan.FromSeconds(45));
        await data.Host.WaitForLineAsync(line => line.Contains("done b by preview", StringComparison.Ordinal), TimeSpan.FromSeconds(45));
    }

    [Fact(Timeout = 120_000)]
    public async Task A_second_host_of_a_data_directory_says_so_and_ends()
    {
        await using var data = new ServedData();
        await data.StartAsync();

        var second = await data.RunAsync("serve", "--port", "0");

        Assert.Equal(1, second.ExitCode);
        Assert.Contains("Another host uses", second.Output + second.Errors, StringComparison.Ordinal);
    }

    private static TemporarySite SiteOf(string version) => new(("version.mjs", Version.Replace("VERSION", version, StringComparison.Ordinal)));

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private static async Task<JsonElement> VersionAsync(ServedData data, string hostName)
    {
        var (status, text) = await data.AskAsync(hostName, "/version");
        Assert.True(status == 200, text);
        return JsonDocument.Parse(text).RootElement;
    }

    private static async Task PostAsync(ServedData data, string hostName, string text)
    {
        using var client = new HttpClient { BaseAddress = data.Host.Address };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/work") { Content = new StringContent(text), Headers = { Host = hostName } };
        using var reply = await client.SendAsync(request);
        Assert.Equal(202, (int)reply.StatusCode);
    }
}
