using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using CliWrap;
using CliWrap.Buffered;

namespace SandboxHost.Sites;

/// <summary>A bundle, or why there is none.</summary>
/// <param name="Code">The module's text; empty when the build failed.</param>
/// <param name="Inputs">
/// Absolute paths of the author's own files that went in, without npm packages. After a failure: the files that its
/// messages are about, those among them that are missing included.
/// </param>
/// <param name="Failure">The bundler's messages, with positions in the author's files; null when it worked.</param>
public sealed record Bundle(string Code, string SourceMap, IReadOnlyList<string> Inputs, string? Failure);

/// <summary>Makes one ES module of a function's source and everything it imports, with esbuild (https://esbuild.github.io/api).</summary>
/// <param name="executable">The platform's esbuild binary.</param>
public sealed partial class EsbuildBundler(string executable)
{
    // Packages in CommonJS form call require(), which an ES module does not have. esbuild itself never gives a top-level
    // name of the author's this name.
    private const string RequireBanner =
        "import{createRequire as __sandboxhostCreateRequire}from\"node:module\";let require=__sandboxhostCreateRequire(import.meta.url);";

    /// <param name="siteDirectory">Absolute; positions in messages and source maps are relative to it.</param>
    public async Task<Bundle> BundleAsync(FunctionSource source, string siteDirectory, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(source);
        var output = Directory.CreateTempSubdirectory("sandboxhost-bundle-").FullName;
        try
        {
            var result = await Cli.Wrap(executable)
                .WithArguments(ArgumentsFor(source, output))
                .WithWorkingDirectory(siteDirectory)
                .WithValidation(CommandResultValidation.None)
                .ExecuteBufferedAsync(cancellationToken);
            if (result.ExitCode != 0)
            {
                var failure = result.StandardError.Trim();
                return new Bundle("", "", [.. ReadInputsOfFailure(failure, siteDirectory).Prepend(source.EntryFile).Distinct()], failure);
            }

            var code = await File.ReadAllTextAsync(Path.Combine(output, source.Name + ".mjs"), cancellationToken);
            var map = await File.ReadAllTextAsync(Path.Combine(output, source.Name + ".mjs.map"), cancellationToken);
            var meta = await File.ReadAllTextAsync(Path.Combine(output, "meta.json"), cancellationToken);
            return new Bundle(code, WithSiteRelativeSources(map, output, siteDirectory), ReadInputs(meta, siteDirectory), null);
        }
        finally
        {
            Directory.Delete(output, recursive: true);
        }
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
        "--sourcemap=linked",
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
            .Where(name => !name.Contains("node_modules/", StringComparison.Ordinal))
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

    // Node resolves a map's sources against the place of the module, which lies elsewhere in the sandbox. Relative to the
    // site, a trace reads as the author knows the file: netlify/functions/hello.ts.
    private static string WithSiteRelativeSources(string map, string output, string siteDirectory)
    {
        var json = JsonNode.Parse(map)!.AsObject();
        var sources = json["sources"]!.AsArray();
        for (var i = 0; i < sources.Count; i++)
        {
            var file = Path.GetFullPath(Path.Combine(output, sources[i]!.GetValue<string>()));
            sources[i] = Path.GetRelativePath(siteDirectory, file);
        }

        return json.ToJsonString();
    }
}
