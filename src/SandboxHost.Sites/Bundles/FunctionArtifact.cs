using System.Globalization;
using SandboxHost.Deployments;

namespace SandboxHost.Sites.Bundles;

/// <summary>
/// The files that a function runs from, laid out as in the site: the bundle where its source lies, included files where they
/// lie, external packages in node_modules at the top. So relative paths from the source and from the working directory
/// lead to the same files as before.
/// </summary>
/// <param name="Bundle">With <see cref="Bundles.Bundle.EntryPath"/>.</param>
/// <param name="Root">The directory that becomes the top: the site's base.</param>
/// <param name="Files">Absolute.</param>
public sealed record FunctionArtifact(Bundle Bundle, string Root, IReadOnlyList<string> Files, IReadOnlyList<PlacedPackage> Packages)
{
    private static readonly EnumerationOptions Flat = new() { AttributesToSkip = FileAttributes.ReparsePoint };

    /// <summary>What tells one version of it from another, beside the code: names, sizes and times of the files.</summary>
    public string Stamp => string.Join('\n', EveryFile().Select(file =>
        string.Create(CultureInfo.InvariantCulture, $"{file.Place}\0{file.Source.Length}\0{file.Source.LastWriteTimeUtc.Ticks}")));

    /// <returns>What is wrong; null when its size is allowed.</returns>
    public string? RuleAgainst(long maxBytes)
    {
        var bytes = Bundle.Code.Length + Bundle.SourceMap.Length + EveryFile().Sum(file => file.Source.Length);
        return bytes <= maxBytes ? null : string.Create(
            CultureInfo.InvariantCulture,
            $"BundleTooLarge: the function's files have {Megabytes(bytes)} MB; the limit bundle_size allows {Megabytes(maxBytes)} MB. {Largest()}");
    }

    /// <summary>Writes everything to a directory that does not exist yet.</summary>
    /// <param name="debuggable">The module is written for a debugger: <see cref="DebuggableModule"/>.</param>
    /// <returns>What went wrong, and then the directory is not there; null when it worked.</returns>
    public string? WriteTo(string directory, bool debuggable = false)
    {
        try
        {
            foreach (var (place, source) in EveryFile())
            {
                var target = Path.Combine(directory, place);
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(source.FullName, target, overwrite: true);
            }

            var entry = Path.Combine(directory, Bundle.EntryPath);
            Directory.CreateDirectory(Path.GetDirectoryName(entry)!);
            File.WriteAllText(
                entry, debuggable ? DebuggableModule.Write(Bundle, entry, Path.GetDirectoryName(Path.Combine(Root, Bundle.EntryPath))!) : Bundle.Code);
            File.WriteAllText(entry + ".map", Bundle.SourceMap);
            return null;
        }
        catch (Exception ex) when (ex is IOException or UnauthorizedAccessException)
        {
            if (Directory.Exists(directory))
            {
                Directory.Delete(directory, recursive: true);
            }

            return $"The function's files could not be copied: {ex.Message}";
        }
    }

    private IEnumerable<(string Place, FileInfo Source)> EveryFile()
    {
        foreach (var file in Files)
        {
            // What a link leads to, and not the link: its target lies elsewhere in the sandbox, or not at all.
            var source = new FileInfo(file);
            source = source.LinkTarget is null ? source : new FileInfo(RealPath.Of(file) ?? file);
            if (source.Exists)
            {
                yield return (PlaceOf(file), source);
            }
        }

        foreach (var package in Packages)
        {
            foreach (var file in FilesOf(package.Directory))
            {
                yield return (Path.Combine(package.Place, Path.GetRelativePath(package.Directory, file.FullName)), file);
            }
        }
    }

    // With a base, a site may include files from beside it. At the top they would lie outside.
    private string PlaceOf(string file)
    {
        var place = Path.GetRelativePath(Root, file);
        return place.StartsWith("../", StringComparison.Ordinal) ? place.Replace("../", "", StringComparison.Ordinal) : place;
    }

    // Its own node_modules hold what it depends on, which has places of its own.
    private static IEnumerable<FileInfo> FilesOf(string package)
    {
        var open = new Stack<DirectoryInfo>([new DirectoryInfo(package)]);
        while (open.TryPop(out var directory))
        {
            foreach (var entry in directory.EnumerateFileSystemInfos("*", Flat))
            {
                if (entry is FileInfo file)
                {
                    yield return file;
                }
                else if (entry is DirectoryInfo { Name: not ("node_modules" or ".git") } inner)
                {
                    open.Push(inner);
                }
            }
        }
    }

    private string Largest()
    {
        var largest = EveryFile().OrderByDescending(file => file.Source.Length).Take(3)
            .Select(file => string.Create(CultureInfo.InvariantCulture, $"{file.Place} ({Megabytes(file.Source.Length)} MB)"));
        return "Largest: " + string.Join(", ", largest);
    }

    private static string Megabytes(long bytes) => (bytes / (double)FunctionLimits.Megabyte).ToString("0.#", CultureInfo.InvariantCulture);
}
