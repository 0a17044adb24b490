using SandboxHost.Deployments;
using SandboxHost.Events;
using SandboxHost.Routing;
using SandboxHost.Sites.Bundles;

namespace SandboxHost.Sites.Config;

/// <summary>
/// A function's config, checked, in the host's words. One comes from each place that may hold config (netlify.toml, a
/// generated file, the source); the stronger is laid <see cref="Over"/> the weaker. Null is "says nothing".
/// </summary>
public sealed record FunctionConfig
{
    public static readonly FunctionConfig Empty = new();

    private const string BackgroundSuffix = "-background";

    public IReadOnlyList<RoutePattern> Paths { get; init; } = [];

    public IReadOnlyList<string> Methods { get; init; } = [];

    public IReadOnlyList<RoutePattern> ExcludedPaths { get; init; } = [];

    public bool? PreferStatic { get; init; }

    public bool? Background { get; init; }

    public string? Schedule { get; init; }

    public RateLimitRule? RateLimit { get; init; }

    /// <summary>Never set together with <see cref="Vcpu"/>.</summary>
    public long? MemoryBytes { get; init; }

    public double? Vcpu { get; init; }

    public string? Region { get; init; }

    public TimeSpan? Timeout { get; init; }

    /// <summary>The name for people.</summary>
    public string? DisplayName { get; init; }

    /// <summary>What made the function, such as "@netlify/plugin-x@1.0.0".</summary>
    public string? Generator { get; init; }

    public IReadOnlyList<IncludeRule> IncludedFiles { get; init; } = [];

    /// <summary>npm packages that are copied as they are instead of bundled.</summary>
    public IReadOnlyList<string> ExternalModules { get; init; } = [];

    /// <summary>npm packages that are neither bundled nor copied.</summary>
    public IReadOnlyList<string> IgnoredModules { get; init; } = [];

    /// <summary>npm packages that the bundle imports and does not hold.</summary>
    public IEnumerable<string> Externals => ExternalModules.Concat(IgnoredModules);

    /// <summary>Slugs of the platform events that it is told of.</summary>
    public IReadOnlyList<string> Events { get; init; } = [];

    public IReadOnlyList<FunctionRoute> Routes => [.. Paths.Select(pattern => new FunctionRoute(pattern, Methods))];

    /// <summary>One vCPU goes with 2048 MB, whichever of the two was given (reference §8).</summary>
    private long? EffectiveMemoryBytes => MemoryBytes ?? (Vcpu is { } cpus ? (long)(cpus * 2048) * FunctionLimits.Megabyte : null);

    public FunctionKind KindOf(string functionName)
    {
        ArgumentNullException.ThrowIfNull(functionName);
        return Schedule is not null ? FunctionKind.Scheduled
            : Background == true || functionName.EndsWith(BackgroundSuffix, StringComparison.Ordinal) ? FunctionKind.Background
            : FunctionKind.Http;
    }

    /// <summary>What this one says, and where it says nothing what the other says. Lists of modules and files add up.</summary>
    public FunctionConfig Over(FunctionConfig weaker)
    {
        ArgumentNullException.ThrowIfNull(weaker);

        // Each of the two sets the other, so they are one value.
        var setsSize = MemoryBytes is not null || Vcpu is not null;
        return new FunctionConfig
        {
            Paths = Paths.Count > 0 ? Paths : weaker.Paths,
            Methods = Methods.Count > 0 ? Methods : weaker.Methods,
            ExcludedPaths = ExcludedPaths.Count > 0 ? ExcludedPaths : weaker.ExcludedPaths,
            PreferStatic = PreferStatic ?? weaker.PreferStatic,
            Background = Background ?? weaker.Background,
            Schedule = Schedule ?? weaker.Schedule,
            RateLimit = RateLimit ?? weaker.RateLimit,
            MemoryBytes = setsSize ? MemoryBytes : weaker.MemoryBytes,
            Vcpu = setsSize ? Vcpu : weaker.Vcpu,
            Region = Region ?? weaker.Region,
            Timeout = Timeout ?? weaker.Timeout,
            DisplayName = DisplayName ?? weaker.DisplayName,
            Generator = Generator ?? weaker.Generator,
            IncludedFiles = [.. weaker.IncludedFiles, .. IncludedFiles],
            ExternalModules = [.. weaker.ExternalModules.Union(ExternalModules)],
            IgnoredModules = [.. weaker.IgnoredModules.Union(IgnoredModules)],
            Events = [.. weaker.Events.Union(Events)],
        };
    }

    /// <summary>Properties that exclude each other, with the rule. They may come from different places.</summary>
    public IEnumerable<(string Property, string Rule)> ConflictsOf(string functionName)
    {
        var property = Paths.Count > 0 ? "path" : ExcludedPaths.Count > 0 ? "excludedPath" : null;
        if (property is not null && Schedule is not null)
        {
            yield return (property, "Scheduled functions must not specify a custom path.");
        }

        if (property is not null && PlatformEvent.OfFunction(functionName) is not null)
        {
            yield return (property, "Event-triggered functions must not specify a custom path.");
        }
    }

    /// <summary>The function's limits, with what the config says of them.</summary>
    public FunctionLimits LimitsOver(FunctionLimits limits, FunctionKind kind)
    {
        ArgumentNullException.ThrowIfNull(limits);
        var memory = EffectiveMemoryBytes;
        limits = limits with
        {
            MemoryBytes = memory ?? limits.MemoryBytes,
            Vcpu = Vcpu ?? (memory is null ? limits.Vcpu : null),
            Concurrency = kind == FunctionKind.Http ? limits.Concurrency : 1,
        };
        return (Timeout, kind) switch
        {
            ({ } time, FunctionKind.Http) => limits with { BufferedTime = time, StreamingTime = time },
            ({ } time, FunctionKind.Background) => limits with { BackgroundTime = time },
            ({ } time, FunctionKind.Scheduled) => limits with { ScheduledTime = time },
            _ => limits,
        };
    }
}
