using System.Text.Json;
using SandboxHost.Sites.Bundles;
using SandboxHost.Sites.Config;
using SandboxHost.Sites.Settings;

namespace SandboxHost.Sites;

/// <summary>What came of building one function.</summary>
public sealed record FunctionBuild
{
    public required Bundle Bundle { get; init; }

    public FunctionConfig Config { get; init; } = FunctionConfig.Empty;

    /// <summary>What stops the function, as sentences.</summary>
    public IReadOnlyList<string> Mistakes { get; init; } = [];

    /// <summary>What does not.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Null when it did not build.</summary>
    public FunctionArtifact? Artifact { get; init; }

    /// <summary>Which files it asks for, beside those that it imports.</summary>
    public required IncludedFiles Included { get; init; }

    /// <summary>Absolute paths of files that it was made of.</summary>
    public required IReadOnlyList<string> Inputs { get; init; }
}

/// <summary>Builds functions: reads each one's config from every place that may hold it, bundles it, and finds the files that go with it.</summary>
/// <param name="siteDirectory">Absolute.</param>
public sealed class FunctionBuilder(EsbuildBundler bundler, string siteDirectory)
{
    /// <summary>Packages with machine code come to light one by one; no function has as many as this.</summary>
    private const int MaxBundles = 10;

    /// <returns>One for each source.</returns>
    public async Task<IReadOnlyList<FunctionBuild>> BuildAsync(
        IReadOnlyList<FunctionSource> sources, SiteConfiguration configuration, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(sources);
        ArgumentNullException.ThrowIfNull(configuration);
        var layout = new SourceLayout(siteDirectory, configuration.BaseDirectory);

        // The file itself, as on Netlify, and not the bundle, in which a CommonJS module is hidden in a function.
        var modules = await bundler.StripTypesAsync([.. sources.Select(source => source.EntryFile)], siteDirectory, cancellationToken);
        var described = sources.Select((source, i) => Describe(source, modules[i], configuration)).ToList();
        var builds = new Dictionary<FunctionSource, FunctionBuild>(sources.Count);
        foreach (var alike in described.GroupBy(function => string.Join('\n', function.Config.Externals), StringComparer.Ordinal))
        {
            var functions = alike.ToList();
            var bundles = await bundler.BundleAsync([.. functions.Select(function => function.Source)], layout, [.. functions[0].Config.Externals], cancellationToken);
            for (var i = 0; i < functions.Count; i++)
            {
                var (bundle, native) = await LeaveOutNativeAsync(bundles[i], functions[i], layout, cancellationToken);
                builds[functions[i].Source] = Finish(functions[i], bundle, native, configuration);
            }
        }

        return [.. sources.Select(source => builds[source])];
    }

    private FunctionBuild Finish(DescribedFunction function, Bundle bundle, IReadOnlyList<string> native, SiteConfiguration configuration)
    {
        var (source, config, mistakes, warnings) = function;
        var included = new IncludedFiles(config.IncludedFiles, siteDirectory);
        if (bundle.Failure is not null || mistakes.Count > 0)
        {
            return new FunctionBuild
            {
                Bundle = bundle,
                Config = config,
                Mistakes = bundle.Failure is null ? mistakes : [bundle.Failure],
                Warnings = warnings,
                Included = included,
                Inputs = InputsOf(source, bundle, []),
            };
        }

        var files = included.Find(warnings.Add);
        var packages = ExternalPackages.Collect([.. config.ExternalModules, .. native], Path.GetDirectoryName(source.EntryFile)!, warnings.Add);
        return new FunctionBuild
        {
            Bundle = bundle,
            Config = config,
            Warnings = warnings,
            Included = included,
            Inputs = InputsOf(source, bundle, files),
            Artifact = new FunctionArtifact(bundle, configuration.BaseDirectory, files, packages),
        };
    }

    private static List<string> InputsOf(FunctionSource source, Bundle bundle, IEnumerable<string> files) =>
        [.. bundle.Inputs.Concat(files).Concat(source.ConfigFile is { } file ? [file] : []).Append(source.EntryFile).Distinct()];

