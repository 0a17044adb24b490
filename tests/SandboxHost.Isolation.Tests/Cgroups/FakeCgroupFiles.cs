using SandboxHost.Isolation.Linux;

namespace SandboxHost.Isolation.Cgroups;

/// <summary>A made-up cgroup tree: what a new directory has in it follows from rules, as with the kernel.</summary>
internal sealed class FakeCgroupFiles : ICgroupFiles
{
    private readonly HashSet<string> _directories = [];
    private readonly Dictionary<string, string> _texts = [];

    /// <summary>Directory → names and first texts of the files in it.</summary>
    public required Func<FakeCgroupFiles, string, IEnumerable<(string Name, string Text)>> FilesOf { get; init; }

    /// <summary>Writes that the kernel refuses.</summary>
    public Func<string, string, bool> Refuses { get; set; } = (_, _) => false;

    /// <summary>Told of every write, before it shows.</summary>
    public Action<string, string> Written { get; set; } = (_, _) => { };

    public HashSet<string> ReadOnly { get; } = [];

    public HashSet<string> Busy { get; } = [];

    public List<(string Path, string Text)> Writes { get; } = [];

    public List<int> Killed { get; } = [];

    public IReadOnlyCollection<string> AllDirectories => _directories;

    public string this[string path]
    {
        get => _texts[path];
        set => _texts[path] = value;
    }

    public bool Exists(string path) => _directories.Contains(path) || _texts.ContainsKey(path);

    public IReadOnlyCollection<string> Files(string directory) =>
        [.. _texts.Keys.Where(path => Path.GetDirectoryName(path) == directory).Select(path => Path.GetFileName(path))];

    public IReadOnlyCollection<string> Directories(string directory) =>
        [.. _directories.Where(path => Path.GetDirectoryName(path) == directory)];

    public string? TryRead(string path) => _texts.GetValueOrDefault(path);

    public void Write(string path, string text)
    {
        if (Refuses(path, text) || !_texts.ContainsKey(path) || MayNotHandDown(path, text))
        {
            throw LibC.Failure("cgroup", path, 22);
        }

        Writes.Add((path, text));
        Written(path, text);
        if (text == "0" && path.EndsWith("/cgroup.procs", StringComparison.Ordinal))
        {
            Join(path);
            return;
        }

        if (!path.EndsWith("subtree_control", StringComparison.Ordinal))
        {
            _texts[path] = text;
            return;
        }

        // Controllers handed down show at once in the groups that are there.
        var given = _texts[path].Split(' ', StringSplitOptions.RemoveEmptyEntries).ToList();
        foreach (var word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            given.Remove(word[1..]);
            given.AddRange(word[0] == '+' ? [word[1..]] : []);
        }

        _texts[path] = string.Join(' ', given);
        foreach (var child in Directories(Path.GetDirectoryName(path)!))
        {
            AddFiles(child);
        }
    }

    // A v2 group other than the root that hands controllers down has no process of its own, and takes none back while a
    // group below hands them on.
    private bool MayNotHandDown(string path, string text)
    {
        if (!path.EndsWith("/cgroup.subtree_control", StringComparison.Ordinal))
        {
            return false;
        }

        var directory = Path.GetDirectoryName(path)!;
        var handedOn = Directories(directory).Any(below => _texts.GetValueOrDefault(below + "/cgroup.subtree_control") is { Length: > 0 });
        return (text.Contains('+') && _texts.GetValueOrDefault(directory + "/cgroup.procs") is { Length: > 0 }) || (text.Contains('-') && handedOn);
    }

    private void Join(string group)
    {
        var self = $"{Environment.ProcessId}\n";
        foreach (var path in _texts.Keys.Where(path => path.EndsWith("/cgroup.procs", StringComparison.Ordinal)).ToArray())
        {
            _texts[path] = _texts[path].Replace(self, "");
        }

        _texts[group] += self;
    }

    public int CreateDirectory(string path)
    {
        if (ReadOnly.Any(start => path.StartsWith(start, StringComparison.Ordinal)))
        {
            return 13;
        }

        if (!_directories.Add(path))
        {
            return LibC.ErrnoExists;
        }

        AddFiles(path);
        return 0;
    }

