using System.Text.Json;

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

/// <summary>Builds one function: reads its config from every place that may hold it, bundles it, and finds the files that go with it.</summary>
/// <param name="siteDirectory">Absolute.</param>
public sealed class FunctionBuilder(EsbuildBundler bundler, string siteDirectory)
{
    /// <summary>Packages with machine code come to light one by one; no function has as many as this.</summary>
    private const int MaxBundles = 10;

    public async Task<FunctionBuild> BuildAsync(FunctionSource source, SiteConfiguration configuration, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(configuration);
        var (mistakes, warnings) = (new List<string>(), new List<string>());
        var layout = new SourceLayout(siteDirectory, configuration.BaseDirectory);
        var config = await ReadConfigAsync(source, configuration, mistakes, warnings, cancellationToken);
        var (bundle, native) = await BundleAsync(source, layout, config, cancellationToken);
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

    private async Task<(Bundle Bundle, IReadOnlyList<string> Native)> BundleAsync(
        FunctionSource source, SourceLayout layout, FunctionConfig config, CancellationToken cancellationToken)
    {
        var native = new List<string>();
        while (true)
        {
            var bundle = await bundler.BundleAsync(source, layout, [.. config.ExternalModules, .. config.IgnoredModules, .. native], cancellationToken);
            var more = bundle.NativePackage is { } package ? [package] : NativePackages.Among(bundle.PackageInputs);
            if (native.Count >= MaxBundles || more.All(native.Contains))
            {
                return (bundle, native);
            }

            native.AddRange(more.Except(native));
        }
    }

    private async Task<FunctionConfig> ReadConfigAsync(
        FunctionSource source, SiteConfiguration configuration, List<string> mistakes, List<string> warnings, CancellationToken cancellationToken)
    {
        var weaker = ReadConfigFile(source, configuration, warnings).Over(configuration.Netlify.Functions.For(source.Name, configuration.BaseDirectory));
        var own = FunctionConfig.Empty with { Events = EventSubscriptions.Of(source.Name, null) };
        var file = Path.GetRelativePath(siteDirectory, source.EntryFile);
        void Mistake(string property, string rule) => mistakes.Add($"{file}: Function {source.Name} has a configuration error on '{property}': {rule}");

        // The file itself, as on Netlify, and not the bundle, in which a CommonJS module is hidden in a function.
        if (await bundler.StripTypesAsync(source.EntryFile, cancellationToken) is { } module)
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

        return config;
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
}
