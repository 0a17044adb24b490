using System.Globalization;
using System.Text.Json;

namespace SandboxHost.Chaos.Load;

/// <summary>
/// The site that the load asks, and its ledger. Its function waits a little, as functions do, repeats the request's id in
/// head and body, and ends each body with a line that says so.
/// </summary>
internal sealed class LoadSite : IAsyncDisposable
{
    /// <summary>The time limit of its function.</summary>
    public static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(2);

    /// <summary>Invocations that one of its workers runs at a time: the default.</summary>
    public const int Concurrency = 10;

    /// <summary>The function that the load asks; it has a path for each kind of request.</summary>
    public const string Function = "load";

    /// <summary>The name by which a host knows it that serves it as a deploy.</summary>
    public const string HostName = $"{Function}.localhost";

    private LoadSite(RunLedger ledger)
    {
        Ledger = ledger;
        WriteVersion(1);
        Folder.WriteFile("sandboxhost.toml", string.Create(CultureInfo.InvariantCulture, $"""
            [limits]
            buffered_time = "{TimeLimit.TotalSeconds}s"
            streaming_time = "{TimeLimit.TotalSeconds}s"

            [environment]
            LEDGER = "http://host.internal:{ledger.Port}/"

            [egress]
            allow = ["localhost:{ledger.Port}"]

            """));
    }

    public TemporarySite Folder { get; } = new();

    public RunLedger Ledger { get; }

    public static async Task<LoadSite> CreateAsync() => new(await RunLedger.StartAsync());

    /// <summary>Edits the function. A host of the folder puts the version live at once.</summary>
    public void WriteVersion(int version) => Folder.Write($"{Function}.mjs", $$"""
        const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
        const lines = (id) => [id, "version {{version}}", "one", "two", "end"];

        async function read(id) {
          await wait(5);
          return lines(id).join("\n");
        }

        async function write(id) {
          await fetch(process.env.LEDGER + id, { method: "POST" });
          await wait(5);
          return lines(id).join("\n");
        }

        function stream(id) {
          const encoder = new TextEncoder();
          return new ReadableStream({
            async start(controller) {
              for (const [index, line] of lines(id).entries()) {
                controller.enqueue(encoder.encode(index === 0 ? line : `\n${line}`));
                await wait(1);
              }
              controller.close();
            },
          });
        }

        export default async (req) => {
          const url = new URL(req.url);
          const id = req.method === "POST" ? await req.text() : url.searchParams.get("id");
          const answer = { "/read": read, "/write": write, "/stream": stream }[url.pathname];
          return new Response(await answer(id), { headers: { "x-load-id": id } });
        };

        export const config = { path: ["/read", "/write", "/stream"] };
        """);

    /// <summary>Starts a host for it, and asks its function once in each way, so that it has a worker.</summary>
    public async Task<HostProcess> StartHostAsync(int port = 0, IReadOnlyDictionary<string, string>? environment = null, params string[] arguments)
    {
        var host = await HostProcess.StartAsync([Folder.Directory, "-q", .. arguments], port, environment);
        using var client = ClientOf(host);
        await AskInEachWayAsync(client);
        return host;
    }

    /// <summary>Deploys the folder as it is to a host that serves deploys, and publishes it.</summary>
    /// <returns>The deploy's id.</returns>
    public async Task<string> DeployAsync(string dataDirectory)
    {
        var run = await CommandRun.SandboxHostAsync("deploy", Folder.Directory, "--create-site", Function, "--prod", "--data", dataDirectory, "--json");
        Assert.True(run.ExitCode == 0, run.Errors + run.Output);
        return JsonDocument.Parse(run.Output).RootElement.GetProperty("id").GetString()!;
    }

    /// <summary>Asks the function once in each way, so that it has a worker.</summary>
    public static async Task AskInEachWayAsync(HttpClient client)
    {
        await client.GetStringAsync("/read?id=first");
        await client.GetStringAsync("/stream?id=first");
        using var reply = await client.PostAsync("/write", new StringContent("first"));
        Assert.Equal(200, (int)reply.StatusCode);
    }

    /// <summary>The version that answers now.</summary>
    public static async Task<int> VersionAsync(HttpClient client) => LoadAnswer.VersionIn(await client.GetStringAsync("/read?id=look"));

    public static Uri AddressOf(HostProcess host) => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{host.Port}"));

    /// <param name="hostName">By which the host knows the site; null for a host of the folder.</param>
    public static HttpClient ClientOf(HostProcess host, string? hostName = null) =>
        new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false })
        {
            BaseAddress = AddressOf(host),
            Timeout = LoadDriver.HangLimit,
            DefaultRequestHeaders = { Host = hostName },
        };

    public async ValueTask DisposeAsync()
    {
        Folder.Dispose();
        await Ledger.DisposeAsync();
    }
}
