namespace SandboxHost.Isolation.Cgroups;

/// <summary>One cgroup hierarchy of the host, and where in it this process is.</summary>
/// <param name="Version">1 or 2.</param>
/// <param name="Controllers">The controllers of a v1 hierarchy; empty for v2, which says in a file.</param>
/// <param name="OwnDirectory">The host's path of the group that this process is in.</param>
internal sealed record CgroupMount(int Version, IReadOnlyList<string> Controllers, string OwnDirectory)
{
    /// <summary>Reads the text of /proc/self/mountinfo and /proc/self/cgroup. Hierarchies without a controller are left out.</summary>
    public static IReadOnlyList<CgroupMount> Parse(string mountInfo, string ownGroups)
    {
        var own = OwnPaths(ownGroups);
        var mounts = new List<CgroupMount>();
        foreach (var line in mountInfo.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            // 41 31 0:38 ROOT MOUNTPOINT OPTIONS [optional fields] - TYPE SOURCE SUPEROPTIONS, see proc_pid_mountinfo(5).
            var words = line.Split(' ');
            var separator = Array.IndexOf(words, "-");
            if (separator < 6 || separator + 3 >= words.Length || words[separator + 1] is not ("cgroup" or "cgroup2"))
            {
                continue;
            }

            var version = words[separator + 1] == "cgroup2" ? 2 : 1;
            var options = words[separator + 3].Split(',');
            var key = version == 2 ? "" : options.FirstOrDefault(own.ContainsKey);
            if (key is null || !own.TryGetValue(key, out var path))
            {
                continue;
            }

            var controllers = version == 2 ? [] : options.Where(own.ContainsKey).ToArray();
            mounts.Add(new CgroupMount(version, controllers, Locate(Unescape(words[4]), Unescape(words[3]), path)));
        }

        // A hierarchy can be mounted twice; the first will do.
        return [.. mounts.DistinctBy(mount => (mount.Version, string.Join(',', mount.Controllers)))];
    }

    private static Dictionary<string, string> OwnPaths(string ownGroups)
    {
        // 4:memory:/path per v1 hierarchy, 0::/path for v2, see cgroups(7).
        var own = new Dictionary<string, string>();
        foreach (var line in ownGroups.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = line.Split(':', 3);
            if (parts.Length != 3 || parts[1].StartsWith("name=", StringComparison.Ordinal))
            {
                continue;
            }

            foreach (var controller in parts[1].Split(','))
            {
                own[controller] = parts[2];
            }
        }

        return own;
    }

    private static string Locate(string mountPoint, string mountRoot, string path)
    {
        // In a container the mount may show only a part of the tree, while the path is said from the top.
        var inside = mountRoot.Length > 1 && path.StartsWith(mountRoot, StringComparison.Ordinal) ? path[mountRoot.Length..] : path;
        var relative = inside.StartsWith("/..", StringComparison.Ordinal) ? "" : inside.TrimEnd('/');
        return OutOfLeaf(mountPoint.TrimEnd('/') + relative);
    }

    // This process, or the one that started it, may have moved to a leaf; groups go beside it, not into it.
    private static string OutOfLeaf(string directory) =>
        Path.GetFileName(directory) == HostLeaf.Name ? Path.GetDirectoryName(directory)! : directory;

    private static string Unescape(string text) =>
        text.Contains('\\') ? text.Replace("\\040", " ").Replace("\\011", "\t").Replace("\\134", "\\") : text;
}
