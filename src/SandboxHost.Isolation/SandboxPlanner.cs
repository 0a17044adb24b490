using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation;

/// <summary>Where one sandbox lives on the host, decided before it is planned. Paths are absolute.</summary>
internal sealed record SandboxPlacement
{
    /// <summary>The host process; the worker must not outlive it.</summary>
    public required int HostProcessId { get; init; }

    /// <summary>The uid to take, or null to stay what the host is.</summary>
    public required uint? Uid { get; init; }

    /// <summary>Files of control groups; the process joins by writing a 0.</summary>
    public required IReadOnlyList<string> JoinFiles { get; init; }

    /// <summary>The slot that the host fills with the function's files.</summary>
    public required string FunctionDirectory { get; init; }

    /// <summary>Where bubblewrap says whether it got to run the worker.</summary>
    public required string ReportPath { get; init; }

    public required string SeccompPath { get; init; }

    public required string EtcDirectory { get; init; }

    /// <summary>An empty directory, to cover others with.</summary>
    public required string EmptyDirectory { get; init; }

    /// <summary>An empty directory that the launcher may mount over, privately. Null: sources are bound from where they are.</summary>
    public required string? StageDirectory { get; init; }

    public int OutOfMemoryScore { get; init; }
}

/// <summary>
/// Spec + what this host can do + where it goes → the steps. Pure. The order is the point: groups before anything runs,
/// mounts as root, then the uid, then what is tied to it; bubblewrap is never run by uid 0, because in a user namespace
/// made by root the files of root below /proc/sys could be opened for writing.
/// </summary>
internal static class SandboxPlanner
{
    public const string ArgumentsStep = "words";
    private const int ReportDescriptor = 7, ArgumentsDescriptor = 8, SeccompDescriptor = 9;
    private const long SharedMemoryBytes = 16L << 20;

    // Nothing in a sandbox is on a disk, so this only stops absurd files. Not the size of /tmp: .NET reserves 2 GiB in a
    // memory file for its code and would not start.
    private const long FileSizeBytes = 4L << 30;

    // Not 0: where the host's core_pattern is a program, the kernel starts that program, as root, whatever the limit is,
    // and 1 is the one value that stops it, too (core(5); do_coredump). No file is as small.
    private const long NoCore = 1;

    // asm-generic/resource.h; the same on x86-64 and arm64.
    private const int LimitFileSize = 1, LimitStack = 3, LimitCore = 4, LimitProcesses = 6, LimitOpenFiles = 7, LimitLockedMemory = 8,
        LimitPendingSignals = 11, LimitMessageQueues = 12;

    public static SandboxPlan Plan(SandboxSpec spec, HostCapabilities host, SandboxPlacement placement)
    {
        var steps = new List<PlanStep>();
        void Add(string verb, params string[] words) => steps.Add(new PlanStep(verb, words));

        Add("parent", $"{placement.HostProcessId}");
        foreach (var file in placement.JoinFiles)
        {
            Add("cgroup", file);
        }

        Add("oom-score", $"{placement.OutOfMemoryScore}");
        Add("empty-core-dumps");
        var sources = Stage(Sources.Of(spec, placement), placement.StageDirectory, Add);
        var writable = Writable.Of(spec.Limits).Select(place => place.Stage(placement.StageDirectory, Add)).ToList();
        foreach (var (resource, value) in ResourceLimits(spec.Limits, placement))
        {
            Add("limit", $"{resource}", $"{value}");
        }

        Add("clean");
        Add("file", $"{SeccompDescriptor}", placement.SeccompPath);
        Add("report", $"{ReportDescriptor}", placement.ReportPath);
        var arguments = Arguments(spec, host, sources, writable);
        Add(ArgumentsStep, [$"{ArgumentsDescriptor}", $"{arguments.Count}", .. arguments]);
        if (placement.Uid is { } uid)
        {
            Add("identity", $"{uid}");
        }

        Add("no-new-privileges");
        // Again, as the change of uid undid it.
        Add("parent", $"{placement.HostProcessId}");
        string[] command =
        [
            host.BubblewrapPath, "--args", $"{ArgumentsDescriptor}", "--",
            SandboxLayout.ExecutableFor(spec.Runtime), .. spec.Runtime.Arguments(spec.Limits),
        ];
        Add("execute", [$"{command.Length}", .. command]);
        return new SandboxPlan(steps);
    }

    private static IEnumerable<(int Resource, long Value)> ResourceLimits(SandboxLimits limits, SandboxPlacement placement) =>
    [
        (LimitOpenFiles, limits.OpenFiles),
        (LimitCore, NoCore),
        (LimitFileSize, FileSizeBytes),
        (LimitStack, 8L << 20),
        (LimitLockedMemory, 64L << 10),
        (LimitPendingSignals, 4096),
        (LimitMessageQueues, 0),

        // A second line behind the pids group, where the uid is the worker's own; elsewhere it would count its owner's programs.
        // Twice as many, so that the group is met first: it counts what it refuses.
        .. placement.Uid is null ? Array.Empty<(int, long)>() : [(LimitProcesses, 2L * limits.Pids)],
    ];

