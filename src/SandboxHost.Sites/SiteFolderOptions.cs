using SandboxHost.Deployments;
using SandboxHost.Sites.Bundles;
using SandboxHost.Sites.Settings;

namespace SandboxHost.Sites;

/// <summary>Where a site lies and how it is served.</summary>
/// <param name="Directory">Absolute.</param>
/// <param name="HostLimits">The host's limits; the site's settings are laid over them.</param>
public sealed record SiteFolderOptions(string Directory, string Name, string Url, IReadOnlyList<string> HostNames, FunctionLimits HostLimits)
{
    public string Directory { get; init; } = Path.TrimEndingDirectorySeparator(Directory);

    /// <summary>The deploy context whose settings hold: "dev", "production", "branch:NAME" and so on.</summary>
    public string Context { get; init; } = DeployContext.Dev;

    /// <summary>It is built to be deployed: what counts on a developer's machine only, [dev] and .env files, is left out. Default false.</summary>
    public bool IsDeploy { get; init; }

    /// <summary>Functions are made for a debugger: see <see cref="DebuggableModule"/>. Default false.</summary>
    public bool Debuggable { get; init; }

    /// <summary>Where clients appear to be.</summary>
    public GeoLocation Geo { get; init; } = GeoLocation.Mock;

    /// <summary>Private addresses that functions of every site may reach, beside those of the site's own settings. See <see cref="Egress.EgressRules.AllowedPrivate"/>.</summary>
    public IReadOnlyList<string> EgressAllow { get; init; } = [];

    /// <summary>What was built is put there: an absolute path that nobody else uses. See <see cref="ArtifactsFolder"/>.</summary>
    public string ArtifactsDirectory { get; init; } = Path.Combine(Directory, ".sandboxhost", "functions");

    /// <summary>Where functions lie, whatever netlify.toml says; relative to the site's folder.</summary>
    public string? FunctionsDirectory { get; init; }

    /// <summary>What is published, whatever netlify.toml says; relative to the site's folder.</summary>
    public string? PublishDirectory { get; init; }

    /// <summary>
    /// The environment of the host's own process. Its value is taken for a variable that the site's files name; no other
    /// of its variables reaches a function.
    /// </summary>
    public IReadOnlyDictionary<string, string> ProcessEnvironment { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);
}
