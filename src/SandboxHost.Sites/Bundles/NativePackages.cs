using System.Text.Json;
using System.Text.RegularExpressions;

namespace SandboxHost.Sites.Bundles;

/// <summary>
/// Which npm packages load machine code. Their files look for each other on disk, so they can't be part of a bundle; on
/// Netlify nobody has to name them, so nobody has to here.
/// </summary>
public static partial class NativePackages
{
    // Packages that find or build machine code for the one that depends on them.
    private static readonly HashSet<string> Loaders = new(
        ["bindings", "nan", "node-addon-api", "node-gyp", "node-gyp-build", "node-pre-gyp", "@mapbox/node-pre-gyp", "prebuild-install", "napi-macros"],
        StringComparer.Ordinal);

    /// <param name="inputs">Files of packages, absolute.</param>
    /// <returns>Names of packages.</returns>
    public static IReadOnlyList<string> Among(IEnumerable<string> inputs) =>
    [
        .. inputs.Select(file => PackageOf().Match(file))
            .Where(match => match.Success)
            .Select(match => (Directory: match.Value, Name: match.Groups["name"].Value))
            .Distinct()
            .Where(package => IsNative(Path.Combine(package.Directory, "package.json")))
            .Select(package => package.Name)
            .Distinct(),
    ];

    private static bool IsNative(string file)
    {
        try
        {
            using var package = JsonDocument.Parse(File.ReadAllBytes(file));
            var root = package.RootElement;
            return root.ValueKind == JsonValueKind.Object
                && (root.TryGetProperty("binary", out _) || root.TryGetProperty("napi", out _)
                    || (root.TryGetProperty("gypfile", out var gyp) && gyp.ValueKind == JsonValueKind.True)
                    || NamesIn(root, "dependencies").Any(Loaders.Contains)
                    || NamesIn(root, "optionalDependencies").Any(name => PlatformName().IsMatch(name)));
        }
        catch (Exception ex) when (ex is JsonException or IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static IEnumerable<string> NamesIn(JsonElement root, string list) =>
        root.TryGetProperty(list, out var names) && names.ValueKind == JsonValueKind.Object ? names.EnumerateObject().Select(item => item.Name) : [];

    // One package for each kind of machine, of which npm installs the one that fits: "@img/sharp-linux-x64".
    [GeneratedRegex(@"[-/](linux|darwin|win32)-(x64|arm64|arm|ia32)\b", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex PlatformName();

    // The innermost: everything before the last node_modules is greedy.
    [GeneratedRegex(@"^.*/node_modules/(?<name>(@[^/]+/)?[^/]+)", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex PackageOf();
}
