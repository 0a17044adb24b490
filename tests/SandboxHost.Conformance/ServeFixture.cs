using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>A data directory, and the hosts that serve it one after the other.</summary>
public sealed class ServedData : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("sandboxhost-test-data-").FullName;
    private readonly List<HostProcess> _hosts = [];
    private readonly SocketsHttpHandler _handler = new() { AllowAutoRedirect = false, UseCookies = false, UseProxy = false };
    private HttpClient _client = new();

    public string Path => _directory;

    public HostProcess Host => _hosts[^1];

    public async Task StartAsync(params string[] arguments)
    {
        _hosts.Add(await HostProcess.ServeAsync(_directory, arguments));
        _client = new HttpClient(_handler, disposeHandler: false) { BaseAddress = Host.Address, Timeout = TimeSpan.FromSeconds(60) };
    }

    /// <summary>`sandboxhost …` with this data directory.</summary>
    public async Task<CommandRun> RunAsync(params string[] arguments) => await CommandRun.SandboxHostAsync([.. arguments, "--data", _directory]);

    public async Task<JsonElement> DeployAsync(TemporarySite site, string name, params string[] arguments)
    {
        var run = await RunAsync(["deploy", site.Directory, "--create-site", name, "--json", .. arguments]);
        Assert.True(run.ExitCode == 0, run.Errors + run.Output);
        return JsonDocument.Parse(run.Output).RootElement;
    }

    /// <summary>Asks as a browser that found the name in the DNS.</summary>
    public async Task<(int Status, string Text)> AskAsync(string hostName, string path, HttpMethod? method = null)
    {
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get, path) { Headers = { Host = hostName } };
        using var reply = await _client.SendAsync(request);
        return ((int)reply.StatusCode, await reply.Content.ReadAsStringAsync());
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        _handler.Dispose();
        foreach (var host in _hosts)
        {
            await host.DisposeAsync();
        }

        Directory.Delete(_directory, recursive: true);
    }
}
