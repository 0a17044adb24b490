using System.Globalization;

namespace SandboxHost.Chaos.Load;

/// <summary>
/// The site that the load asks, and its ledger. Its functions wait a little, as functions do, repeat the request's id in
/// head and body, and end their bodies with a line that says so.
/// </summary>
internal sealed class LoadSite : IAsyncDisposable
{
    /// <summary>The time limit of its functions.</summary>
    public static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(2);

    /// <summary>Invocations that one of its workers runs at a time.</summary>
    public const int Concurrency = 4;

    private LoadSite(RunLedger ledger)
    {
        Ledger = ledger;
        WriteVersion(1);
        Folder.Write("write.mjs", """
            export default async (req) => {
              const id = await req.text();
              await fetch(process.env.LEDGER + id, { method: "POST" });
              await new Promise((resolve) => setTimeout(resolve, 5));
              return new Response(`${id}\nversion 1\nend`, { headers: { "x-load-id": id } });
            };
            export const config = { path: "/write", method: "POST" };
            """);
        Folder.Write("stream.mjs", """
            export default async (req) => {
              const id = new URL(req.url).searchParams.get("id");
              const lines = [id, "version 1", "one", "two", "end"];
              const body = new ReadableStream({
                async start(controller) {
                  for (const [index, line] of lines.entries()) {
                    controller.enqueue(new TextEncoder().encode(index === 0 ? line : `\n${line}`));
                    await new Promise((resolve) => setTimeout(resolve, 3));
                  }
                  controller.close();
                },
              });
              return new Response(body, { headers: { "x-load-id": id } });
            };
            export const config = { path: "/stream" };
            """);
        Folder.WriteFile("sandboxhost.toml", string.Create(CultureInfo.InvariantCulture, $"""
            [limits]
            concurrency = {Concurrency}
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

    /// <summary>Puts another version of the function that reads live.</summary>
    public void WriteVersion(int version) => Folder.Write("read.mjs", $$"""
        export default async (req) => {
          const id = new URL(req.url).searchParams.get("id");
          await new Promise((resolve) => setTimeout(resolve, 5));
          return new Response(`${id}\nversion {{version}}\nend`, { headers: { "x-load-id": id } });
        };
        export const config = { path: "/read" };
        """);

    /// <summary>Starts a host for it, and asks each function once, so that each has a worker.</summary>
    public async Task<HostProcess> StartHostAsync(int port = 0, IReadOnlyDictionary<string, string>? environment = null, params string[] arguments)
    {
        var host = await HostProcess.StartAsync([Folder.Directory, "-q", .. arguments], port, environment);
        using var client = ClientOf(host);
        await client.GetStringAsync("/read?id=first");
        await client.GetStringAsync("/stream?id=first");
        using var reply = await client.PostAsync("/write", new StringContent("first"));
        Assert.Equal(200, (int)reply.StatusCode);
        return host;
    }

    public static Uri AddressOf(HostProcess host) => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{host.Port}"));

    public static HttpClient ClientOf(HostProcess host) =>
        new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false }) { BaseAddress = AddressOf(host), Timeout = LoadDriver.HangLimit };

    public async ValueTask DisposeAsync()
    {
        Folder.Dispose();
        await Ledger.DisposeAsync();
    }
}
