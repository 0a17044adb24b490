using System.Globalization;
using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>The commands, as a user runs them.</summary>
public sealed class CliTests
{
    private const string Echo = """
        export default async (req) => Response.json({
          method: req.method, query: new URL(req.url).search, body: await req.text(),
          agent: req.headers.get("user-agent"), type: req.headers.get("content-type"), authorization: req.headers.get("authorization"),
        });
        """;

    [Fact(Timeout = 60_000)]
    public async Task FC_66_list_tells_names_urls_kinds_and_paths_without_a_host()
    {
        using var site = Site();

        var run = await CommandRun.SandboxHostAsync("functions", "list", site.Directory, "--json");
        var rows = JsonDocument.Parse(run.Output).RootElement.EnumerateArray().ToDictionary(row => row.GetProperty("name").GetString()!);

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(["broken", "echo", "job", "reader", "stream", "tick", "ticket"], rows.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(("/.netlify/functions/echo", false, "http"), (rows["echo"].GetProperty("url").GetString(), rows["echo"].GetProperty("isDeployed").GetBoolean(), rows["echo"].GetProperty("kind").GetString()));
        Assert.Equal(["/tickets/:event", "/ticket"], rows["ticket"].GetProperty("paths").EnumerateArray().Select(path => path.GetString()));
        Assert.Equal("/tickets/:event", rows["ticket"].GetProperty("url").GetString());
        Assert.Equal(["GET"], rows["reader"].GetProperty("methods").EnumerateArray().Select(method => method.GetString()));
        Assert.Equal("background", rows["job"].GetProperty("kind").GetString());
        Assert.Equal(("scheduled", "@hourly"), (rows["tick"].GetProperty("kind").GetString(), rows["tick"].GetProperty("schedule").GetString()));
        Assert.Contains("netlify/functions/broken.mjs:1", rows["broken"].GetProperty("error").GetString());
        Assert.False(Directory.Exists(Path.Combine(site.Directory, ".sandboxhost")), "reading a site leaves nothing in it");
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_66_list_prints_a_table_and_says_where_it_looked_when_there_is_nothing()
    {
        using var site = Site();
        using var empty = new TemporarySite();

        var table = await CommandRun.SandboxHostAsync("functions:list", site.Directory);
        var nothing = await CommandRun.SandboxHostAsync("functions", "list", empty.Directory);
        var elsewhere = await CommandRun.SandboxHostAsync("functions", "list", site.Directory, "--functions", "netlify/functions/nowhere");

        Assert.Matches(@"echo +│ /\.netlify/functions/echo +│ http", table.Output);
        Assert.Matches(@"tick +│ .* +│ scheduled \(@hourly\)", table.Output);
        Assert.Contains("does not build", table.Output);
        Assert.Equal((0, ""), (nothing.ExitCode, nothing.Output));
        Assert.Contains($"No functions found in {empty.Directory}/netlify/functions", nothing.Errors);
        Assert.Contains($"No functions found in {site.Directory}/netlify/functions/nowhere", elsewhere.Errors);
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_66_invoke_posts_the_payload_and_prints_the_reply()
    {
        using var site = Site();
        site.WriteFile("order.json", """{"rows": 3}""");
        await using var host = await HostProcess.StartAsync(site.Directory);

        var plain = await InvokeAsync(host, site, "echo");
        var text = await InvokeAsync(host, site, "-n", "echo", "--payload", """{"a":1}""", "--querystring", "b=2&c=3", "--identity");
        var file = await InvokeAsync(host, site, "echo", "--payload", "order.json");

        Assert.Equal(("POST", "", "{}", "application/json; charset=utf-8"), (Member(plain, "method"), Member(plain, "query"), Member(plain, "body"), Member(plain, "type")));
        Assert.Null(Member(plain, "authorization"));
        Assert.Equal(("""{"a":1}""", "?b=2&c=3"), (Member(text, "body"), Member(text, "query")));
        Assert.Matches(@"^Bearer [\w-]+\.[\w-]+\.[\w-]+$", Member(text, "authorization"));
        Assert.Equal("""{"rows": 3}""", Member(file, "body"));
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_66_invoke_finds_the_functions_path_and_method()
    {
        using var site = Site();
        await using var host = await HostProcess.StartAsync(site.Directory);

        Assert.Equal("anything\n", (await InvokeAsync(host, site, "ticket")).Output);
        Assert.Equal("concert\n", (await InvokeAsync(host, site, "ticket", "--path", "/tickets/concert")).Output);
        Assert.Equal("GET\n", (await InvokeAsync(host, site, "reader")).Output);
        var wrong = await InvokeAsync(host, site, "ticket", "--path", "/elsewhere");
        Assert.Equal((1, "ticket does not answer at /elsewhere, but at /tickets/:event and /ticket."), (wrong.ExitCode, wrong.Errors.Trim()));
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_66_invoke_plays_a_tick_and_starts_a_background_run()
    {
        using var site = Site();
        await using var host = await HostProcess.StartAsync(site.Directory);

        var tick = await InvokeAsync(host, site, "tick");
        var job = await InvokeAsync(host, site, "job", "--payload", """{"rows":2}""");

        Assert.Equal(0, tick.ExitCode);
        await host.WaitForLineAsync("ticked by Netlify Clockwork at 20");
        Assert.Equal((0, "Accepted: it runs in the background."), (job.ExitCode, job.Errors.Trim()));
        await host.WaitForLineAsync("job got {\"rows\":2}");
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_66_invoke_prints_a_stream_as_it_comes()
    {
        using var site = Site();
        await using var host = await HostProcess.StartAsync(site.Directory);
        using var client = new HttpClient { BaseAddress = host.Address };
        var (program, arguments) = Repository.SandboxHost("functions", "invoke", "stream", "--port", host.Port.ToString(CultureInfo.InvariantCulture));
        using var process = CommandRun.Start(program, site.Directory, arguments);

        // The second half is written only when somebody asks for it, which we do after the first was printed.
        Assert.Equal("first", await process.StandardOutput.ReadLineAsync());
        await client.GetAsync("/.netlify/functions/stream?go");
        Assert.Equal("second", await process.StandardOutput.ReadLineAsync());
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_66_invoke_fails_when_the_function_does_and_when_nothing_listens()
    {
        using var site = new TemporarySite(("bad.mjs", "export default async () => { throw new TypeError('no luck'); };"));
        string[] command = ["functions", "invoke", "bad", "--cwd", site.Directory, "--port"];
        string port;
        await using (var host = await HostProcess.StartAsync(site.Directory))
        {
            port = host.Port.ToString(CultureInfo.InvariantCulture);
            var failed = await CommandRun.SandboxHostAsync([.. command, port]);

            Assert.Equal(1, failed.ExitCode);
            Assert.Contains("no luck", failed.Output);
            Assert.Matches(@"^The function answered with status 50\d\.$", failed.Errors.Trim());
        }

        var alone = await CommandRun.SandboxHostAsync([.. command, port]);
        Assert.Equal((1, $"Nothing listens at localhost:{port}. Start it with `sandboxhost dev`, or give its --port."), (alone.ExitCode, alone.Errors.Trim()));
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_66_invoke_needs_one_name_that_there_is()
    {
        using var site = Site();

        var unknown = await CommandRun.SandboxHostAsync("functions", "invoke", "eco", "--cwd", site.Directory);
        var twice = await CommandRun.SandboxHostAsync("functions", "invoke", "echo", "-n", "tick", "--cwd", site.Directory);
        var none = await CommandRun.SandboxHostAsync("functions", "invoke", "--cwd", site.Directory);

        Assert.Equal(1, unknown.ExitCode);
        Assert.Contains("Did you mean echo?", unknown.Errors);
        Assert.Contains("There are: broken, echo,", unknown.Errors);
        Assert.Equal((1, "The function's name is given twice, as echo and as tick: leave one out."), (twice.ExitCode, twice.Errors.Trim()));
        Assert.Equal(1, none.ExitCode);
        Assert.Contains("Which function?", none.Errors);
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_66_create_overwrites_nothing_and_names_the_mistake()
    {
        using var site = new TemporarySite(("mine.mjs", "export default () => new Response('mine');"));

        var created = await CommandRun.SandboxHostAsync("functions", "create", "chat", "--template", "streaming", "--cwd", site.Directory);
        var again = await CommandRun.SandboxHostAsync("functions", "create", "chat", "--cwd", site.Directory);
        var taken = await CommandRun.SandboxHostAsync("functions", "create", "mine", "--cwd", site.Directory);
        var illegal = await CommandRun.SandboxHostAsync("functions", "create", "../x", "--cwd", site.Directory);
        var download = await CommandRun.SandboxHostAsync("functions", "create", "x", "--url", "https://example.com/x", "--cwd", site.Directory);

        Assert.Contains("Created netlify/functions/chat/chat.mjs", created.Output);
        Assert.All([again, taken, illegal, download], run => Assert.Equal((1, ""), (run.ExitCode, run.Output)));
        Assert.Contains("There is a function chat in", again.Errors);
        Assert.Contains("There is a function mine in", taken.Errors);
        Assert.Contains("letters, digits, - and _ only", illegal.Errors);
        Assert.Contains("templates are not downloaded", download.Errors);
        Assert.Equal(["chat/chat.mjs", "mine.mjs"], FilesOf(site));
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_66_create_writes_TypeScript_where_TypeScript_is_written()
    {
        using var site = new TemporarySite(("mine.mts", "export default () => new Response('mine');"));
        site.WriteFile("package.json", "{}\n");

        var created = await CommandRun.SandboxHostAsync("functions", "create", "other", "--cwd", site.Directory);
        var javascript = await CommandRun.SandboxHostAsync("functions", "create", "third", "-l", "javascript", "--cwd", site.Directory);

        Assert.Contains("Added @netlify/functions to devDependencies of package.json, for its types: run npm install", created.Output);
        Assert.DoesNotContain("@netlify/functions", javascript.Output);
        Assert.Equal(["mine.mts", "other/other.mts", "third/third.mjs"], FilesOf(site));
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_66_dev_tells_of_requests_unless_it_is_to_be_quiet()
    {
        using var site = Site();
        await using var quiet = await HostProcess.StartAsync(site.Directory, "--quiet");
        await using var host = await HostProcess.StartAsync(site.Directory);
        using var client = new HttpClient();

        await client.GetAsync(new Uri(host.Address, "/.netlify/functions/echo?a=b"));
        await client.GetAsync(new Uri(host.Address, "/no/function/here"));
        await client.GetAsync(new Uri(quiet.Address, "/.netlify/functions/echo"));

        await host.WaitForLineAsync("Request from 127.0.0.1: GET /.netlify/functions/echo?a=b");
        await host.WaitForLineAsync(line => line.StartsWith("Response with status 200 in ", StringComparison.Ordinal) && line.EndsWith(" ms.", StringComparison.Ordinal), TimeSpan.FromSeconds(10));
        await quiet.StopAsync();
        await host.StopAsync();
        Assert.DoesNotContain(host.Output, line => line.Contains("/no/function/here", StringComparison.Ordinal));
        Assert.DoesNotContain(quiet.Output, line => line.StartsWith("Request from", StringComparison.Ordinal) || line.StartsWith("Response with", StringComparison.Ordinal));
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_66_dev_names_every_mistake_of_its_options()
    {
        var run = await CommandRun.SandboxHostAsync("dev", Repository.Example("hello"), "--live", "--geo", "nowhere.json", "--limit", "x=1");

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("--live of netlify dev is not here", run.Output);
        Assert.Contains("--geo nowhere.json: there is no such file", run.Output);
        Assert.Contains("--limit x=1", run.Output);
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_66_a_mistake_in_the_line_is_told_without_the_page_of_help()
    {
        var mistake = await CommandRun.SandboxHostAsync("dev", "--port", "eight");
        var nothing = await CommandRun.SandboxHostAsync("functions");

        Assert.Equal(1, mistake.ExitCode);
        Assert.Contains("eight", mistake.Errors);
        Assert.DoesNotContain("Usage:", mistake.Output);
        Assert.Contains("invoke", nothing.Output);
    }

    private static TemporarySite Site() => new(
        ("echo.mjs", Echo),
        ("broken.mjs", "export default ("),
        ("reader.mjs", "export default async (req) => new Response(req.method); export const config = { path: '/reader', method: 'GET' };"),
        ("ticket.mjs", "export default async (req, context) => new Response(context.params.event ?? 'anything'); export const config = { path: ['/tickets/:event', '/ticket'] };"),
        ("tick.mjs", "export default async (req) => { console.log(`ticked by ${req.headers.get('user-agent')} at ${(await req.json()).next_run}`); }; export const config = { schedule: '@hourly' };"),
        ("job.mjs", "export default async (req) => { console.log(`job got ${await req.text()}`); }; export const config = { background: true };"),
        ("stream.mjs", """
            let go;
            const gone = new Promise((resolve) => { go = resolve; });
            export default async (req) => {
              if (new URL(req.url).search === "?go") { go(); return new Response("going"); }
              return new Response(new ReadableStream({ async start(controller) {
                controller.enqueue(new TextEncoder().encode("first\n"));
                await gone;
                controller.enqueue(new TextEncoder().encode("second\n"));
                controller.close();
              } }));
            };
            """));

    private static Task<CommandRun> InvokeAsync(HostProcess host, TemporarySite site, params string[] arguments) => CommandRun.SandboxHostAsync(
        ["functions", "invoke", .. arguments, "--cwd", site.Directory, "--port", host.Port.ToString(CultureInfo.InvariantCulture)]);

    private static string? Member(CommandRun run, string name)
    {
        Assert.True(run.ExitCode == 0, run.Errors);
        return JsonDocument.Parse(run.Output).RootElement.GetProperty(name).GetString();
    }

    private static IEnumerable<string> FilesOf(TemporarySite site)
    {
        var functions = Path.Combine(site.Directory, "netlify/functions");
        return Directory.EnumerateFiles(functions, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(functions, file)).Order(StringComparer.Ordinal);
    }
}
