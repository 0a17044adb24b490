using System.Text;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation;

public sealed class SandboxPlannerTests
{
    private static readonly SandboxSpec Spec = new()
    {
        Name = "w1",
        Runtime = new SandboxRuntime("node", "/opt/node/bin/node", "/opt/runner", limits => [$"--max-old-space-size={limits.MemoryBytes >> 20}", "/runner/main.mjs"]),
        Environment = new Dictionary<string, string> { ["TOKEN"] = "secret value" },
        HostDirectory = "/var/host",
        Limits = new SandboxLimits(64 << 20, 1, OpenFiles: 300, TmpBytes: 5000),
        Output = _ => { },
    };

    private static readonly HostCapabilities Host = new()
    {
        IsRoot = true,
        BubblewrapPath = "/usr/bin/bwrap",
        CanDisableUserNamespaces = true,
        CanOpenEgress = true,
        CanFreeze = true,
        CanLimit = true,
        MaskedProcFiles = ["/proc/keys"],
        MaskedProcDirectories = ["/proc/acpi"],
        Report = new DoctorReport([]),
    };

    private static readonly SandboxPlacement Placement = new()
    {
        HostProcessId = 42,
        Uid = 1_900_000_007,
        JoinFiles = ["/cg/a/tasks", "/cg/b/cgroup.procs"],
        FunctionDirectory = "/run/s/function",
        ReportPath = "/run/s/report",
        SeccompPath = "/run/seccomp",
        EtcDirectory = "/run/etc",
        EmptyDirectory = "/run/empty",
        StageDirectory = "/run/stage",
        OutOfMemoryScore = 500,
    };

    [Fact]
    public void Steps_are_in_the_only_order_that_works() => Assert.Equal(
        "parent cgroup cgroup oom-score empty-core-dumps stage bind-file bind-directory bind-directory bind-directory bind-directory bind-directory tmpfs tmpfs "
        + "limit limit limit limit limit limit limit limit clean file report words identity no-new-privileges parent execute",
        string.Join(' ', Plan().Steps.Select(step => step.Verb)));

    [Fact]
    public void Bubblewrap_runs_the_runtime_with_its_arguments_and_nothing_secret_on_the_command_line() => Assert.Equal(
        ["7", "/usr/bin/bwrap", "--args", "8", "--", "/usr/bin/node", "--max-old-space-size=64", "/runner/main.mjs"],
        Plan().Steps[^1].Words);

    [Fact]
    public void Arguments_are_the_profile()
    {
        var words = Plan().Steps.Single(step => step.Verb == SandboxPlanner.ArgumentsStep).Words;

        Assert.Equal($"{words.Count - 2}", words[1]);
        Assert.Equal(
            """
            --unshare-user --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup --unshare-net --uid 65534 --gid 65534 --hostname fn
            --disable-userns --die-with-parent --new-session --cap-drop ALL --clearenv --tmpfs /
            --ro-bind /usr/lib /usr/lib --ro-bind-try /usr/lib64 /usr/lib64 --symlink usr/lib /lib --symlink usr/lib64 /lib64
            --dir /usr/bin --ro-bind /run/stage/executable /usr/bin/node --ro-bind /run/stage/etc /etc
            --proc /proc --ro-bind /dev/null /proc/keys --ro-bind /run/stage/empty /proc/acpi --dev /dev
            --bind /run/stage/tmp /tmp --bind /run/stage/shm /dev/shm
            --ro-bind /run/stage/runner /runner --ro-bind /run/stage/function /function --ro-bind /run/stage/host /run/host
            --remount-ro /proc --remount-ro /dev --remount-ro /
            --setenv PATH /usr/bin --setenv HOME /tmp --setenv TMPDIR /tmp --setenv LANG C.UTF-8 --setenv TOKEN secret value
            --chdir /function --seccomp 9 --json-status-fd 7
            """.ReplaceLineEndings(" "),
            string.Join(' ', words.Skip(2)));
    }

    [Fact]
    public void Writable_directories_have_a_size_and_a_number_of_files() => Assert.Equal(
        ["/run/stage/tmp mode=1777,size=5000,nr_inodes=1", "/run/stage/shm mode=1777,size=16777216,nr_inodes=4096"],
        Plan().Steps.Where(step => step.Verb == "tmpfs").Select(step => string.Join(' ', step.Words)));

    [Fact]
    public void Limits_of_the_process_are_set_by_number() => Assert.Equal(
        ["7 300", "4 1", "1 4294967296", "3 8388608", "8 65536", "11 4096", "12 0", "6 256"],
        Plan().Steps.Where(step => step.Verb == "limit").Select(step => string.Join(' ', step.Words)));

    [Fact]
    public void Host_that_is_not_root_keeps_its_uid_and_binds_sources_from_where_they_are()
    {
        var plan = Plan(Placement with { Uid = null, StageDirectory = null });

        // RLIMIT_NPROC counts what the uid has running elsewhere, too.
        Assert.DoesNotContain(plan.Steps, step => step.Verb == "limit" && step.Words[0] == "6");
        Assert.DoesNotContain(plan.Steps, step => step.Verb is "identity" or "stage" or "bind-file" or "bind-directory" or "tmpfs");
        var words = plan.Steps.Single(step => step.Verb == SandboxPlanner.ArgumentsStep).Words;
        Assert.Contains("/opt/runner", words);
        Assert.Contains("--size 5000 --tmpfs /tmp --size 16777216 --tmpfs /dev/shm", string.Join(' ', words));
    }

    [Fact]
    public void Printed_plan_shows_names_of_variables_but_not_their_values()
    {
        var text = Plan().ToString();

        Assert.Contains("--setenv TOKEN ***", text);
        Assert.DoesNotContain("secret", text);
    }

    [Fact]
    public void Bytes_are_words_that_end_in_nul() =>
        Assert.StartsWith("parent|42|cgroup|/cg/a/tasks|cgroup|/cg/b/cgroup.procs|", Encoding.UTF8.GetString(Plan().ToBytes()).Replace('\0', '|'), StringComparison.Ordinal);

    [Fact]
    public void Nul_in_a_variable_is_refused()
    {
        var spec = Spec with { Environment = new Dictionary<string, string> { ["A"] = "x\0--bind\0/\0/" } };

        Assert.Throws<SandboxException>(() => SandboxPlanner.Plan(spec, Host, Placement).ToBytes());
    }

    private static SandboxPlan Plan(SandboxPlacement? placement = null) => SandboxPlanner.Plan(Spec, Host, placement ?? Placement);
}
