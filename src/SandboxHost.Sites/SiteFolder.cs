using System.Security.Cryptography;
using System.Text;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Routing;

namespace SandboxHost.Sites;

/// <summary>What happened to a function while its site folder was read.</summary>
public enum SiteEventKind
{
    Loaded,
    Reloaded,
    Removed,
    Failed,
    Warning,
}

/// <param name="Text">With <see cref="SiteEventKind.Failed"/> and <see cref="SiteEventKind.Warning"/>: what is wrong, with positions in the author's files.</param>
public readonly record struct SiteEvent(SiteEventKind Kind, string Site, string Function, string Text);

/// <summary>Where a site lies and how it is served.</summary>
/// <param name="Directory">Absolute.</param>
/// <param name="HostLimits">The host's limits; the site's settings are laid over them.</param>
public sealed record SiteFolderOptions(string Directory, string Name, string Url, IReadOnlyList<string> HostNames, FunctionLimits HostLimits);

/// <summary>
/// A site folder on a developer's machine. Each build reads what has changed and gives a new snapshot; a function whose
/// bundle and settings are the same keeps its version and its warm workers. A function that does not build answers with
/// its error, and its neighbours go on.
/// </summary>
public sealed class SiteFolder(SiteFolderOptions options, EsbuildBundler bundler, Action<SiteEvent> events)
{
    private const string DefaultFunctionsDirectory = "netlify/functions";
    private const string OlderFunctionsDirectory = "netlify-automatic-functions";
    private const int ParallelBuilds = 2;

    private readonly Dictionary<string, BuiltFunction> _built = new(StringComparer.Ordinal);
    private SiteSettings _settings = SiteSettings.Empty;
    private string _settingsText = "";
    private IReadOnlySet<string> _usedBefore = new HashSet<string>();

    public string Name => options.Name;

    /// <summary>Private addresses that the site's functions may reach.</summary>
    public IReadOnlyList<string> EgressAllow => _settings.EgressAllow;

    /// <summary>What a change of should lead to another build: directories, and whether with all below them.</summary>
    public IEnumerable<(string Directory, bool Recursive)> WatchedDirectories
    {
        get
        {
            yield return (options.Directory, false);
            if (FunctionsDirectory is { } functions && Directory.Exists(functions))
            {
                yield return (Path.GetDirectoryName(functions)!, false);
                yield return (functions, true);
            }
            else if (Directory.Exists(Path.Combine(options.Directory, "netlify")))
            {
                yield return (Path.Combine(options.Directory, "netlify"), false);
            }

            var outside = _built.Values.SelectMany(built => built.Inputs).Select(Path.GetDirectoryName).OfType<string>();
            foreach (var directory in outside.Distinct(StringComparer.Ordinal))
            {
                yield return (directory, false);
            }
        }
    }

    private string? FunctionsDirectory
    {
        get
        {
            var older = Path.Combine(options.Directory, OlderFunctionsDirectory);
            return Directory.Exists(older) ? older : Path.Combine(options.Directory, DefaultFunctionsDirectory);
        }
    }

    private string ArtifactsDirectory => Path.Combine(options.Directory, ".sandboxhost", "functions");

    /// <summary>Builds what is new or changed.</summary>
    /// <param name="changed">Absolute paths that changed; null: look at everything.</param>
    public async Task<SiteSnapshot> BuildAsync(IReadOnlySet<string>? changed, CancellationToken cancellationToken)
    {
        var settingsChanged = ReadSettings();
        var sources = FunctionFinder.Find(FunctionsDirectory!, mistake => Raise(SiteEventKind.Warning, "", mistake));
        Forget(sources);
        var stale = sources.Where(source => settingsChanged || NeedsBuild(source, changed)).ToList();
        var bundles = new Dictionary<FunctionSource, Bundle>();
        var gate = new Lock();
        await Parallel.ForEachAsync(
            stale,
            new ParallelOptions { MaxDegreeOfParallelism = ParallelBuilds, CancellationToken = cancellationToken },
            async (source, token) =>
            {
                var bundle = await bundler.BundleAsync(source, options.Directory, token);
                lock (gate)
                {
                    bundles[source] = bundle;
                }
            });
        foreach (var source in stale)
        {
            Take(source, bundles[source]);
        }

        RemoveUnusedArtifacts();
        var functions = sources.Select(source => _built[source.Name].Version).ToList();
        return new SiteSnapshot
        {
            Identity = Identity,
            HostNames = options.HostNames,
            Functions = functions,
            Routes = new RouteTable(functions),
            EventSecret = _settings.EventSecret,
        };
    }