    // Packages with machine code are seen when they are in a bundle, or keep one from being made.
    private async Task<(Bundle Bundle, IReadOnlyList<string> Native)> LeaveOutNativeAsync(
        Bundle bundle, DescribedFunction function, SourceLayout layout, CancellationToken cancellationToken)
    {
        var native = new List<string>();
        while (true)
        {
            var more = bundle.NativePackage is { } package ? [package] : NativePackages.Among(bundle.PackageInputs);
            if (native.Count >= MaxBundles || more.All(native.Contains))
            {
                return (bundle, native);
            }

            native.AddRange(more.Except(native));
            bundle = (await bundler.BundleAsync([function.Source], layout, [.. function.Config.Externals, .. native], cancellationToken))[0];
        }
    }

    /// <param name="module">The source as plain JavaScript; null if it can't be read.</param>
    private DescribedFunction Describe(FunctionSource source, string? module, SiteConfiguration configuration)
    {
        var (mistakes, warnings) = (new List<string>(), new List<string>());
        var weaker = ReadConfigFile(source, configuration, warnings).Over(configuration.Netlify.Functions.For(source.Name, configuration.BaseDirectory));
        var own = FunctionConfig.Empty with { Events = EventSubscriptions.Of(source.Name, null) };
        var file = Path.GetRelativePath(siteDirectory, source.EntryFile);
        void Mistake(string property, string rule) => mistakes.Add($"{file}: Function {source.Name} has a configuration error on '{property}': {rule}");

        if (module is not null)
        {
            try
            {
                var findings = new ConfigFindings(Mistake, (property, rule) => warnings.Add($"config.{property} is ignored: {rule}"));
                var exports = ModuleConfigReader.Read(module);
                own = FunctionConfigReader.Read(ConfigOf(exports, warnings), Path.GetDirectoryName(source.EntryFile)!, findings) with
                {
                    Events = EventSubscriptions.Of(source.Name, exports),
                };
            }
            catch (FormatException ex)
            {
                mistakes.Add($"{file}: {ex.Message}");
            }
        }

        // Patterns of the two places count from different directories; Netlify takes those of the source alone.
        var config = own.Over(own.IncludedFiles.Count > 0 ? weaker with { IncludedFiles = [] } : weaker);
        foreach (var (property, rule) in config.ConflictsOf(source.Name))
        {
            Mistake(property, rule);
        }

        return new DescribedFunction(source, config, mistakes, warnings);
    }

    private static IReadOnlyDictionary<string, object?> ConfigOf(ModuleExports exports, List<string> warnings)
    {
        if (exports.HasHandler)
        {
            // The older form has no config but the schedule that its helper was given.
            if (exports.Config.Count > 0)
            {
                warnings.Add("config is ignored: the module exports `handler`, and only functions with a default export have a config.");
            }

            return exports.Schedule is { } schedule ? new Dictionary<string, object?>(StringComparer.Ordinal) { ["schedule"] = schedule } : [];
        }

        foreach (var name in exports.Ignored)
        {
            var what = name.Length == 0 ? "config is not a literal of this file" : $"config.{name} is not a literal";
            warnings.Add($"{what} and is ignored: config is read without running the module.");
        }

        return exports.Config;
    }

    // {"config": {…}, "version": 1}, written by a framework beside its function.
    private FunctionConfig ReadConfigFile(FunctionSource source, SiteConfiguration configuration, List<string> warnings)
    {
        if (source.ConfigFile is not { } file || !File.Exists(file))
        {
            return FunctionConfig.Empty;
        }

        var name = Path.GetRelativePath(siteDirectory, file);
        try
        {
            if (JsonValues.Plain(JsonDocument.Parse(File.ReadAllBytes(file)).RootElement) is Dictionary<string, object?> root
                && root.GetValueOrDefault("version") is 1.0
                && root.GetValueOrDefault("config") is Dictionary<string, object?> config)
            {
                void Warn(string property, string rule) => warnings.Add($"{name}: config.{property}: {rule}");
                return FunctionConfigReader.Read(config, IncludeDirectoryOf(config, configuration), new ConfigFindings(Warn, Warn));
            }

            warnings.Add($"{name} is ignored: it has no config of version 1");
        }
        catch (Exception ex) when (ex is JsonException or IOException or UnauthorizedAccessException)
        {
            warnings.Add($"{name} is ignored: {ex.Message}");
        }

        return FunctionConfig.Empty;
    }

    private static string IncludeDirectoryOf(Dictionary<string, object?> config, SiteConfiguration configuration) =>
        Path.GetFullPath(config.GetValueOrDefault("includedFilesBasePath") as string ?? ".", configuration.BaseDirectory);

    private sealed record DescribedFunction(FunctionSource Source, FunctionConfig Config, List<string> Mistakes, List<string> Warnings);
}
