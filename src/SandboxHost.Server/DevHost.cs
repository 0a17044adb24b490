using Microsoft.Extensions.Logging;
using SandboxHost.Control;
using SandboxHost.Deployments;
using SandboxHost.Output;
using SandboxHost.Sandboxes;
using SandboxHost.Sites;
using SandboxHost.Sites.Bundles;
using SandboxHost.Sites.Settings;

namespace SandboxHost.Server;

/// <summary>A site folder to serve.</summary>
/// <param name="Name">A DNS label; null for the main site, which answers at every other name.</param>
public sealed record SiteArgument(string? Name, string Directory);

/// <summary>What `sandboxhost dev` was asked to do.</summary>
public sealed record DevHostOptions : HostOptions
{
    /// <summary>The first is the main site.</summary>
    public required IReadOnlyList<SiteArgument> Sites { get; init; }

    /// <summary>Private addresses that functions of every site may reach, beyond those of the sites' settings.</summary>
    public IReadOnlyList<string> EgressAllow { get; init; } = [];

    /// <summary>Where clients appear to be.</summary>
    public GeoLocation Geo { get; init; } = GeoLocation.Mock;

    /// <summary>The deploy context of all sites; see <see cref="SiteFolderOptions.Context"/>.</summary>
    public string Context { get; init; } = DeployContext.Dev;

    /// <summary>Where the main site's functions lie, relative to its folder; null: where its netlify.toml says.</summary>
    public string? FunctionsDirectory { get; init; }

    /// <summary>What the main site publishes, relative to its folder; null: what its netlify.toml says.</summary>
    public string? PublishDirectory { get; init; }

    /// <summary>The host's own environment, for the variables that the sites' files name.</summary>
    public IReadOnlyDictionary<string, string> ProcessEnvironment { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);
}

/// <summary>The whole host, for a developer's machine: sites from folders, served from this process.</summary>
public sealed class DevHost : IAsyncDisposable
{
    private readonly HostParts _parts;

    private DevHost(HostParts parts) => _parts = parts;

    public IReadOnlyCollection<string> Addresses => _parts.Server!.Addresses;

    /// <summary>Where debuggers connect; null without <see cref="HostOptions.InspectPort"/>.</summary>
    public string? InspectorAddress => _parts.Inspector?.Address;

    /// <summary>Completes when the pool of placeholders is full.</summary>
    public Task PlaceholdersReady => _parts.Workers!.PlaceholdersReady;

    /// <exception cref="SandboxException">This host can't isolate as it should.</exception>
    /// <exception cref="IOException">A port is taken.</exception>
    public static async Task<DevHost> StartAsync(
        DevHostOptions options, ILogSink output, Action<SiteEvent> events, ILoggerFactory loggers, TimeProvider clock, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggers);
        options = options with { Listen = options.ListenWithPorts() };
        var parts = new HostParts(options, output, loggers, clock);
        try
        {
            var folders = options.Sites.Select(site => FolderFor(site, options, events, parts.Own(ArtifactsFolder.Claim(site.Directory)).Path)).ToList();
            var sites = parts.Own(new DevSites(folders, parts.Snapshots, clock));
            var workDirectory = Path.Combine(options.Sites[0].Directory, ".sandboxhost", "work");
            await Task.WhenAll(
                Task.Run(() => sites.StartAsync(cancellationToken), CancellationToken.None),
                parts.OpenAsync([.. options.Sites.Select(HostNameOf).Distinct()], workDirectory, load: null, cancellationToken));
            await parts.ServeAsync(cancellationToken);
            await parts.StartWorkAsync();
            await ServeControlAsync(parts, ControlSocket.PathFor(options.Sites[0].Directory), loggers.CreateLogger<DevHost>(), cancellationToken);
            return new DevHost(parts);
        }
        catch
        {
            await parts.DisposeAsync();
            throw;
        }
    }

    /// <summary>Answers what runs, then ends every worker. When it returns, nothing is left.</summary>
    public ValueTask DisposeAsync() => _parts.DisposeAsync();

    // A path that is too long, a file system without sockets, another host of the folder: sites are served all the same.
    private static async Task ServeControlAsync(HostParts parts, string path, ILogger logger, CancellationToken cancellationToken)
    {
        if (ControlSocket.IsLive(path))
        {
            logger.ControlSocketTaken(path);
            return;
        }

        try
        {
            await parts.ServeControlAsync(path, deployer: null, cancellationToken);
        }
        catch (IOException ex)
        {
            logger.ControlSocketFailed(ex.Message);
        }
    }

    /// <param name="artifacts">Where to put what is built.</param>
    internal static SiteFolder FolderFor(SiteArgument site, DevHostOptions options, Action<SiteEvent> events, string artifacts)
    {
        var name = site.Name ?? SiteNameOf(site.Directory);
        var url = $"http://{(site.Name is null ? "localhost" : HostNameOf(site))}:{options.Listen.Port}";
        return new SiteFolder(
            new SiteFolderOptions(site.Directory, name, url, [HostNameOf(site)], options.Limits)
            {
                Debuggable = options.InspectPort is not null,
                Geo = options.Geo,
                ArtifactsDirectory = artifacts,
                EgressAllow = options.EgressAllow,
                Context = options.Context,
                FunctionsDirectory = site.Name is null ? options.FunctionsDirectory : null,
                PublishDirectory = site.Name is null ? options.PublishDirectory : null,
                ProcessEnvironment = options.ProcessEnvironment,
            },
            new EsbuildBundler(options.Files.Esbuild),
            events);
    }

    private static string HostNameOf(SiteArgument site) => $"{site.Name ?? SiteNameOf(site.Directory)}.localhost";

    // A folder's name may hold what a host name may not.
    private static string SiteNameOf(string directory)
    {
        var letters = Path.GetFileName(Path.TrimEndingDirectorySeparator(directory)).ToLowerInvariant()
            .Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-');
        var name = string.Concat(letters).Trim('-');
        return name.Length > 0 ? name : "site";
    }
}
