using Microsoft.Extensions.Logging;
using SandboxHost.Control;
using SandboxHost.Deployments;
using SandboxHost.Output;
using SandboxHost.Sandboxes;
using SandboxHost.Sites.Deploys;
using SandboxHost.Storage;

namespace SandboxHost.Server;

/// <summary>What `sandboxhost serve` was asked to do.</summary>
public sealed record ServeHostOptions : HostOptions
{
    /// <summary>Where everything is kept that must survive. Absolute.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>Scheme, domain and port by which clients reach the sites below it; null: localhost at the port that is listened at.</summary>
    public Uri? PublicUrl { get; init; }

    /// <summary>Private addresses that functions may reach.</summary>
    public IReadOnlyList<string> EgressAllow { get; init; } = [];

    public DeployLimits Deploys { get; init; } = new();
}

/// <summary>The whole host for sites that are deployed to it: what it was given is in its data directory, and served again after a restart.</summary>
public sealed class ServeHost : IAsyncDisposable
{
    private readonly HostParts _parts;
    private readonly Deployer _deployer;

    private ServeHost(HostParts parts, Deployer deployer, Uri publicUrl)
    {
        _parts = parts;
        _deployer = deployer;
        PublicUrl = publicUrl;
    }

    public IReadOnlyCollection<string> Addresses => _parts.Server!.Addresses;

    /// <summary>Above all sites.</summary>
    public Uri PublicUrl { get; }

    public IReadOnlyList<Site> Sites => _deployer.Sites;

    public string UrlOf(Site site) => _deployer.UrlOf(site);

    /// <exception cref="SandboxException">This host can't isolate as it should.</exception>
    /// <exception cref="IOException">A port is taken, another host uses the data directory, or it can't be written to.</exception>
    /// <exception cref="Runs.RunStoreException">The store can't be opened.</exception>
    public static async Task<ServeHost> StartAsync(
        ServeHostOptions options, ILogSink output, ILoggerFactory loggers, TimeProvider clock, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggers);
        options = options with { Listen = options.ListenWithPorts() };
        var publicUrl = options.PublicUrl ?? new UriBuilder(Uri.UriSchemeHttp, "localhost", options.Listen.Port).Uri;
        var parts = new HostParts(options, output, loggers, clock);
        try
        {
            var content = parts.Own(DeployContent.Open(options.DataDirectory, new OperatorRules(options.Limits, options.EgressAllow)));
            Deployer? deployer = null;
            await parts.OpenAsync([], Path.Combine(options.DataDirectory, "work"), LoadAsync, cancellationToken);
            await parts.ServeAsync(cancellationToken);
            await Task.WhenAll(
                Task.Run(parts.StartWorkAsync, CancellationToken.None),
                parts.ServeControlAsync(ControlSocket.InDataDirectory(options.DataDirectory), deployer, cancellationToken));
            return new ServeHost(parts, deployer!, publicUrl);

            async Task<IAsyncDisposable> LoadAsync(BackgroundWork work)
            {
                deployer = new Deployer(
                    new SqliteDeployStore(work.Database),
                    content,
                    parts.Snapshots,
                    (site, message) => parts.Events!.RaiseAsync(site, message, CancellationToken.None),
                    new DeployAddresses(publicUrl),
                    options.Deploys,
                    clock);
                foreach (var mistake in await deployer.StartAsync(cancellationToken))
                {
                    loggers.CreateLogger<ServeHost>().DeployNotServed(mistake);
                }

                return deployer;
            }
        }
        catch
        {
            await parts.DisposeAsync();
            throw;
        }
    }

    /// <summary>Answers what runs, then ends every worker. When it returns, nothing is left but the data.</summary>
    public ValueTask DisposeAsync() => _parts.DisposeAsync();
}
