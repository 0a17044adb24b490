using SandboxHost.Conformance;

[assembly: AssemblyFixture(typeof(HostFixture))]

namespace SandboxHost.Conformance;

/// <summary>One host for the tests that need nothing special of it: the site of tests/functions, and a neighbour.</summary>
public sealed class HostFixture : IAsyncLifetime
{
    private static string Functions(string site) => Path.Combine(Repository.Root, "tests", "functions", site);

    public HostProcess Host { get; private set; } = null!;

    public HttpClient Client { get; private set; } = null!;

    /// <summary>A server on the host's loopback that functions must not reach, and one that they may.</summary>
    public LoopbackServer Forbidden { get; } = new("forbidden");

    public LoopbackServer Allowed { get; } = new("allowed");

    public async ValueTask InitializeAsync()
    {
        Host = await HostProcess.StartAsync(
            // Its memory is measured: what a burst of other tests left standing would go in the middle.
            "--max-placeholders", "2",
            Functions("site"), "--site", $"neighbour={Functions("neighbour")}", "--egress-allow", $"localhost:{Allowed.Port}");
        Client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false })
        {
            BaseAddress = Host.Address,
            Timeout = TimeSpan.FromSeconds(100),
        };
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        Forbidden.Dispose();
        Allowed.Dispose();
        await Host.DisposeAsync();
    }
}
