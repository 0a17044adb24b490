using System.Security.Cryptography;
using System.Text;
using SandboxHost.Deployments;
using SandboxHost.Egress;
using SandboxHost.Invocations;
using SandboxHost.Routing;
using SandboxHost.Sites.Bundles;
using SandboxHost.Sites.Config;
using SandboxHost.Sites.Rules;
using SandboxHost.Sites.Settings;

namespace SandboxHost.Sites;

/// <summary>
/// A site folder on a developer's machine. Each build reads what has changed and gives a new snapshot; a function whose
/// bundle and settings are the same keeps its version and its warm workers. A function that does not build answers with
/// its error, and its neighbours go on.
/// </summary>
public sealed class SiteFolder(SiteFolderOptions options, EsbuildBundler bundler, Action<SiteEvent> events)
{
    /// <summary>Builds whose files stay: a worker of one may still be starting while its author saves again and again.</summary>
    private const int KeptBuilds = 20;

    // What a bundler and a package manager are told by: a change may be a change of every function.
    private static readonly HashSet<string> ProjectFiles = new(["package.json", "tsconfig.json", "jsconfig.json"], StringComparer.Ordinal);

    private readonly Dictionary<string, BuiltFunction> _built = new(StringComparer.Ordinal);
    private readonly Dictionary<string, IReadOnlyList<string>> _warnings = new(StringComparer.Ordinal);
    private readonly SiteConfigurationReader _reader = new(options);
    private readonly FunctionBuilder _builder = new(bundler, options.Directory);
    private SiteConfiguration? _configuration;
    private SiteRules _rules = SiteRules.None;
    private EgressPolicy _egress = EgressPolicy.Internet;
    private readonly Queue<IReadOnlySet<string>> _usedBefore = new();

    public string Name => options.Name;

    /// <summary>What the site's files said at the last build; null before the first.</summary>
    public SiteConfiguration? Configuration => _configuration;

    /// <summary>Where its author's functions lie, or would. Absolute.</summary>
    public string FunctionsDirectory => Configuration?.FunctionsDirectories.First() ?? Path.Combine(options.Directory, "netlify", "functions");

    /// <summary>What a change of should lead to another build: directories, and whether with all below them.</summary>
    public IEnumerable<(string Directory, bool Recursive)> WatchedDirectories
    {
        get
        {
            var functions = (_configuration?.FunctionsDirectories ?? []).SelectMany(Watched);
            var publish = _configuration?.PublishDirectory ?? options.Directory;

            // It may come and go; the site's folder does not, and what lies beside that one is not ours: it may be all of /tmp.
            IEnumerable<string> published = publish == options.Directory ? [publish] : [publish, Path.GetDirectoryName(publish)!];
            var settings = (_configuration?.Directories ?? []).Append(options.Directory).Concat(published).Select(directory => (directory, false));
            var inputs = _built.Values.SelectMany(built => built.Inputs).Select(Path.GetDirectoryName).OfType<string>()
                .Where(directory => !directory.Contains("/node_modules", StringComparison.Ordinal))
                .Select(directory => (directory, false));
            return functions.Concat(settings).Concat(inputs).Concat(_built.Values.SelectMany(built => built.Included.WatchedDirectories)).Distinct();
        }
    }

    private SiteIdentity Identity => new(IdOf(options.Name), options.Name, options.Url, IdOf("account"));