    private SiteIdentity Identity => new(IdOf(options.Name), options.Name, options.Url, IdOf("account"));

    private bool ReadSettings()
    {
        var path = Path.Combine(options.Directory, SiteSettings.FileName);
        var text = File.Exists(path) ? File.ReadAllText(path) : "";
        if (text == _settingsText)
        {
            return false;
        }

        var mistakes = new List<string>();
        _settings = SiteSettings.Read(path, mistakes);
        _settingsText = text;
        mistakes.ForEach(mistake => Raise(SiteEventKind.Warning, "", mistake));
        return true;
    }

    private void Forget(IReadOnlyList<FunctionSource> sources)
    {
        var names = sources.Select(source => source.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var name in _built.Keys.Where(name => !names.Contains(name)).ToList())
        {
            _built.Remove(name);
            Raise(SiteEventKind.Removed, name, "");
        }
    }

    private bool NeedsBuild(FunctionSource source, IReadOnlySet<string>? changed) =>
        changed is null
        || !_built.TryGetValue(source.Name, out var built)
        || built.Version.BuildError is not null
        || built.Source != source
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

    private void Take(FunctionSource source, Bundle bundle)
    {
        var known = _built.GetValueOrDefault(source.Name);
        if (bundle.Failure is not null)
        {
            Fail(source, bundle.Inputs, bundle.Failure);
            return;
        }

        var mistakes = new List<string>();
        if (ReadConfig(source, bundle, mistakes) is not { } config || mistakes.Count > 0)
        {
            var file = Path.GetRelativePath(options.Directory, source.EntryFile);
            Fail(source, bundle.Inputs, string.Join('\n', mistakes.Select(mistake => $"{file}: {mistake}")));
            return;
        }

        var hash = HashOf(bundle, _settingsText);
        if (known?.Hash == hash)
        {
            // The same bundle may have come from other files: what is imported but not used leaves no trace in it.
            _built[source.Name] = known with { Source = source, Inputs = bundle.Inputs };
            return;
        }

        var version = Publish(source, bundle, config, hash);
        _built[source.Name] = new BuiltFunction(source, bundle.Inputs, version, hash);
        Raise(known is null ? SiteEventKind.Loaded : SiteEventKind.Reloaded, source.Name, "");
    }

    private void Fail(FunctionSource source, IReadOnlyList<string> inputs, string failure)
    {
        var known = _built.GetValueOrDefault(source.Name);
        if (known?.Version.BuildError?.Thrown?.Message == failure)
        {
            _built[source.Name] = known with { Source = source, Inputs = [.. inputs.Union(known.Inputs)] };
            return;
        }

        // What it was made of stays watched: there the mistake may be, and there it may be put right.
        inputs = [.. inputs.Union(known?.Inputs ?? [])];
        var file = Path.GetRelativePath(options.Directory, source.EntryFile);
        var error = new FunctionError(ErrorCode.LoadError, $"{file} does not build.")
        {
            Thrown = new ThrownError("BuildError", failure, []),
        };

        // It still answers where its last good version did, or at its default URL.
        var version = NewVersion(source, known?.Version.Routes ?? [], FunctionKind.Http, "", _settings.LimitsFor(source.Name, options.HostLimits), error, null);
        _built[source.Name] = new BuiltFunction(source, inputs, version, "");
        Raise(SiteEventKind.Failed, source.Name, failure);
    }

