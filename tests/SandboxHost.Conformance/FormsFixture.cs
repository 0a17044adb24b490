using SandboxHost.Conformance;

[assembly: AssemblyFixture(typeof(FormsFixture))]

namespace SandboxHost.Conformance;

/// <summary>One host for the site of tests/functions/forms: the forms that a function can have, and what it is given.</summary>
public sealed class FormsFixture : IAsyncLifetime
{
    public HostProcess Host { get; private set; } = null!;

    public HttpClient Client { get; private set; } = null!;

    /// <summary>A server outside that functions may reach.</summary>
    public LoopbackServer Outside { get; } = new("outside");

    public async ValueTask InitializeAsync()
    {
        Host = await HostProcess.StartAsync(
            Path.Combine(Repository.Root, "tests", "functions", "forms"), "--egress-allow", $"localhost:{Outside.Port}");
        Client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = Host.Address };
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        Outside.Dispose();
        await Host.DisposeAsync();
    }
}
