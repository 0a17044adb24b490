using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using CliWrap;
using CliWrap.Buffered;

namespace SandboxHost.Sites.Bundles;

/// <summary>A bundle, or why there is none.</summary>
/// <param name="EntryPath">Where the module belongs, relative to the top of the function's files.</param>
/// <param name="Code">The module's text; empty when the build failed.</param>
/// <param name="Inputs">
/// Absolute paths of the author's own files that went in, without npm packages. After a failure: the files that its
/// messages are about, those among them that are missing included.
/// </param>
/// <param name="Failure">The bundler's messages, with positions in the author's files; null when it worked.</param>
public sealed record Bundle(string EntryPath, string Code, string SourceMap, IReadOnlyList<string> Inputs, string? Failure)
{
    /// <summary>npm packages that went in, as the path of a file of each, absolute.</summary>
    public IReadOnlyList<string> PackageInputs { get; init; } = [];

    /// <summary>An npm package whose native module no bundle can hold; null when that is not what failed.</summary>
    public string? NativePackage { get; init; }
}

/// <summary>Where sources lie, and where bundles go in a function's files.</summary>
/// <param name="SiteDirectory">Absolute; positions in messages are relative to it.</param>
/// <param name="Root">Absolute; what becomes the top of a function's files. Positions in traces are relative to it.</param>
public sealed record SourceLayout(string SiteDirectory, string Root)
{
    /// <summary>Beside where its source lies, so that __dirname means the same; at the top when that is outside of the root.</summary>
    public string EntryPathOf(FunctionSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        var directory = Path.GetRelativePath(Root, Path.GetDirectoryName(source.EntryFile)!);
        var isOutside = directory == "." || directory.StartsWith("..", StringComparison.Ordinal);
        return (isOutside ? "" : directory + "/") + source.Name + ".mjs";
    }
}

/// <summary>Makes one ES module of a function's source and everything it imports, with esbuild (https://esbuild.github.io/api).</summary>
/// <param name="executable">The platform's esbuild binary.</param>
public sealed partial class EsbuildBundler(string executable)
{
    // Packages in CommonJS form call require(), which an ES module does not have. esbuild itself never gives a top-level
    // name of the author's this name.
    private const string RequireBanner =
        "import{createRequire as __sandboxhostCreateRequire}from\"node:module\";let require=__sandboxhostCreateRequire(import.meta.url);";

    /// <summary>Of one run: what it holds in memory and what stands in its command line is bounded.</summary>
    private const int MostTogether = 100;

    private static readonly string[] BundleArguments =
    [
        "--bundle",
        "--platform=node",
        "--target=node24",
        "--format=esm",
        "--charset=utf8",
        "--legal-comments=none",
        // Beside the module, which does not name it: Node would read it with every start. The runner does when it is needed.
        "--sourcemap=external",
        "--sources-content=false",
        "--log-level=warning",
        "--color=false",
        "--define:__dirname=import.meta.dirname",
        "--define:__filename=import.meta.filename",
        "--banner:js=" + RequireBanner,
    ];

    /// <param name="externals">npm packages that stay imports.</param>
    /// <returns>One for each source. A source that fails keeps no other from its bundle.</returns>
    public Task<IReadOnlyList<Bundle>> BundleAsync(
        IReadOnlyList<FunctionSource> sources, SourceLayout layout, IReadOnlyList<string> externals, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(sources);
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentNullException.ThrowIfNull(externals);
        return MakeAllAsync(sources, some => TryBundleAsync(some, layout, externals, cancellationToken));
    }

    /// <summary>Files as plain JavaScript: without types, everything else as its author wrote it.</summary>
    /// <param name="files">Absolute.</param>
    /// <param name="directory">Above them.</param>
    /// <returns>One for each file; null if it can't be read.</returns>
    public Task<IReadOnlyList<string?>> StripTypesAsync(IReadOnlyList<string> files, string directory, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(files);
        return MakeAllAsync(files, some => TryStripTypesAsync(some, directory, cancellationToken));
    }

    // A start of esbuild takes longer than what it does for most functions, so one makes many. When one of them fails it makes
    // none; then each half is tried.
    private static async Task<IReadOnlyList<TResult>> MakeAllAsync<TItem, TResult>(
        IReadOnlyList<TItem> items, Func<IReadOnlyList<TItem>, Task<IReadOnlyList<TResult>?>> tryTogether)
    {
        if (items.Count == 0)
        {
            return [];
        }

        if (items.Count <= MostTogether && await tryTogether(items) is { } results)
        {
            return results;
        }

        var half = items.Count / 2;
        return
        [
            .. await MakeAllAsync([.. items.Take(half)], tryTogether),
            .. await MakeAllAsync([.. items.Skip(half)], tryTogether),
        ];
    }

