using System.Runtime.InteropServices;
using System.Text;
using CliWrap;
using CliWrap.Exceptions;
using SandboxHost.Isolation.Cgroups;
using SandboxHost.Isolation.Linux;
using SandboxHost.Isolation.Seccomp;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation;

/// <summary>Finds out what the host can do, one row at a time. Each thing is tried rather than guessed from a version.</summary>
internal sealed class CapabilityProbe(IsolationOptions options, TimeProvider time)
{
    private const string TrialPath = "/usr/bin/bwrap";
    private static readonly Version FirstUsableBubblewrap = new(0, 5);
    private static readonly Version FirstWithDisableUserNamespaces = new(0, 8);
    private static readonly TimeSpan TrialLimit = TimeSpan.FromSeconds(20);

    // What other container runtimes hide as well: addresses and internals of the host's kernel, its keys, its switches.
    private static readonly string[] HiddenFiles =
    [
        "kallsyms", "keys", "kcore", "kmsg", "latency_stats", "sched_debug", "sysrq-trigger", "timer_list", "timer_stats",
    ];

    private static readonly string[] HiddenDirectories = ["acpi", "asound", "scsi"];

    private static int _probes;
    private readonly List<DoctorRow> _rows = [];

    public async Task<HostCapabilities> RunAsync(CancellationToken cancellationToken)
    {
        var root = OperatingSystem.IsLinux() && LibC.EffectiveUserId == 0;
        Machine();
        User(root);
        var launcher = Launcher();
        var (path, version) = await BubblewrapAsync(cancellationToken);
        var disable = version >= FirstWithDisableUserNamespaces;
        if (launcher && version is not null)
        {
            await TrialAsync(path, disable, root, cancellationToken);
        }

        var choice = await GroupsAsync(cancellationToken);
        _rows.AddRange(CgroupReport.Rows(choice, root, HasSwap()));
        Egress(root);
        return new HostCapabilities
        {
            IsRoot = root,
            BubblewrapPath = path,
            CanDisableUserNamespaces = disable,
            CanOpenEgress = root,
            CanFreeze = choice.Freezer is not null,
            CanLimit = choice is { Memory: not null, Cpu: not null, Pids: not null },
            MaskedProcFiles = [.. HiddenFiles.Select(name => "/proc/" + name).Where(File.Exists)],
            MaskedProcDirectories = [.. HiddenDirectories.Select(name => "/proc/" + name).Where(Directory.Exists)],
            Report = new DoctorReport(_rows),
        };
    }

    private void Machine()
    {
        var architecture = RuntimeInformation.ProcessArchitecture;
        var found = $"{RuntimeInformation.OSDescription}, {architecture}";
        if (OperatingSystem.IsLinux() && architecture is Architecture.X64 or Architecture.Arm64)
        {
            Row("machine", DoctorStatus.Ok, found, "System calls are filtered by a table for it.");
        }
        else
        {
            Row("machine", DoctorStatus.Missing, found, "There is isolation only for Linux on x86-64 and arm64.", "Use such a machine, or isolation 'none'.");
        }
    }

    private void User(bool root)
    {
        if (root)
        {
            Row("user", DoctorStatus.Ok, "root", "Every worker gets a uid of its own.");
        }
        else
        {
            Row(
                "user", DoctorStatus.Weaker, $"not root: {(OperatingSystem.IsLinux() ? $"uid {LibC.EffectiveUserId}" : "a user")}",
                "All workers have the host's uid: one that breaks out of its sandbox has the host's files and processes and those of the others, "
                + "and what the kernel counts by user (inotify watches, pending signals) is one count for all.",
                "Run the host as root.");
        }
    }

    private bool Launcher()
    {
        if (File.Exists(options.LauncherPath))
        {
            Row("launcher", DoctorStatus.Ok, options.LauncherPath, "Workers can be started.");
            return true;
        }

        Row(
            "launcher", DoctorStatus.Missing, $"nothing at {options.LauncherPath}", "No worker can be started.",
            "Run dotnet publish src/SandboxHost.Launcher -c Release, or correct the path.");
        return false;
    }

    private async Task<(string Path, Version? Version)> BubblewrapAsync(CancellationToken cancellationToken)
    {
        const string Remedy = "Install the package bubblewrap, 0.8 or later.";
        string[] places = options.BubblewrapPath is { } chosen ? [chosen] : [TrialPath, "/usr/local/bin/bwrap", "/bin/bwrap"];
        var path = places.FirstOrDefault(File.Exists);
        if (path is null)
        {
            Row("bubblewrap", DoctorStatus.Missing, "not installed", "Workers cannot be isolated.", Remedy);
            return (places[0], null);
        }

        var (_, output) = await RunAsync(Cli.Wrap(path).WithArguments("--version"), cancellationToken);
        // "bubblewrap 0.8.0"
        if (!Version.TryParse(output.Trim().Split(' ').Last(), out var version) || version < FirstUsableBubblewrap)
        {
            Row("bubblewrap", DoctorStatus.Missing, $"{path}: {output.Trim()}", "It lacks options that the sandbox is made of.", Remedy);
            return (path, null);
        }

        if (version < FirstWithDisableUserNamespaces)
        {
            Row("bubblewrap", DoctorStatus.Weaker, $"{path} {version}", "Only seccomp keeps workers from making user namespaces.", Remedy);
        }
        else
        {
            Row("bubblewrap", DoctorStatus.Ok, $"{path} {version}", "Workers cannot make user namespaces of their own.");
        }

        return (path, version);
    }