    private void AddFiles(string directory)
    {
        foreach (var (name, text) in FilesOf(this, directory))
        {
            // What a group has keeps what was written to it; which controllers it has follows from the group above.
            if (!_texts.TryAdd(directory + "/" + name, text) && name == "cgroup.controllers")
            {
                _texts[directory + "/" + name] = text;
            }
        }
    }

    public int RemoveDirectory(string path)
    {
        if (Busy.Remove(path) || Directories(path).Count > 0 || _texts.GetValueOrDefault(path + "/cgroup.procs") == $"{Environment.ProcessId}\n")
        {
            return LibC.ErrnoBusy;
        }

        foreach (var file in Files(path))
        {
            _texts.Remove(path + "/" + file);
        }

        return _directories.Remove(path) ? 0 : LibC.ErrnoNoEntry;
    }

    public void Kill(int processId) => Killed.Add(processId);

    /// <summary>A host with nothing but v2, on which this process is in <paramref name="own"/>.</summary>
    /// <param name="without">A file that this kernel does not have yet.</param>
    public static FakeCgroupFiles Unified(string own, string? without = null)
    {
        var files = new FakeCgroupFiles { FilesOf = (files, directory) => UnifiedFiles(files, directory).Where(file => file.Name != without) };
        files.CreateDirectory(own);
        files[own + "/cgroup.controllers"] = "cpuset cpu io memory pids";
        return files;
    }

    private static IEnumerable<(string Name, string Text)> UnifiedFiles(FakeCgroupFiles files, string directory)
    {
        foreach (var core in new[] { "cgroup.procs", "cgroup.freeze", "cgroup.kill", "cgroup.subtree_control", "cgroup.events" })
        {
            yield return (core, "");
        }

        yield return ("cpu.stat", "usage_usec 1500\nuser_usec 1000\n");
        var given = files.TryRead(Path.GetDirectoryName(directory) + "/cgroup.subtree_control") ?? "";
        yield return ("cgroup.controllers", given);
        foreach (var controller in given.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            foreach (var file in controller switch
            {
                "memory" => new[] { "memory.max", "memory.swap.max", "memory.oom.group", "memory.current", "memory.peak", "memory.events", "memory.stat" },
                "cpu" => ["cpu.max", "cpu.weight"],
                "pids" => ["pids.max", "pids.current", "pids.events"],
                _ => [],
            })
            {
                yield return (file, "0");
            }
        }
    }

    /// <summary>A host with v1 controllers of their own, and with or without the v2 tree beside them.</summary>
    /// <param name="hasIdle">Whether the kernel can put a group behind all others (Linux 5.15).</param>
    public static FakeCgroupFiles Legacy(string unifiedOwn = "/none", bool hasIdle = false) => new()
    {
        FilesOf = (files, directory) => directory.StartsWith(unifiedOwn, StringComparison.Ordinal)
            ? [("cgroup.procs", ""), ("cgroup.controllers", "hugetlb"), ("cgroup.freeze", "0"), ("cgroup.kill", ""), ("cpu.stat", "usage_usec 7\n")]
            : directory.Split('/')[2] switch
            {
                "memory" =>
                [
                    ("tasks", ""), ("cgroup.procs", ""), ("memory.limit_in_bytes", ""), ("memory.memsw.limit_in_bytes", ""), ("memory.swappiness", "60"), ("memory.kmem.tcp.limit_in_bytes", ""),
                    ("memory.usage_in_bytes", "0"), ("memory.max_usage_in_bytes", "0"), ("memory.stat", ""), ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n"),
                ],
                "cpu" => [("tasks", ""), ("cgroup.procs", ""), ("cpu.cfs_quota_us", "-1"), ("cpu.shares", "1024"), ("cpu.cfs_period_us", "100000"), .. hasIdle ? [("cpu.idle", "0")] : Array.Empty<(string, string)>()],
                "cpuacct" => [("tasks", ""), ("cgroup.procs", ""), ("cpuacct.usage", "3000000")],
                "pids" => [("tasks", ""), ("cgroup.procs", ""), ("pids.max", "max"), ("pids.current", "0"), ("pids.events", "max 0\n")],
                "freezer" => [("tasks", ""), ("cgroup.procs", ""), ("freezer.state", "THAWED")],
                _ => [],
            },
    };
}