    /// <summary>Builds what is new or changed.</summary>
    /// <param name="changed">Absolute paths that changed; null: look at everything.</param>
    public async Task<SiteSnapshot> BuildAsync(IReadOnlySet<string>? changed, CancellationToken cancellationToken)
    {
        var configuration = ReadConfiguration(out var everything);
        everything |= changed?.Any(path => ProjectFiles.Contains(Path.GetFileName(path))) == true;
        if (everything || changed is null || changed.Any(IsOfRules))
        {
            var sourcesOfRules = new RuleSources(options.Directory, configuration.PublishDirectory, configuration.Netlify.Root, EnvironmentOf(configuration));
            _rules = SiteRules.Read(sourcesOfRules, mistake => Raise(SiteEventKind.Warning, "", mistake));
        }

        var sources = FunctionFinder.Find(
            configuration.FunctionsDirectories, configuration.InternalFunctionsDirectory, mistake => Raise(SiteEventKind.Warning, "", mistake));
        Forget(sources);
        var stale = sources.Where(source => everything || NeedsBuild(source, changed)).ToList();
        var builds = await _builder.BuildAsync(stale, configuration, cancellationToken);
        for (var i = 0; i < stale.Count; i++)
        {
            Take(stale[i], builds[i], configuration);
        }

        RemoveUnusedArtifacts();
        var functions = sources.Select(source => _built[source.Name].Version).ToList();
        return new SiteSnapshot
        {
            Identity = Identity,
            HostNames = options.HostNames,
            Functions = functions,
            Routes = new RouteTable(functions),
            EventSecret = configuration.Settings.EventSecret,
            Geo = options.Geo,
            Files = PublishDirectory.FilesOf(options.Directory, configuration.PublishDirectory, configuration.FunctionsDirectories),
            Redirects = _rules.Redirects,
            Headers = _rules.Headers,
            RoleTokens = _rules.RoleTokens,
            Egress = _egress,
        };
    }

    private bool IsOfRules(string changed) =>
        Path.GetFileName(changed) is RedirectsFile.Name or HeadersFile.Name || _configuration!.PublishDirectory.StartsWith(changed, StringComparison.Ordinal);

    private SiteConfiguration ReadConfiguration(out bool isNew)
    {
        var mistakes = new List<string>();
        var configuration = _reader.Read(mistakes);
        isNew = !ReferenceEquals(configuration, _configuration);
        _configuration = configuration;
        TakeEgress(configuration.Settings.Egress);
        mistakes.ForEach(mistake => Raise(SiteEventKind.Warning, "", mistake));
        return configuration;
    }

    // The same object while it says the same: connections of rewrites are kept with it.
    private void TakeEgress(EgressRules own)
    {
        var rules = own with { AllowedPrivate = [.. options.EgressAllow, .. own.AllowedPrivate] };
        if (rules.ToString() != _egress.Rules.ToString())
        {
            _egress = new EgressPolicy(rules);
        }
    }

    // A directory that is not there yet is waited for where it will appear.
    private IEnumerable<(string Directory, bool Recursive)> Watched(string directory)
    {
        yield return (directory, true);
        for (var above = Path.GetDirectoryName(directory); above is not null && above.StartsWith(options.Directory, StringComparison.Ordinal); above = Path.GetDirectoryName(above))
        {
            yield return (above, false);
        }
    }

    private void Forget(IReadOnlyList<FunctionSource> sources)
    {
        var names = sources.Select(source => source.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var name in _built.Keys.Where(name => !names.Contains(name)).ToList())
        {
            _built.Remove(name);
            _warnings.Remove(name);
            Raise(SiteEventKind.Removed, name, "");
        }
    }

    private bool NeedsBuild(FunctionSource source, IReadOnlySet<string>? changed) =>
        changed is null
        || !_built.TryGetValue(source.Name, out var built)
        || built.Version.BuildError is not null
        || built.Source != source
        || changed.Any(built.Included.Matches)
        || built.Inputs.Any(input => IsChanged(input, changed));

    // A directory that moves takes along what is in it, and only itself is told of.
    private static bool IsChanged(string? path, IReadOnlySet<string> changed)
    {
        while (path is not null)
        {
            if (changed.Contains(path))
            {
                return true;
            }

            path = Path.GetDirectoryName(path);
        }

        return false;
    }

