using System.Net;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>`dev --inspect`: a debugger sees the function as its author wrote it, and nothing runs away from it.</summary>
public sealed class InspectTests
{
    private const string Hello = """
        interface Greeting {
          text: string;
        }

        export default async (req: Request): Promise<Response> => {
          const name = new URL(req.url).searchParams.get("name") ?? "world";
          const greeting: Greeting = { text: `Hello, ${name}!` };
          return Response.json(greeting);
        };
        """;

    [Theory(Timeout = 60_000)]
    [InlineData("bubblewrap")]
    [InlineData("none")]
    public async Task Inspect_a_breakpoint_in_the_TypeScript_source_is_hit_and_shows_variables(string isolation)
    {
        using var site = new TemporarySite(("hello.mts", Hello));
        await using var host = await HostProcess.StartAsync(site.Directory, "--inspect=0", "--isolation", isolation);
        using var client = new HttpClient { BaseAddress = host.Address };
        await using var debugger = await Debugger.AttachAsync(await TargetAsync(host, "hello"), TestContext.Current.CancellationToken);
        var source = Path.Combine(site.Directory, "netlify/functions/hello.mts");
        await debugger.BreakAtAsync(source, 8);

        var reply = client.GetStringAsync("/.netlify/functions/hello?name=Ada");
        var (file, line, frame) = await debugger.PausedAsync();

        Assert.Equal((source, 8), (file, line));
        Assert.Equal("\"Ada\"", await debugger.EvaluateAsync(frame, "name"));
        Assert.Equal("""{"text":"Hello, Ada!"}""", await debugger.EvaluateAsync(frame, "greeting"));
        Assert.False(reply.IsCompleted);
        await debugger.ResumeAsync();
        Assert.Equal("""{"text":"Hello, Ada!"}""", await reply);
    }

    [Fact(Timeout = 60_000)]
    public async Task Inspect_a_function_that_stands_still_is_neither_late_nor_frozen_nor_killed()
    {
        using var site = new TemporarySite(("hello.mts", Hello));
        site.WriteFile("sandboxhost.toml", "[limits]\nstreaming_time = \"500ms\"\nbuffered_time = \"500ms\"\n");
        await using var host = await HostProcess.StartAsync(site.Directory, "--inspect=0", "--freeze-after", "0.1");
        using var client = new HttpClient { BaseAddress = host.Address };
        await using var debugger = await Debugger.AttachAsync(await TargetAsync(host, "hello"), TestContext.Current.CancellationToken);
        await debugger.BreakAtAsync(Path.Combine(site.Directory, "netlify/functions/hello.mts"), 7);

        var reply = client.GetStringAsync("/.netlify/functions/hello");
        var (_, _, frame) = await debugger.PausedAsync();
        // Three times each limit: only time itself can show that nothing happens in it.
        await Task.WhenAny(reply, debugger.Closed, Task.Delay(1500, TestContext.Current.CancellationToken));

        Assert.False(reply.IsCompleted);
        Assert.Equal("\"world\"", await debugger.EvaluateAsync(frame, "name"));
        await debugger.ResumeAsync();
        Assert.Equal("""{"text":"Hello, world!"}""", await reply);
    }

    [Fact(Timeout = 60_000)]
    public async Task Inspect_every_function_is_a_target_at_one_port_under_its_name_before_anybody_called_it()
    {
        using var main = new TemporarySite(("one.mjs", Nothing), ("two.mjs", Nothing), ("broken.mjs", "export default ("));
        using var other = new TemporarySite(("three.mjs", Nothing));
        await using var host = await HostProcess.StartAsync(main.Directory, "--site", $"b={other.Directory}", "--inspect=0");
        var address = await AddressAsync(host);
        using var client = new HttpClient();

        var targets = await client.GetFromJsonAsync<JsonElement>($"http://{address}/json/list");

        var mainName = Path.GetFileName(main.Directory).ToLowerInvariant();
        Assert.Equal([$"{mainName}/one", $"{mainName}/two", "b/three"], targets.EnumerateArray().Select(target => target.GetProperty("title").GetString()));
        Assert.All(targets.EnumerateArray(), target => Assert.Equal("node", target.GetProperty("type").GetString()));
        Assert.Equal($"ws://{address}/b/three", targets[2].GetProperty("webSocketDebuggerUrl").GetString());
        Assert.StartsWith("node.js/", (await client.GetFromJsonAsync<JsonElement>($"http://{address}/json/version")).GetProperty("Browser").GetString());
    }

