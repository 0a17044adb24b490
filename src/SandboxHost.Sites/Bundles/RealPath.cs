namespace SandboxHost.Sites.Bundles;

/// <summary>Where a path leads when every symbolic link in it is followed, as realpath(3).</summary>
internal static class RealPath
{
    private const int MaxLinks = 40;

    /// <returns>Null when the path does not exist, or its links lead in a circle.</returns>
    public static string? Of(string path)
    {
        var rest = new Stack<string>(Path.GetFullPath(path).Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        var (resolved, links) = ("/", 0);
        while (rest.TryPop(out var part))
        {
            if (part == "..")
            {
                resolved = Path.GetDirectoryName(resolved) ?? "/";
                continue;
            }

            var next = Path.Combine(resolved, part);
            FileSystemInfo info = Directory.Exists(next) ? new DirectoryInfo(next) : new FileInfo(next);
            if (info.LinkTarget is not { } target)
            {
                if (!info.Exists)
                {
                    return null;
                }

                resolved = next;
                continue;
            }

            if (++links > MaxLinks)
            {
                return null;
            }

            if (Path.IsPathRooted(target))
            {
                resolved = "/";
            }

            foreach (var step in target.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse().Where(step => step != "."))
            {
                rest.Push(step);
            }
        }

        return resolved;
    }

    /// <summary>Whether a path that exists leads to a place in the directory; one that does not exist leads nowhere wrong.</summary>
    public static bool IsInside(string path, string directory)
    {
        var real = Of(path);
        var bound = Of(directory);
        return real is null || (bound is not null && (real == bound || real.StartsWith(bound.TrimEnd('/') + "/", StringComparison.Ordinal)));
    }
}
