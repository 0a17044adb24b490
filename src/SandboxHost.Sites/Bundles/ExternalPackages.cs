using System.Text.Json;
using System.Text.RegularExpressions;
using SandboxHost.Sites.Settings;

namespace SandboxHost.Sites.Bundles;

/// <summary>A package that is copied beside a function.</summary>
/// <param name="Place">Where it goes, relative to the function's files: node_modules/NAME, or below another package.</param>
/// <param name="Directory">Where it lies; absolute.</param>
public sealed record PlacedPackage(string Place, string Directory);

/// <summary>
/// Finds npm packages and what they depend on, as Node finds them from a file, and gives each a place where Node will find
/// the same again: at the top when no other version is there, else below the package that needs it.
/// </summary>
public sealed partial class ExternalPackages
{
    private const int MaxPackages = 5000;
    private const string Modules = "node_modules";

    private static readonly string[] DependencyLists = ["dependencies", "optionalDependencies", "peerDependencies"];

    private readonly Dictionary<string, string> _places = new(StringComparer.Ordinal);
    private readonly Queue<PlacedPackage> _open = new();

    private ExternalPackages()
    {
    }

    /// <summary>Whether a text may name a package, or with * packages; no other text may become part of a path.</summary>
    public static bool IsName(string text) => PackageName().IsMatch(text);

    /// <param name="names">Packages that the file imports; one with * stands for all of its scope that are installed.</param>
    /// <param name="warning">Takes a sentence for each that is not installed.</param>
    public static IReadOnlyList<PlacedPackage> Collect(IEnumerable<string> names, string fromDirectory, Action<string> warning)
    {
        ArgumentNullException.ThrowIfNull(names);
        ArgumentNullException.ThrowIfNull(warning);
        var packages = new ExternalPackages();
        foreach (var name in names.SelectMany(name => name.Contains('*', StringComparison.Ordinal) ? Expand(name, fromDirectory) : [name]))
        {
            if (DirectoryOf(name, fromDirectory) is { } directory)
            {
                packages.Place(name, directory, "");
            }
            else
            {
                warning($"external module '{name}' is not installed");
            }
        }

        packages.PlaceDependencies(warning);
        return [.. packages._places.OrderBy(place => place.Key, StringComparer.Ordinal).Select(place => new PlacedPackage(place.Key, place.Value))];
    }

    private void PlaceDependencies(Action<string> warning)
    {
        while (_open.TryDequeue(out var package))
        {
            foreach (var name in DependenciesOf(package.Directory))
            {
                if (_places.Count >= MaxPackages)
                {
                    warning($"external modules bring more than {MaxPackages} packages; the rest is left out");
                    return;
                }

                // An optional or peer dependency need not be there.
                if (DirectoryOf(name, package.Directory) is { } directory)
                {
                    Place(name, directory, package.Place);
                }
            }
        }
    }

    private void Place(string name, string directory, string parent)
    {
        foreach (var level in LevelsAbove(parent))
        {
            if (_places.TryGetValue(Join(level, name), out var there))
            {
                if (there == directory)
                {
                    return;
                }

                // Another version is found on the way up, so this one has to be found first.
                Add(Join(parent, name), directory);
                return;
            }
        }

        Add(Join("", name), directory);
    }

    private void Add(string place, string directory)
    {
        _places[place] = directory;
        _open.Enqueue(new PlacedPackage(place, directory));
    }

    // Where Node looks from inside a package, nearest first.
    private static IEnumerable<string> LevelsAbove(string place)
    {
        while (place.Length > 0)
        {
            yield return place;
            var end = place.LastIndexOf("/" + Modules + "/", StringComparison.Ordinal);
            place = end < 0 ? "" : place[..end];
        }

        yield return "";
    }

    private static string Join(string level, string name) => level.Length == 0 ? $"{Modules}/{name}" : $"{level}/{Modules}/{name}";

    private static string? DirectoryOf(string name, string fromDirectory)
    {
        for (var directory = fromDirectory; directory is not null; directory = Path.GetDirectoryName(directory))
        {
            var candidate = Path.Combine(directory, Modules, name);
            if (Path.GetFileName(directory) != Modules && File.Exists(Path.Combine(candidate, "package.json")))
            {
                // A package manager may have put a link there; what the package needs is found from where it really lies.
                return RealPath.Of(candidate);
            }
        }

        return null;
    }

    private static IEnumerable<string> Expand(string pattern, string fromDirectory)
    {
        var glob = GlobPattern.TryParse(pattern);
        var scope = pattern.StartsWith('@') ? pattern[..pattern.IndexOf('/', StringComparison.Ordinal)] : "";
        for (var directory = fromDirectory; directory is not null; directory = Path.GetDirectoryName(directory))
        {
            var modules = Path.Combine(directory, Modules, scope);
            if (Directory.Exists(modules))
            {
                return Directory.EnumerateDirectories(modules)
                    .Select(path => scope.Length > 0 ? $"{scope}/{Path.GetFileName(path)}" : Path.GetFileName(path))
                    .Where(name => glob?.IsMatch(name) == true)
                    .Order(StringComparer.Ordinal);
            }
        }

        return [];
    }

    private static IEnumerable<string> DependenciesOf(string directory)
    {
        try
        {
            using var package = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(directory, "package.json")));
            return
            [
                .. from list in DependencyLists
                   where package.RootElement.ValueKind == JsonValueKind.Object
                   where package.RootElement.TryGetProperty(list, out var names) && names.ValueKind == JsonValueKind.Object
                   from name in package.RootElement.GetProperty(list).EnumerateObject()
                   where IsName(name.Name)
                   select name.Name,
            ];
        }
        catch (Exception ex) when (ex is JsonException or IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    // https://docs.npmjs.com/cli/configuring-npm/package-json#name, with * for "all of a scope", which esbuild takes.
    [GeneratedRegex(@"^(@(?!\.)[\w.~-]+/)?(?!\.)[\w.~*-]+\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex PackageName();
}