    private void Take(FunctionSource source, FunctionBuild build, SiteConfiguration configuration)
    {
        WarnOf(source.Name, build.Warnings);
        var kind = build.Config.KindOf(source.Name);
        var limits = build.Config.LimitsOver(configuration.Settings.LimitsFor(source.Name, options.HostLimits), kind);
        var mistake = build.Artifact?.RuleAgainst(limits.BundleBytes);
        if (build.Artifact is null || mistake is not null)
        {
            Fail(source, build, mistake ?? string.Join('\n', build.Mistakes), configuration);
            return;
        }

        var known = _built.GetValueOrDefault(source.Name);
        var environment = EnvironmentOf(configuration);
        var hash = HashOf(build.Bundle.EntryPath, build.Bundle.Code, build.Bundle.SourceMap, build.Artifact.Stamp, StampOf(build.Config, limits, environment));
        if (known?.Hash == hash)
        {
            // The same bundle may have come from other files: what is imported but not used leaves no trace in it.
            _built[source.Name] = known with { Source = source, Inputs = build.Inputs, Included = build.Included };
            return;
        }

        var directory = Path.Combine(options.ArtifactsDirectory, $"{source.Name}-{hash}");
        if (build.Artifact.WriteTo(directory, options.Debuggable) is { } trouble)
        {
            Fail(source, build, trouble, configuration);
            return;
        }

        var version = NewVersion(source, configuration, build.Config, limits, directory, build.Bundle.EntryPath, null);
        _built[source.Name] = new BuiltFunction(source, build.Inputs, build.Included, version, hash);
        var told = string.Join(", by ", new[] { build.Config.DisplayName, build.Config.Generator }.Where(text => !string.IsNullOrWhiteSpace(text)));
        Raise(known is null ? SiteEventKind.Loaded : SiteEventKind.Reloaded, source.Name, told);
    }

    // An edit elsewhere is no reason to say the same again.
    private void WarnOf(string function, IReadOnlyList<string> warnings)
    {
        var said = _warnings.GetValueOrDefault(function) ?? [];
        _warnings[function] = warnings;
        foreach (var warning in warnings.Except(said, StringComparer.Ordinal))
        {
            Raise(SiteEventKind.Warning, function, warning);
        }
    }

    private void Fail(FunctionSource source, FunctionBuild build, string failure, SiteConfiguration configuration)
    {
        var known = _built.GetValueOrDefault(source.Name);

        // What it was made of stays watched: there the mistake may be, and there it may be put right.
        IReadOnlyList<string> inputs = [.. build.Inputs.Union(known?.Inputs ?? [])];
        if (known?.Version.BuildError?.Thrown?.Message == failure)
        {
            _built[source.Name] = known with { Source = source, Inputs = inputs, Included = build.Included };
            return;
        }

        var file = Path.GetRelativePath(options.Directory, source.EntryFile);
        var error = new FunctionError(ErrorCode.LoadError, $"{file} does not build.")
        {
            Thrown = new ThrownError("BuildError", failure, []),
        };

        // It still answers where its last good version did, or at its default URL.
        var routes = known?.Version.Routes ?? [];
        var config = FunctionConfig.Empty with
        {
            Paths = [.. routes.Select(route => route.Pattern)],
            Methods = routes.Count > 0 ? routes[0].Methods : [],
            // It is still told of events: their runs are tried again until it builds.
            Events = known?.Version.Events ?? build.Config.Events,
        };
        var version = NewVersion(source, configuration, config, configuration.Settings.LimitsFor(source.Name, options.HostLimits), "", "", error);
        _built[source.Name] = new BuiltFunction(source, inputs, build.Included, version, "");
        Raise(SiteEventKind.Failed, source.Name, failure);
    }

