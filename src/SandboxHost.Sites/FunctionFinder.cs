using SandboxHost.Routing;

namespace SandboxHost.Sites;

/// <summary>A function's source, as it lies in the functions directory.</summary>
/// <param name="Name">The base name; also the name in the URL.</param>
/// <param name="EntryFile">Absolute.</param>
public sealed record FunctionSource(string Name, string EntryFile)
{
    /// <summary>The file that brings config for a generated function; null for an author's own. Absolute; need not exist.</summary>
    public string? ConfigFile { get; init; }
}

/// <summary>Which files are functions (reference §1.2). Only direct children count, in three layouts: NAME.ext, NAME/NAME.ext, NAME/index.ext.</summary>
public static class FunctionFinder
{
    // When several exist for one name, the first wins.
    private static readonly string[] FileExtensions = [".js", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts"];

    // Inside a directory the order is another one: NAME.js, index.js, NAME.ts, index.ts, NAME.mjs …
    private static readonly string[] DirectoryExtensions = [".js", ".ts", ".mjs", ".cjs", ".tsx", ".mts", ".cts"];

    /// <param name="directories">The first that has a name wins.</param>
    /// <param name="internalDirectory">The one of them in which a file NAME.json beside the entry file brings config.</param>
    /// <param name="mistakes">Takes one sentence for each child that looks like a function but can't be one.</param>
    /// <returns>In the order of their names.</returns>
    public static IReadOnlyList<FunctionSource> Find(IEnumerable<string> directories, string internalDirectory, Action<string> mistakes)
    {
        ArgumentNullException.ThrowIfNull(directories);
        var found = new SortedDictionary<string, FunctionSource>(StringComparer.Ordinal);
        foreach (var directory in directories)
        {
            foreach (var source in Find(directory, mistakes))
            {
                found.TryAdd(source.Name, directory == internalDirectory ? source with { ConfigFile = Path.ChangeExtension(source.EntryFile, ".json") } : source);
            }
        }

        return [.. found.Values];
    }

    /// <param name="mistakes">Takes one sentence for each child that looks like a function but can't be one.</param>
    /// <returns>In the order of their names; a directory beats a file of the same name.</returns>
    public static IReadOnlyList<FunctionSource> Find(string functionsDirectory, Action<string> mistakes)
    {
        ArgumentNullException.ThrowIfNull(mistakes);
        var found = new SortedDictionary<string, FunctionSource>(StringComparer.Ordinal);
        if (!Directory.Exists(functionsDirectory))
        {
            return [];
        }

        foreach (var file in Directory.EnumerateFiles(functionsDirectory).Order(StringComparer.Ordinal))
        {
            AddFile(found, file);
        }

        foreach (var directory in Directory.EnumerateDirectories(functionsDirectory))
        {
            if (Path.GetFileName(directory) != "node_modules" && EntryOf(directory) is { } entry)
            {
                found[entry.Name] = entry;
            }
        }

        foreach (var zip in Directory.EnumerateFiles(functionsDirectory, "*.zip").Where(zip => !found.ContainsKey(Path.GetFileNameWithoutExtension(zip))))
        {
            mistakes($"{Path.GetFileName(zip)}: zipped functions are not supported; put the function's source here");
        }

        foreach (var source in found.Values.Where(source => !FunctionName.IsLegal(source.Name)).ToList())
        {
            found.Remove(source.Name);
            mistakes($"{Path.GetFileName(source.EntryFile)}: Function name should consist only of alphanumeric characters, hyphen & underscores.");
        }

        return [.. found.Values];
    }

    private static void AddFile(SortedDictionary<string, FunctionSource> found, string file)
    {
        var rank = Array.IndexOf(FileExtensions, Path.GetExtension(file));
        var name = Path.GetFileNameWithoutExtension(file);

        // Type declarations hold no code.
        if (rank < 0 || name.EndsWith(".d", StringComparison.Ordinal))
        {
            return;
        }

        if (!found.TryGetValue(name, out var other) || rank < Array.IndexOf(FileExtensions, Path.GetExtension(other.EntryFile)))
        {
            found[name] = new FunctionSource(name, file);
        }
    }

    private static FunctionSource? EntryOf(string directory)
    {
        var name = Path.GetFileName(directory);
        foreach (var extension in DirectoryExtensions)
        {
            foreach (var stem in (ReadOnlySpan<string>)[name, "index"])
            {
                var file = Path.Combine(directory, stem + extension);
                if (File.Exists(file))
                {
                    return new FunctionSource(name, file);
                }
            }
        }

        return null;
    }
}
