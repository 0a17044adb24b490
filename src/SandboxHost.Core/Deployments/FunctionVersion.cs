using SandboxHost.Invocations;
using SandboxHost.Output;
using SandboxHost.Routing;

namespace SandboxHost.Deployments;

/// <summary>How a function is started.</summary>
public enum FunctionKind
{
    /// <summary>By HTTP; the client waits.</summary>
    Http,

    /// <summary>By HTTP; the client gets 202 at once.</summary>
    Background,

    /// <summary>By its schedule.</summary>
    Scheduled,
}

/// <summary>
/// One function of one deploy: immutable. Workers belong to it by reference, so an unchanged function keeps its version,
/// and with it its warm workers, across deploys of a site folder.
/// </summary>
public sealed class FunctionVersion
{
    public required SiteIdentity Site { get; init; }

    public required DeployIdentity Deploy { get; init; }

    /// <summary>The name in the URL: [A-Za-z0-9_-].</summary>
    public required string Name { get; init; }

    /// <summary>The runtime that runs it: "node".</summary>
    public required string Runtime { get; init; }

    public FunctionKind Kind { get; init; }

    /// <summary>The host's directory that holds the function's files, and nothing else.</summary>
    public required string ArtifactDirectory { get; init; }

    /// <summary>The module below <see cref="ArtifactDirectory"/>.</summary>
    public required string Entry { get; init; }

    /// <summary>Path patterns; empty: the default URL.</summary>
    public IReadOnlyList<FunctionRoute> Routes { get; init; } = [];

    public IReadOnlyList<RoutePattern> ExcludedPaths { get; init; } = [];

    /// <summary>A file of the site at the requested path goes first.</summary>
    public bool PreferStatic { get; init; }

    /// <summary>Null: as often as anybody likes.</summary>
    public RateLimitRule? RateLimit { get; init; }

    /// <summary>Netlify's code of the region that it asks for, lower case; null: the deploy's.</summary>
    public string? Region { get; init; }

    /// <summary>Where its clients appear to be.</summary>
    public GeoLocation Geo { get; init; } = GeoLocation.Mock;

    /// <summary>Five-field cron text, for <see cref="FunctionKind.Scheduled"/>.</summary>
    public string? Schedule { get; init; }

    /// <summary>Slugs of the platform events that it is told of.</summary>
    public IReadOnlyList<string> Events { get; init; } = [];

    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>For what it prints and throws.</summary>
    public SecretMask Secrets => field ??= new SecretMask(Environment);

    public required FunctionLimits Limits { get; init; }

    /// <summary>True on a developer's machine: error details may leave the host.</summary>
    public bool ShowErrors { get; init; }

    /// <summary>Set when its last edit did not build: it answers with this and runs nothing.</summary>
    public FunctionError? BuildError { get; init; }

    public override string ToString() => $"{Site.Name}/{Name}";
}

/// <summary>Who a site is.</summary>
/// <param name="Name">A DNS label; the site is served at NAME.localhost, or at any host when it is the main one.</param>
public sealed record SiteIdentity(string Id, string Name, string Url, string AccountId);

/// <summary>Which deploy of the site.</summary>
/// <param name="Context">"dev", "production", "deploy-preview", "branch-deploy" …</param>
/// <param name="Branch">The git branch; empty when there is none.</param>
public sealed record DeployIdentity(string Id, string Context, bool Published, string Branch = "");