    private FunctionVersion NewVersion(
        FunctionSource source, SiteConfiguration configuration, FunctionConfig config, FunctionLimits limits, string directory, string entry, FunctionError? error) => new()
        {
            Site = Identity,
            Deploy = new DeployIdentity("0", configuration.Context.Name, Published: false),
            Name = source.Name,
            Runtime = "node",
            Kind = error is null ? config.KindOf(source.Name) : FunctionKind.Http,
            ArtifactDirectory = directory,
            Entry = entry,
            Routes = config.Routes,
            ExcludedPaths = config.ExcludedPaths,
            PreferStatic = config.PreferStatic ?? false,
            RateLimit = config.RateLimit,
            Region = config.Region,
            Events = config.Events,
            Schedule = config.Schedule,
            Environment = EnvironmentOf(configuration),
            Egress = _egress,
            Limits = options.Debuggable ? DebuggableModule.WithTime(limits) : limits,
            Geo = options.Geo,
            ShowErrors = true,
            BuildError = error,
        };

    // What Netlify's own dev server sets (reference §3.8), under the site's own.
    private Dictionary<string, string> EnvironmentOf(SiteConfiguration configuration)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["SITE_ID"] = Identity.Id,
            ["SITE_NAME"] = Identity.Name,
            ["ACCOUNT_ID"] = Identity.AccountId,
            ["DEPLOY_ID"] = "0",
            ["URL"] = options.Url,
            ["DEPLOY_URL"] = options.Url,
            ["DEPLOY_PRIME_URL"] = options.Url,
            ["CONTEXT"] = configuration.Context.Name,
            ["NETLIFY_LOCAL"] = "true",
            ["NETLIFY_DEV"] = "true",
        };
        if (configuration.Context.Branch.Length > 0)
        {
            environment["BRANCH"] = configuration.Context.Branch;
        }

        foreach (var (name, value) in configuration.Environment)
        {
            environment[name] = value;
        }

        return environment;
    }

    private void RemoveUnusedArtifacts()
    {
        if (!Directory.Exists(options.ArtifactsDirectory))
        {
            return;
        }

        // Until the new snapshot is published, and while requests hold the one before, workers start from its files.
        var used = _built.Values.Select(built => built.Version.ArtifactDirectory).ToHashSet(StringComparer.Ordinal);
        var kept = _usedBefore.Aggregate(used, (all, before) => [.. all, .. before]).ToHashSet(StringComparer.Ordinal);
        foreach (var directory in Directory.EnumerateDirectories(options.ArtifactsDirectory).Where(directory => !kept.Contains(directory)))
        {
            Directory.Delete(directory, recursive: true);
        }

        _usedBefore.Enqueue(used);
        if (_usedBefore.Count > KeptBuilds)
        {
            _usedBefore.Dequeue();
        }
    }

    private void Raise(SiteEventKind kind, string function, string text) => events(new SiteEvent(kind, options.Name, function, text));

    // Everything that a version says beside its code.
    private string StampOf(FunctionConfig config, FunctionLimits limits, Dictionary<string, string> environment) => string.Join('\0',
    [
        limits.ToString(), _egress.Rules.ToString(), string.Join(',', limits.BackgroundRetries), options.Debuggable.ToString(), _configuration!.Context.Name, config.KindOf("").ToString(), config.Schedule, config.Region, config.RateLimit?.ToString(), config.PreferStatic?.ToString(), string.Join(' ', config.Events),
        .. config.Routes.Select(route => $"{route.Pattern} {string.Join(' ', route.Methods)}"),
        .. config.ExcludedPaths.Select(pattern => $"!{pattern}"),
        .. environment.OrderBy(item => item.Key, StringComparer.Ordinal).Select(item => $"{item.Key}={item.Value}"),
    ]);

    private static string HashOf(params IEnumerable<string> parts) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', parts))))[..16];

    // Ids on a developer's machine are made up, but the same at every start.
    private static string IdOf(string name) => new Guid(SHA256.HashData(Encoding.UTF8.GetBytes("sandboxhost:" + name))[..16]).ToString();

    private sealed record BuiltFunction(FunctionSource Source, IReadOnlyList<string> Inputs, IncludedFiles Included, FunctionVersion Version, string Hash);
}