    private async Task<IReadOnlyList<Bundle>?> TryBundleAsync(
        IReadOnlyList<FunctionSource> sources, SourceLayout layout, IReadOnlyList<string> externals, CancellationToken cancellationToken)
    {
        using var output = new OutputDirectory();
        string[] arguments = [.. BundleArguments, "--metafile=" + output.MetaFile, .. externals.Select(name => "--external:" + name)];
        if (await RunAsync([.. sources.Select(source => source.EntryFile)], arguments, output, layout.SiteDirectory, cancellationToken) is { } failure)
        {
            return sources is [var only] ? [FailureOf(only, layout, failure)] : null;
        }

        using var meta = JsonDocument.Parse(await File.ReadAllTextAsync(output.MetaFile, cancellationToken));
        var inputs = new BundleInputs(meta.RootElement, layout.SiteDirectory);
        var bundles = new List<Bundle>(sources.Count);
        for (var i = 0; i < sources.Count; i++)
        {
            var entry = layout.EntryPathOf(sources[i]);
            var code = await File.ReadAllTextAsync(output.FileOf(i), cancellationToken);
            var map = await File.ReadAllTextAsync(output.FileOf(i) + ".map", cancellationToken);
            var files = inputs.Of(output.FileOf(i)).ToLookup(IsOfPackage);
            var place = Path.GetDirectoryName(Path.Combine(layout.Root, entry))!;
            bundles.Add(new Bundle(entry, code, WithSourcesFrom(map, output.Path, place), [.. files[false]], null) { PackageInputs = [.. files[true]] });
        }

        return bundles;
    }

    private async Task<IReadOnlyList<string?>?> TryStripTypesAsync(IReadOnlyList<string> files, string directory, CancellationToken cancellationToken)
    {
        using var output = new OutputDirectory();
        if (await RunAsync(files, ["--target=esnext", "--charset=utf8", "--log-level=silent"], output, directory, cancellationToken) is not null)
        {
            return files.Count == 1 ? [null] : null;
        }

        return await Task.WhenAll(files.Select((_, i) => File.ReadAllTextAsync(output.FileOf(i), cancellationToken)));
    }

    /// <returns>Its messages when it failed.</returns>
    private async Task<string?> RunAsync(
        IReadOnlyList<string> entries, IEnumerable<string> arguments, OutputDirectory output, string directory, CancellationToken cancellationToken)
    {
        var result = await Cli.Wrap(executable)
            .WithArguments([.. entries.Select((file, i) => $"{i}={file}"), "--outdir=" + output.Path, "--out-extension:.js=" + OutputDirectory.Extension, .. arguments])
            .WithWorkingDirectory(directory)
            .WithValidation(CommandResultValidation.None)
            .ExecuteBufferedAsync(cancellationToken);
        return result.ExitCode == 0 ? null : result.StandardError.Trim();
    }

    private static Bundle FailureOf(FunctionSource source, SourceLayout layout, string failure) =>
        new(layout.EntryPathOf(source), "", "", [.. ReadInputsOfFailure(failure, layout.SiteDirectory).Prepend(source.EntryFile).Distinct()], failure)
        {
            NativePackage = NativeModuleText().Match(failure) is { Success: true } match ? match.Groups["package"].Value : null,
        };

    private static bool IsOfPackage(string file) => file.Contains("/node_modules/", StringComparison.Ordinal);

    // What has to change for the failure to go. A file that could not be found is looked for where it was expected.
    private static IEnumerable<string> ReadInputsOfFailure(string failure, string siteDirectory)
    {
        var missing = "";
        var files = new HashSet<string>(StringComparer.Ordinal);
        foreach (Match match in MessageText().Matches(failure))
        {
            if (match.Groups["missing"].Success)
            {
                missing = match.Groups["missing"].Value;
                continue;
            }

            var file = Path.GetFullPath(Path.Combine(siteDirectory, match.Groups["file"].Value));
            files.Add(file);
            if (missing.StartsWith('.'))
            {
                files.Add(Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, missing)));
            }

            missing = "";
        }

        return files.Where(file => !IsOfPackage(file));
    }

    [GeneratedRegex("""Could not resolve "(?<missing>[^"\n]+)"|^ {4}(?<file>\S[^\n]*):\d+:\d+:$""", RegexOptions.Multiline | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex MessageText();

    [GeneratedRegex("""No loader is configured for "\.node" files: [^\n]*node_modules/(?<package>(@[^/\n]+/)?[^/\n]+)/""", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex NativeModuleText();

    // Node resolves a map's sources against the place of the module. Below the top of the function's files they then have
    // the paths that the author knows: netlify/functions/hello.ts.
    private static string WithSourcesFrom(string map, string output, string place)
    {
        var json = JsonNode.Parse(map)!.AsObject();
        var sources = json["sources"]!.AsArray();
        for (var i = 0; i < sources.Count; i++)
        {
            var file = Path.GetFullPath(Path.Combine(output, sources[i]!.GetValue<string>()));
            sources[i] = Path.GetRelativePath(place, file);
        }

        return json.ToJsonString();
    }

    /// <summary>Where one run puts what it makes, by the entry's number.</summary>
    private sealed class OutputDirectory : IDisposable
    {
        public const string Extension = ".mjs";

        public string Path { get; } = Directory.CreateTempSubdirectory("sandboxhost-bundle-").FullName;

        public string MetaFile => System.IO.Path.Combine(Path, "meta.json");

        public string FileOf(int entry) => System.IO.Path.Combine(Path, entry + Extension);

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