    // Sources are bound where the worker's uid can reach them: a node below somebody's 0700 home directory could not be
    // opened by bubblewrap. Always, not only when needed: it costs 0.4 ms, and one way is better tested than two.
    private static Sources Stage(Sources sources, string? stage, Action<string, string[]> add)
    {
        if (stage is null)
        {
            return sources;
        }

        add("stage", [stage]);
        return sources.Map((name, path, kind) =>
        {
            var target = stage + "/" + name;
            add(kind, [path, target]);
            return target;
        });
    }

    private static List<string> Arguments(SandboxSpec spec, HostCapabilities host, Sources sources, IEnumerable<string[]> writable)
    {
        var arguments = new List<string>();
        void Add(params ReadOnlySpan<string> words) => arguments.AddRange(words);

        Add("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup", "--unshare-net");
        Add("--uid", "65534", "--gid", "65534", "--hostname", "fn");
        if (host.CanDisableUserNamespaces)
        {
            Add("--disable-userns");
        }

        Add("--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv");
        Add("--tmpfs", "/");
        Add("--ro-bind", "/usr/lib", "/usr/lib", "--ro-bind-try", "/usr/lib64", "/usr/lib64");
        Add("--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64");
        Add("--dir", "/usr/bin", "--ro-bind", sources.Executable, SandboxLayout.ExecutableFor(spec.Runtime));
        Add("--ro-bind", sources.Etc, "/etc");
        Add("--proc", "/proc");
        foreach (var masked in host.MaskedProcFiles)
        {
            Add("--ro-bind", "/dev/null", masked);
        }

        foreach (var masked in host.MaskedProcDirectories)
        {
            Add("--ro-bind", sources.Empty, masked);
        }

        Add("--dev", "/dev");
        foreach (var words in writable)
        {
            Add(words);
        }

        Add("--ro-bind", sources.Runner, SandboxLayout.RunnerDirectory);
        Add("--ro-bind", sources.Function, SandboxLayout.FunctionDirectory);
        Add("--ro-bind", sources.Host, SandboxLayout.HostDirectory);

        // Last of the mounts: after these no directory can be made any more. /dev too, which is writable by default.
        Add("--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/");
        Add("--setenv", "PATH", "/usr/bin", "--setenv", "HOME", "/tmp", "--setenv", "TMPDIR", "/tmp", "--setenv", "LANG", "C.UTF-8");
        foreach (var (name, value) in spec.Environment)
        {
            Add("--setenv", name, value);
        }

        Add("--chdir", SandboxLayout.FunctionDirectory);
        Add("--seccomp", $"{SeccompDescriptor}", "--json-status-fd", $"{ReportDescriptor}");
        return arguments;
    }

    /// <summary>Where the worker may write: memory of its own, within a size and a number of files.</summary>
    private sealed record Writable(string Name, string Path, long Bytes)
    {
        /// <summary>A page each, so that empty files cost no more than full ones.</summary>
        private const int BytesPerFile = 4096;

        public static IEnumerable<Writable> Of(SandboxLimits limits) => [new("tmp", "/tmp", limits.TmpBytes), new("shm", "/dev/shm", SharedMemoryBytes)];

        // bubblewrap bounds the size alone. Where nobody but bubblewrap can mount, files that are too many end at the
        // memory limit, which counts them.
        public string[] Stage(string? stage, Action<string, string[]> add)
        {
            if (stage is null)
            {
                return ["--size", $"{Bytes}", "--tmpfs", Path];
            }

            var target = stage + "/" + Name;
            add("tmpfs", [target, $"mode=1777,size={Bytes},nr_inodes={Math.Max(1, Bytes / BytesPerFile)}"]);
            return ["--bind", target, Path];
        }
    }

    private sealed record Sources(string Executable, string Runner, string Function, string Host, string Etc, string Empty)
    {
        public static Sources Of(SandboxSpec spec, SandboxPlacement placement) => new(
            spec.Runtime.Executable, spec.Runtime.RunnerDirectory, placement.FunctionDirectory, spec.HostDirectory,
            placement.EtcDirectory, placement.EmptyDirectory);

        public Sources Map(Func<string, string, string, string> place)
        {
            const string File = "bind-file", Directory = "bind-directory";
            return new Sources(
                place("executable", Executable, File), place("runner", Runner, Directory), place("function", Function, Directory),
                place("host", Host, Directory), place("etc", Etc, Directory), place("empty", Empty, Directory));
        }
    }
}
