namespace SandboxHost.Sandboxes;

/// <summary>What to start, and within which limits.</summary>
public sealed record SandboxSpec
{
    /// <summary>A short name for directories, cgroups and logs; unique within the host, [a-z0-9-].</summary>
    public required string Name { get; init; }

    /// <summary>The runtime to run.</summary>
    public required SandboxRuntime Runtime { get; init; }

    /// <summary>Environment of the process, beyond PATH, HOME, TMPDIR and LANG, which the sandbox sets. Not visible to other users of the host.</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>The directory with the worker socket; the worker sees it as <see cref="SandboxLayout.HostDirectory"/>.</summary>
    public required string HostDirectory { get; init; }

    public required SandboxLimits Limits { get; init; }

    /// <summary>
    /// How long it may be kept waiting for processors that others want, host included; <see cref="ISandbox.EndPatienceAsync"/> ends it
    /// earlier. For what starts before anybody wants it. Zero, the default: not at all. Without effect where the kernel has no such thing
    /// as cpu.idle in a hierarchy of its own (cgroup v1, Linux 5.15).
    /// </summary>
    public TimeSpan Patience { get; init; }

    /// <summary>Takes what the process prints on stdout and stderr, line by line; called from one thread at a time per sandbox. Bounded by the launcher.</summary>
    public required Action<string> Output { get; init; }
}

/// <summary>A program that runs functions, and the files it needs.</summary>
/// <param name="Name">"node", "dotnet": part of the pool's key.</param>
/// <param name="Executable">The host's path of the executable; seen as <see cref="SandboxLayout.ExecutableFor"/>.</param>
/// <param name="RunnerDirectory">The host's directory of the runner; seen as <see cref="SandboxLayout.RunnerDirectory"/>, read-only.</param>
/// <param name="Arguments">Arguments, written for the inside of the sandbox. May depend on the memory limit.</param>
public sealed record SandboxRuntime(
    string Name,
    string Executable,
    string RunnerDirectory,
    Func<SandboxLimits, IReadOnlyList<string>> Arguments);

/// <summary>Limits that the kernel enforces. Bytes, CPUs, counts.</summary>
/// <param name="MemoryBytes">Memory of all processes together, tmpfs included. Swap is off.</param>
/// <param name="Cpus">vCPUs as a fraction of time; null is unlimited (a process that is still starting).</param>
/// <param name="Pids">Processes and threads.</param>
/// <param name="OpenFiles">RLIMIT_NOFILE; fixed at start.</param>
/// <param name="TmpBytes">Size of /tmp; fixed at start.</param>
public sealed record SandboxLimits(
    long MemoryBytes,
    double? Cpus,
    int Pids = 128,
    int OpenFiles = 1024,
    long TmpBytes = 64L << 20)
{
    /// <summary>Its part of the processors when they are short, among sandboxes that have 1, the default.</summary>
    public double Weight { get; init; } = 1;
}

/// <summary>Current and peak use of a sandbox.</summary>
public readonly record struct SandboxUsage(long MemoryBytes, long PeakMemoryBytes, TimeSpan Cpu, int Pids);

/// <summary>Paths inside every sandbox. The unconfined launcher gives the same things by environment instead.</summary>
public static class SandboxLayout
{
    /// <summary>The function's files.</summary>
    public const string FunctionDirectory = "/function";

    /// <summary>The program that runs functions.</summary>
    public const string RunnerDirectory = "/runner";

    /// <summary>Holds the worker socket.</summary>
    public const string HostDirectory = "/run/host";

    /// <summary>File name of the worker socket in <see cref="HostDirectory"/>.</summary>
    public const string SocketName = "worker.sock";

    /// <summary>
    /// Where workers dial, for a directory as they see it: the socket in it. On Windows a named pipe with the directory's name,
    /// because Node knows no Unix sockets there.
    /// </summary>
    public static string LinkAddressFor(string directory) =>
        OperatingSystem.IsWindows() ? @"\\.\pipe\" + PipeNameFor(directory) : Path.Combine(directory, SocketName);

    /// <summary>The name of the pipe alone. As hard to guess as the directory's.</summary>
    public static string PipeNameFor(string directory) => Path.GetFileName(directory) + "-worker";

    /// <summary>File name of the socket in <see cref="HostDirectory"/> at which workers offer their inspectors; only on a developer's machine.</summary>
    public const string InspectorSocketName = "inspector.sock";

    /// <summary>Where the egress door answers inside the sandbox's network namespace.</summary>
    public const string EgressProxy = "http://127.0.0.1:3128";

    /// <summary>The path of a runtime's executable inside the sandbox.</summary>
    public static string ExecutableFor(SandboxRuntime runtime)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        return "/usr/bin/" + runtime.Name;
    }
}
