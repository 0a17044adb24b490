namespace SandboxHost.Conformance;

/// <summary>A host of its own for one class of tests, with a site that is made for them.</summary>
public abstract class SiteFixture : IAsyncLifetime
{
    public TemporarySite Site { get; } = new();

    public HostProcess Host { get; private set; } = null!;

    public HttpClient Client { get; private set; } = null!;

    /// <summary>Arguments beside the site's folder.</summary>
    protected virtual string[] Arguments => [];

    /// <summary>Writes the site's files.</summary>
    protected abstract void Fill(TemporarySite site);

    public async ValueTask InitializeAsync()
    {
        Fill(Site);
        Host = await HostProcess.StartAsync([Site.Directory, .. Arguments]);
        Client = NewClient();
    }

    public HttpClient NewClient(SocketsHttpHandler? handler = null)
    {
        handler ??= new SocketsHttpHandler();
        (handler.AllowAutoRedirect, handler.UseCookies, handler.UseProxy) = (false, false, false);
        return new HttpClient(handler) { BaseAddress = Host.Address, Timeout = TimeSpan.FromSeconds(60) };
    }

    /// <summary>Asks with an Accept header, whatever the status.</summary>
    public async Task<(HttpResponseMessage Reply, string Text)> AskAsync(string path, string accept = "*/*", HttpMethod? method = null, string? userAgent = null)
    {
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        if (userAgent is not null)
        {
            request.Headers.TryAddWithoutValidation("User-Agent", userAgent);
        }

        var reply = await Client.SendAsync(request);
        return (reply, await reply.Content.ReadAsStringAsync());
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        Client.Dispose();
        await Host.DisposeAsync();
        Site.Dispose();
    }
}
