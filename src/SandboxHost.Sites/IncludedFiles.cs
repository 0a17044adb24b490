namespace SandboxHost.Sites;

/// <summary>One entry of included_files.</summary>
/// <param name="Directory">What the pattern is relative to; absolute.</param>
/// <param name="Pattern">A glob; one that begins with ! takes files out again.</param>
public sealed record IncludeRule(string Directory, string Pattern)
{
    public bool Excludes => Pattern.StartsWith('!');

    /// <summary>The absolute pattern, without the !.</summary>
    public string FullPattern => Path.GetFullPath(Path.Combine(Directory, Pattern.TrimStart('!')));
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

    private readonly List<(string Text, GlobPattern Glob)> _included = Parse(rules, excludes: false);
    private readonly List<(string Text, GlobPattern Glob)> _excluded = Parse(rules, excludes: true);

    /// <summary>Directories in which a new file may be one more, and whether at any depth.</summary>
    public IEnumerable<(string Directory, bool Recursive)> WatchedDirectories =>
        from pattern in _included
        let directory = GlobPattern.DirectoryOf(pattern.Text)
        where IsInSite(directory) && !directory.Contains("/node_modules", StringComparison.Ordinal)
        // All of the site is too much to watch: there lie node_modules and build outputs.
        select (directory, directory != siteDirectory && pattern.Text.Contains("**", StringComparison.Ordinal));

    public bool Matches(string path) =>
        _included.Exists(pattern => pattern.Glob.IsMatch(path)) && !_excluded.Exists(pattern => pattern.Glob.IsMatch(path));

    /// <summary>All of them, absolute, in order.</summary>
    /// <param name="warning">Takes a sentence for each pattern that is refused or matches nothing.</param>
    public IReadOnlyList<string> Find(Action<string> warning)
    {
        ArgumentNullException.ThrowIfNull(warning);
        foreach (var rule in rules.Where(rule => GlobPattern.TryParse(rule.FullPattern) is null))
        {
            warning($"included file '{rule.Pattern}' is no glob");
        }

        var found = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var (text, glob) in _included)
        {
            var directory = GlobPattern.DirectoryOf(text);
            if (!IsInSite(directory) || !RealPath.IsInside(directory, siteDirectory))
            {
                warning($"included file '{Path.GetRelativePath(siteDirectory, text)}' lies outside of the site's folder");
                continue;
            }

            var before = found.Count;
            var seen = 0;
            foreach (var file in FilesBelow(directory, text.Contains("**", StringComparison.Ordinal) ? int.MaxValue : text.Count(c => c == '/')))
            {
                if (++seen > MaxSeen)
                {
                    warning($"included file '{Path.GetRelativePath(siteDirectory, text)}' looks at more than {MaxSeen} files; name a directory");
                    break;
                }

                if (glob.IsMatch(file) && !_excluded.Exists(pattern => pattern.Glob.IsMatch(file)) && RealPath.IsInside(file, siteDirectory))
                {
                    found.Add(file);
                }
            }

            if (found.Count == before)
            {
                warning($"included file '{Path.GetRelativePath(siteDirectory, text)}' matches no file that another pattern has not");
            }
        }

        return [.. found];
    }

    private static List<(string Text, GlobPattern Glob)> Parse(IReadOnlyList<IncludeRule> rules, bool excludes) =>
    [
        .. from rule in rules
           where rule.Excludes == excludes
           let text = rule.FullPattern
           let glob = GlobPattern.TryParse(text)
           where glob is not null
           select (text, glob),
    ];

    private bool IsInSite(string path) => path == siteDirectory || path.StartsWith(siteDirectory + "/", StringComparison.Ordinal);

    // Links to directories are not followed: they can lead around in a circle.
    private static IEnumerable<string> FilesBelow(string start, int maxSlashes)
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
                if (entry is FileInfo)
                {
                    yield return entry.FullName;
                }
                else if (entry.LinkTarget is null && !Skipped.Contains(entry.Name) && entry.FullName.Count(c => c == '/') < maxSlashes)
                {
                    open.Push(entry.FullName);
                }
            }
        }
    }
}
