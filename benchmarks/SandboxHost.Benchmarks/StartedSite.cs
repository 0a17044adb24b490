using System.Globalization;
using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using SandboxHost.Output;
using SandboxHost.Server;
using SandboxHost.Sites;

namespace SandboxHost.Benchmarks;

/// <summary>A host that serves a folder of many equal functions, so that there is always one more that was never called.</summary>
internal sealed class StartedSite : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly DevHost _host;
    private readonly HttpClient _client;
    private readonly byte[] _firstByte = new byte[1];
    private int _called;

    private StartedSite(DirectoryInfo folder, DevHost host)
    {
        _folder = folder;
        _host = host;
        _client = new HttpClient { BaseAddress = new Uri(host.Addresses.First()) };
    }

    public static HostFiles Files { get; } = HostFiles.InRepository(
        Environment.GetEnvironmentVariable("SANDBOXHOST_HOME") ?? throw new InvalidOperationException("SANDBOXHOST_HOME is not set; use ./benchmarks/run --cold."));

    public Task PlaceholdersReady => _host.PlaceholdersReady;

    public static async Task<StartedSite> StartAsync(BundleSize bundle, int functions, int placeholders, TimeSpan keepAlive)
    {
        var folder = Directory.CreateTempSubdirectory("sandboxhost-benchmark-");
        try
        {
            WriteFunctions(folder, functions, GeneratedBundle.Create(bundle));
            var options = new DevHostOptions
            {
                Files = Files,
                Sites = [new SiteArgument(null, folder.FullName)],
                Listen = new ListenOptions { Port = 0 },
                Placeholders = placeholders,
                KeepAlive = keepAlive,
            };
            var host = await DevHost.StartAsync(
                options, new NoOutput(), Refuse, NullLoggerFactory.Instance, TimeProvider.System, CancellationToken.None);
            var site = new StartedSite(folder, host);
            await site.OpenConnectionAsync();
            return site;
        }
        catch
        {
            folder.Delete(recursive: true);
            throw;
        }
    }

    /// <summary>Calls so many functions, one after the other, and begins with the first again.</summary>
    public async Task CallEachOnceAsync(int functions)
    {
        for (var i = 0; i < functions; i++)
        {
            await CallNextAsync();
        }

        _called = 0;
    }

    /// <summary>Calls a function that has no worker yet and waits for the first byte of its body.</summary>
    public async Task<int> CallNextAsync()
    {
        var path = string.Create(CultureInfo.InvariantCulture, $"/.netlify/functions/{NameOf(_called++)}");
        using var response = await _client.GetAsync(new Uri(path, UriKind.Relative), HttpCompletionOption.ResponseHeadersRead);
        await using var body = await response.Content.ReadAsStreamAsync();
        var read = await body.ReadAsync(_firstByte);
        return response.StatusCode == HttpStatusCode.OK && read == 1
            ? read
            : throw new InvalidOperationException($"{path} answered {response.StatusCode}");
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _host.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    // A browser and a load balancer have their connection already.
    private async Task OpenConnectionAsync()
    {
        using var response = await _client.GetAsync(new Uri("/nothing-here", UriKind.Relative));
        await response.Content.ReadAsByteArrayAsync();
    }

    private static void WriteFunctions(DirectoryInfo folder, int count, string code)
    {
        var functions = folder.CreateSubdirectory("netlify/functions");
        for (var i = 0; i < count; i++)
        {
            File.WriteAllText(Path.Combine(functions.FullName, NameOf(i) + ".mjs"), code);
        }
    }

    private static string NameOf(int index) => string.Create(CultureInfo.InvariantCulture, $"f{index}");

    private static void Refuse(SiteEvent siteEvent)
    {
        if (siteEvent.Kind is SiteEventKind.Failed or SiteEventKind.Warning)
        {
            throw new InvalidOperationException($"{siteEvent.Function}: {siteEvent.Text}");
        }
    }

    private sealed class NoOutput : ILogSink
    {
        public void Write(in OutputLine line)
        {
            // A worker that complains answers with an error, and the call fails.
        }
    }
}