    [Fact(Timeout = 60_000)]
    public async Task Inspect_an_edit_sends_the_debugger_away_and_it_finds_the_new_code_at_the_same_address()
    {
        using var site = new TemporarySite(("hello.mts", Hello));
        await using var host = await HostProcess.StartAsync(site.Directory, "--inspect=0");
        using var client = new HttpClient { BaseAddress = host.Address };
        var target = await TargetAsync(host, "hello");
        await using var before = await Debugger.AttachAsync(target, TestContext.Current.CancellationToken);

        site.Write("hello.mts", "// moved one line down\n" + Hello);
        await host.WaitForLineAsync("Reloaded function hello");
        await before.Closed.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        await using var after = await Debugger.AttachAsync(target, TestContext.Current.CancellationToken);
        await after.BreakAtAsync(Path.Combine(site.Directory, "netlify/functions/hello.mts"), 9);
        var reply = client.GetStringAsync("/.netlify/functions/hello");

        Assert.Equal(9, (await after.PausedAsync()).Line);
        await after.ResumeAsync();
        await reply;
    }

    [Fact(Timeout = 60_000)]
    public async Task Inspect_a_module_that_does_not_load_is_told_on_the_console()
    {
        using var site = new TemporarySite(("bad.mjs", "throw new Error('no luck'); export default async () => new Response('x');"));
        await using var host = await HostProcess.StartAsync(site.Directory, "--inspect=0");
        using var socket = new ClientWebSocket();
        var target = await TargetAsync(host, "bad");

        await Assert.ThrowsAsync<WebSocketException>(() => socket.ConnectAsync(target, TestContext.Current.CancellationToken));
        await host.WaitForLineAsync("[bad] A debugger could not attach: Error: no luck");
    }

    [Fact(Timeout = 60_000)]
    public async Task Inspect_a_taken_port_says_how_to_choose_another()
    {
        using var site = new TemporarySite(("hello.mjs", Nothing));
        await using var host = await HostProcess.StartAsync(site.Directory, "--inspect=0");

        var second = await CommandRun.SandboxHostAsync("dev", site.Directory, "--port", "0", "--inspect", (await AddressAsync(host)).Split(':')[1]);

        Assert.Equal(1, second.ExitCode);
        Assert.Contains("address already in use", second.Output);
        Assert.Contains("--inspect=PORT chooses another port", second.Output);
    }

    [Fact(Timeout = 60_000)]
    public async Task Inspect_web_pages_and_other_host_names_are_refused()
    {
        using var site = new TemporarySite(("hello.mjs", Nothing));
        await using var host = await HostProcess.StartAsync(site.Directory, "--inspect=0");
        var address = await AddressAsync(host);
        using var client = new HttpClient();

        async Task<HttpStatusCode> AskAsync(string name, string value)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"http://{address}/json/list");
            request.Headers.TryAddWithoutValidation(name, value);
            return (await client.SendAsync(request)).StatusCode;
        }

        Assert.Equal(HttpStatusCode.OK, await AskAsync("Accept", "*/*"));
        Assert.Equal(HttpStatusCode.OK, await AskAsync("Origin", "devtools://devtools"));
        Assert.Equal(HttpStatusCode.Forbidden, await AskAsync("Origin", "https://example.com"));
        Assert.Equal(HttpStatusCode.Forbidden, await AskAsync("Origin", "null"));
        Assert.Equal(HttpStatusCode.Forbidden, await AskAsync("Host", "rebound.example.com"));
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Origin", "https://example.com");
        await Assert.ThrowsAsync<WebSocketException>(() => socket.ConnectAsync(new Uri($"ws://{address}/hello"), TestContext.Current.CancellationToken));
    }

    [Fact(Timeout = 60_000)]
    public async Task Inspect_without_it_no_worker_can_be_debugged()
    {
        using var site = new TemporarySite(("hello.mjs", """
            import inspector from "node:inspector";
            export default async () => Response.json({ url: inspector.url() ?? null, names: Object.keys(process.env).filter((name) => name.startsWith("SANDBOXHOST")) });
            """));
        await using var host = await HostProcess.StartAsync(site.Directory);
        using var client = new HttpClient { BaseAddress = host.Address };

        Assert.Equal("""{"url":null,"names":[]}""", await client.GetStringAsync("/.netlify/functions/hello"));
        Assert.DoesNotContain(host.Output, line => line.Contains("Debuggers attach", StringComparison.Ordinal));
    }

    private const string Nothing = "export default async () => new Response('x');";

    private static async Task<string> AddressAsync(HostProcess host)
    {
        var line = await host.WaitForLineAsync("Debuggers attach at ");
        return line.Split("Debuggers attach at ")[1].Split(' ')[0];
    }

    private static async Task<Uri> TargetAsync(HostProcess host, string function) => new($"ws://{await AddressAsync(host)}/{function}");
}
