using SandboxHost.Sites.Settings;

namespace SandboxHost.Sites.Bundles;

/// <summary>One entry of included_files.</summary>
/// <param name="Directory">What the pattern is relative to; absolute.</param>
/// <param name="Pattern">A glob; one that begins with ! takes files out again.</param>
public sealed record IncludeRule(string Directory, string Pattern)
{
    public bool Excludes => Pattern.StartsWith('!');

    /// <summary>The same without "." and "..": directories are names, in which nothing is special, and only the rest is a glob.</summary>
    public (string Directory, string Glob) Resolve()
    {
        var (directory, segments) = (Pattern.StartsWith('/') ? "/" : Directory, new List<string>());
        foreach (var segment in Pattern.TrimStart('!').Split('/', StringSplitOptions.RemoveEmptyEntries).Where(segment => segment != "."))
        {
            if (segment != "..")
            {
                segments.Add(segment);
            }
            else if (segments.Count > 0)
            {
                segments.RemoveAt(segments.Count - 1);
            }
            else
            {
                directory = Path.GetDirectoryName(directory) ?? "/";
            }
        }

        return (directory, string.Join('/', segments));
    }
}

/// <summary>Files that a function reads when it runs: which they are, and which changes may make more of them.</summary>
/// <param name="rules">An excluding rule counts wherever it stands in the list.</param>
/// <param name="siteDirectory">Absolute; nothing outside of it can be included.</param>
public sealed class IncludedFiles(IReadOnlyList<IncludeRule> rules, string siteDirectory)
{
    /// <summary>As many files as are looked at before a pattern is called too wide.</summary>
    private const int MaxSeen = 200_000;

    // Never part of a function.
    private static readonly HashSet<string> Skipped = new([".git", ".sandboxhost", ".netlify"], StringComparer.Ordinal);

    private static readonly EnumerationOptions Flat = new() { AttributesToSkip = FileAttributes.None };

    private readonly List<Selection> _included = Parse(rules, excludes: false);
    private readonly List<Selection> _excluded = Parse(rules, excludes: true);

    /// <summary>Directories in which a new file may be one more, and whether at any depth.</summary>
    public IEnumerable<(string Directory, bool Recursive)> WatchedDirectories =>
        from selection in _included
        where IsInSite(selection.Start) && !selection.Start.Contains("/node_modules", StringComparison.Ordinal)
        // All of the site is too much to watch: there lie node_modules and build outputs.
        select (selection.Start, selection.Start != siteDirectory && selection.IsDeep);

    public bool Matches(string path) => _included.Exists(selection => selection.Has(path)) && !_excluded.Exists(selection => selection.Has(path));

    /// <summary>All of them, absolute, in order.</summary>
    /// <param name="warning">Takes a sentence for each pattern that is refused or matches nothing.</param>
    public IReadOnlyList<string> Find(Action<string> warning)
    {
        ArgumentNullException.ThrowIfNull(warning);
        foreach (var rule in rules.Where(rule => GlobPattern.TryParse(rule.Resolve().Glob) is null))
        {
            warning($"included file '{rule.Pattern}' is no glob");
        }

        var found = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var selection in _included)
        {
            if (!IsInSite(selection.Start) || !RealPath.IsInside(selection.Start, siteDirectory))
            {
                warning($"included file '{selection.Text}' lies outside of the site's folder");
            }
            else
            {
                Find(selection, found, warning);
            }
        }

        return [.. found];
    }

    private void Find(Selection selection, SortedSet<string> found, Action<string> warning)
    {
        var (before, seen) = (found.Count, 0);
        foreach (var file in FilesBelow(selection.Start, selection.IsDeep ? int.MaxValue : selection.MaxSlashes))
        {
            if (++seen > MaxSeen)
            {
                warning($"included file '{selection.Text}' looks at more than {MaxSeen} files; name a directory");
                return;
            }

            // Only a file can lead out: links to directories are not followed.
            if (selection.Has(file.FullName) && !_excluded.Exists(excluded => excluded.Has(file.FullName))
                && (file.LinkTarget is null || (RealPath.Of(file.FullName) is not null && RealPath.IsInside(file.FullName, siteDirectory))))
            {
                found.Add(file.FullName);
            }
        }

        if (found.Count == before)
        {
            var whole = Path.Combine(selection.Directory, selection.Text);
            warning(Directory.Exists(whole)
                ? $"included file '{selection.Text}' is a directory; '{selection.Text}/**' is all files in it"
                : $"included file '{selection.Text}' matches no file that another pattern has not");
        }
    }

    private static List<Selection> Parse(IReadOnlyList<IncludeRule> rules, bool excludes) =>
    [
        .. from rule in rules
           where rule.Excludes == excludes
           let resolved = rule.Resolve()
           let glob = GlobPattern.TryParse(resolved.Glob)
           where glob is not null
           select new Selection(resolved.Directory, resolved.Glob, glob),
    ];

    private bool IsInSite(string path) => path == siteDirectory || path.StartsWith(siteDirectory + "/", StringComparison.Ordinal);

    // Links to directories are not followed: they can lead around in a circle.
    private static IEnumerable<FileInfo> FilesBelow(string start, int maxSlashes)
    {
        var open = new Stack<string>();
        if (Directory.Exists(start))
        {
            open.Push(start);
        }

        while (open.TryPop(out var directory))
        {
            foreach (var entry in new DirectoryInfo(directory).EnumerateFileSystemInfos("*", Flat))
            {
                if (entry is FileInfo file)
                {
                    yield return file;
                }
                else if (entry.LinkTarget is null && !Skipped.Contains(entry.Name) && entry.FullName.Count(c => c == '/') < maxSlashes)
                {
                    open.Push(entry.FullName);
                }
            }
        }
    }

    /// <summary>A glob below a directory.</summary>
    private sealed record Selection(string Directory, string Text, GlobPattern Glob)
    {
        /// <summary>The directory that every match lies in.</summary>
        public string Start { get; } = Path.TrimEndingDirectorySeparator(Path.Combine(Directory, GlobPattern.DirectoryOf(Text)));

        public bool IsDeep => Text.Contains("**", StringComparison.Ordinal);

        public int MaxSlashes => Directory.Count(c => c == '/') + 1 + Text.Count(c => c == '/');

        public bool Has(string path) =>
            path.StartsWith(Directory == "/" ? "/" : Directory + "/", StringComparison.Ordinal) && Glob.IsMatch(path[(Directory.Length == 1 ? 1 : Directory.Length + 1)..]);
    }
}