    /// <summary>A sandbox in which bubblewrap prints its version: namespaces, uid and filter at once, as a worker has them.</summary>
    private async Task TrialAsync(string bubblewrap, bool disable, bool root, CancellationToken cancellationToken)
    {
        var directory = Directory.CreateTempSubdirectory("sandboxhost-probe-");
        try
        {
            var filter = Path.Combine(directory.FullName, "seccomp.bpf");
            await File.WriteAllBytesAsync(filter, SeccompPolicy.ToBytes(SeccompPolicy.Build(SeccompArchitectures.Current)), cancellationToken);
            string[] forbid = disable ? ["--disable-userns"] : [];
            string[] command =
            [
                bubblewrap, "--unshare-user", "--unshare-all", .. forbid, "--die-with-parent", "--cap-drop", "ALL",
                "--ro-bind", "/", "/", "--ro-bind", bubblewrap, bubblewrap, "--proc", "/proc", "--seccomp", "9", "--", bubblewrap, "--version",
            ];
            List<PlanStep> steps = [new("clean", []), new("file", ["9", filter])];
            if (root)
            {
                steps.Add(new PlanStep("identity", [$"{UidBlock.For(options.UidBase, HostDirectories.MaxInstances).First}"]));
            }

            steps.Add(new PlanStep("no-new-privileges", []));
            steps.Add(new PlanStep("execute", [$"{command.Length}", .. command]));
            var launch = Cli.Wrap(options.LauncherPath)
                .WithWorkingDirectory("/")
                .WithStandardInputPipe(PipeSource.FromBytes(new SandboxPlan(steps).ToBytes()));
            var (code, output) = await RunAsync(launch, cancellationToken);
            if (code == 0)
            {
                Row("namespaces and seccomp", DoctorStatus.Ok, "a trial sandbox ran", "Workers see nothing of the host.");
            }
            else
            {
                Row(
                    "namespaces and seccomp", DoctorStatus.Missing, $"a trial sandbox ended with {code}: {output.Trim()}", "Workers cannot be isolated.",
                    "Allow user namespaces: sysctl user.max_user_namespaces above 0, kernel.unprivileged_userns_clone=1, "
                    + "kernel.apparmor_restrict_unprivileged_userns=0 where these exist; in a container, one that allows them.");
            }
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private async Task<CgroupChoice> GroupsAsync(CancellationToken cancellationToken)
    {
        if (!OperatingSystem.IsLinux())
        {
            return CgroupChoice.From([]);
        }

        var mounts = CgroupMount.Parse(
            await File.ReadAllTextAsync("/proc/self/mountinfo", cancellationToken),
            await File.ReadAllTextAsync("/proc/self/cgroup", cancellationToken));
        var name = $"{CgroupTree.NamePrefix}probe-{Environment.ProcessId}-{Interlocked.Increment(ref _probes)}";
        var tree = CgroupTree.Create(new CgroupFiles(), mounts, name);
        await tree.RemoveAsync(time, cancellationToken);
        return tree.Choice;
    }

    private void Egress(bool root)
    {
        if (root)
        {
            Row("egress", DoctorStatus.Ok, "possible", "The host can open a checked way out for a worker.");
        }
        else
        {
            Row("egress", DoctorStatus.Weaker, "not possible", "Functions reach nothing outside.", "Run the host as root.");
        }
    }

    private async Task<(int Code, string Output)> RunAsync(Command command, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(TrialLimit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var output = new StringBuilder();
        try
        {
            var result = await command
                .WithStandardOutputPipe(PipeTarget.ToStringBuilder(output))
                .WithStandardErrorPipe(PipeTarget.ToStringBuilder(output))
                .WithValidation(CommandResultValidation.None)
                .ExecuteAsync(either.Token);
            return (result.ExitCode, output.ToString());
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            return (-1, $"no end within {TrialLimit.TotalSeconds} s");
        }
        catch (Exception e) when (e is CliWrapException or SandboxException or InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return (-1, e.Message);
        }
    }

    // One line is the heading.
    private static bool HasSwap() => File.Exists("/proc/swaps") && File.ReadLines("/proc/swaps").Skip(1).Any();

    private void Row(string name, DoctorStatus status, string found, string consequence, string remedy = "") =>
        _rows.Add(new DoctorRow(name, status, found, consequence, remedy));
}
