using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using CliWrap;
using CliWrap.Buffered;

namespace SandboxHost.Sites;

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

    /// <param name="externals">npm packages that stay imports.</param>
    public async Task<Bundle> BundleAsync(
        FunctionSource source, SourceLayout layout, IReadOnlyList<string> externals, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentNullException.ThrowIfNull(externals);
        var (siteDirectory, entry) = (layout.SiteDirectory, layout.EntryPathOf(source));
        var output = Directory.CreateTempSubdirectory("sandboxhost-bundle-").FullName;
        try
        {
            var result = await Cli.Wrap(executable)
                .WithArguments([.. ArgumentsFor(source, output), .. externals.Select(name => "--external:" + name)])
                .WithWorkingDirectory(siteDirectory)
                .WithValidation(CommandResultValidation.None)
                .ExecuteBufferedAsync(cancellationToken);
            if (result.ExitCode != 0)
            {
                var failure = result.StandardError.Trim();
                return new Bundle(entry, "", "", [.. ReadInputsOfFailure(failure, siteDirectory).Prepend(source.EntryFile).Distinct()], failure)
                {
                    NativePackage = NativeModuleText().Match(failure) is { Success: true } match ? match.Groups["package"].Value : null,
                };
            }

            var code = await File.ReadAllTextAsync(Path.Combine(output, source.Name + ".mjs"), cancellationToken);
            var map = await File.ReadAllTextAsync(Path.Combine(output, source.Name + ".mjs.map"), cancellationToken);
            var meta = await File.ReadAllTextAsync(Path.Combine(output, "meta.json"), cancellationToken);
            var inputs = ReadInputs(meta, siteDirectory).ToLookup(file => file.Contains("/node_modules/", StringComparison.Ordinal));
            var place = Path.GetDirectoryName(Path.Combine(layout.Root, entry))!;
            return new Bundle(entry, code, WithSourcesFrom(map, output, place), [.. inputs[false]], null) { PackageInputs = [.. inputs[true]] };
        }
        finally
        {
            Directory.Delete(output, recursive: true);
        }
    }

    /// <summary>One file as plain JavaScript: without types, everything else as its author wrote it. Null when it can't be read.</summary>
    public async Task<string?> StripTypesAsync(string file, CancellationToken cancellationToken)
    {
        var result = await Cli.Wrap(executable)
            .WithArguments([file, "--target=esnext", "--charset=utf8", "--log-level=silent"])
            .WithWorkingDirectory(Path.GetDirectoryName(file)!)
            .WithValidation(CommandResultValidation.None)
            .ExecuteBufferedAsync(cancellationToken);
        return result.ExitCode == 0 ? result.StandardOutput : null;
    }

    private static string[] ArgumentsFor(FunctionSource source, string output) =>
    [
        source.EntryFile,
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
        "--metafile=" + Path.Combine(output, "meta.json"),
        "--outfile=" + Path.Combine(output, source.Name + ".mjs"),
    ];

    private static List<string> ReadInputs(string meta, string siteDirectory)
    {
        using var document = JsonDocument.Parse(meta);
        return document.RootElement.GetProperty("inputs").EnumerateObject()
            .Select(input => input.Name)
            .Select(name => Path.GetFullPath(Path.Combine(siteDirectory, name)))
            .Where(File.Exists)
            .ToList();
    }

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

        return files.Where(file => !file.Contains("/node_modules/", StringComparison.Ordinal));
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
}