    private FunctionConfig? ReadConfig(FunctionSource source, Bundle bundle, List<string> mistakes)
    {
        try
        {
            var exports = ModuleConfigReader.Read(bundle.Code);
            foreach (var name in exports.Ignored)
            {
                Raise(SiteEventKind.Warning, source.Name, $"config.{name} is not a literal and is ignored: config is read without running the module.");
            }

            return FunctionConfig.Read(source.Name, exports.Config, mistakes) with { Events = EventSubscriptions.Of(source.Name, exports) };
        }
        catch (FormatException ex)
        {
            mistakes.Add(ex.Message);
            return null;
        }
    }

    private FunctionVersion Publish(FunctionSource source, Bundle bundle, FunctionConfig config, string hash)
    {
        var directory = Path.Combine(ArtifactsDirectory, $"{source.Name}-{hash}");
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, source.Name + ".mjs"), bundle.Code);
        File.WriteAllText(Path.Combine(directory, source.Name + ".mjs.map"), bundle.SourceMap);
        var limits = _settings.LimitsFor(source.Name, options.HostLimits);
        limits = limits with
        {
            MemoryBytes = config.MemoryBytes ?? limits.MemoryBytes,
            Vcpu = config.Vcpu ?? (config.MemoryBytes is null ? limits.Vcpu : null),
            Concurrency = config.Kind == FunctionKind.Http ? limits.Concurrency : 1,
        };
        return NewVersion(source, config.Routes, config.Kind, directory, limits, null, config);
    }

    private FunctionVersion NewVersion(
        FunctionSource source,
        IReadOnlyList<FunctionRoute> routes,
        FunctionKind kind,
        string directory,
        FunctionLimits limits,
        FunctionError? error,
        FunctionConfig? config) => new()
        {
            Site = Identity,
            Deploy = new DeployIdentity("0", "dev", Published: false),
            Name = source.Name,
            Runtime = "node",
            Kind = kind,
            ArtifactDirectory = directory,
            Entry = source.Name + ".mjs",
            Routes = routes,
            ExcludedPaths = config?.ExcludedPaths ?? [],
            Schedule = config?.Schedule,
            RateLimit = config?.RateLimit,
            // One that does not build any more is still told, so that its runs are tried again when it does.
            Events = config?.Events ?? _built.GetValueOrDefault(source.Name)?.Version.Events ?? [],
            Environment = EnvironmentOf(),
            Limits = limits,
            ShowErrors = true,
            BuildError = error,
        };

    // What Netlify's own dev server sets (reference §3.8), under the site's own.
    private Dictionary<string, string> EnvironmentOf()
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
            ["CONTEXT"] = "dev",
            ["NETLIFY_LOCAL"] = "true",
            ["NETLIFY_DEV"] = "true",
        };
        foreach (var (name, value) in _settings.Environment)
        {
            environment[name] = value;
        }

        return environment;
    }

    private void RemoveUnusedArtifacts()
    {
        if (!Directory.Exists(ArtifactsDirectory))
        {
            return;
        }

        // Until the new snapshot is published, and while requests hold the one before, workers start from its files.
        var used = _built.Values.Select(built => built.Version.ArtifactDirectory).ToHashSet(StringComparer.Ordinal);
        var kept = used.Concat(_usedBefore).ToHashSet(StringComparer.Ordinal);
        foreach (var directory in Directory.EnumerateDirectories(ArtifactsDirectory).Where(directory => !kept.Contains(directory)))
        {
            Directory.Delete(directory, recursive: true);
        }

        _usedBefore = used;
    }

    private void Raise(SiteEventKind kind, string function, string text) => events(new SiteEvent(kind, options.Name, function, text));

    private static string HashOf(Bundle bundle, string settings) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{bundle.Code}\0{bundle.SourceMap}\0{settings}")))[..16];

    // Ids on a developer's machine are made up, but the same at every start.
    private static string IdOf(string name) => new Guid(SHA256.HashData(Encoding.UTF8.GetBytes("sandboxhost:" + name))[..16]).ToString();

    private sealed record BuiltFunction(FunctionSource Source, IReadOnlyList<string> Inputs, FunctionVersion Version, string Hash);
}
