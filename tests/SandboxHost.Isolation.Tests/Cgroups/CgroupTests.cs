using Microsoft.Extensions.Time.Testing;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Cgroups;

public sealed class CgroupTests
{
    private static readonly SandboxLimits Limits = new(100 << 20, 0.5, Pids: 64);

    private static readonly CgroupMount[] LegacyMounts =
    [
        new(1, ["memory"], "/cg/memory/me"), new(1, ["cpu"], "/cg/cpu"), new(1, ["cpuacct"], "/cg/cpuacct"),
        new(1, ["pids"], "/cg/pids"), new(1, ["freezer"], "/cg/freezer"), new(1, ["devices"], "/cg/devices"),
    ];

    [Fact]
    public void Mounts_and_own_paths_of_a_hybrid_host_are_found()
    {
        const string Mounts = """
            31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
            35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:5 - cgroup cgroup rw,memory
            32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
            40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
            41 31 0:38 / /sys/fs/cgroup/un\040ified rw,relatime - cgroup2 cgroup2 rw
            """;
        const string Own = "9:name=systemd:/\n4:memory:/api/3679\n2:cpu,cpuacct:/\n0::/user.slice/x\n";

        var mounts = CgroupMount.Parse(Mounts, Own);

        Assert.Equal(
            [(1, "memory", "/sys/fs/cgroup/memory/api/3679"), (1, "cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct"), (2, "", "/sys/fs/cgroup/un ified/user.slice/x")],
            mounts.Select(mount => (mount.Version, string.Join(',', mount.Controllers), mount.OwnDirectory)));
    }

    [Theory]
    [InlineData("/docker/abc", "/docker/abc/sub", "/sys/fs/cgroup/sub")] // a container that shows its part of the tree
    [InlineData("/", "/../other", "/sys/fs/cgroup")] // moved out of its cgroup namespace
    [InlineData("/", "/svc/sandboxhost-host", "/sys/fs/cgroup/svc")] // moved to a leaf by an earlier instance
    public void Own_directory_is_found_in_containers_and_leaves(string root, string own, string directory) => Assert.Equal(
        directory,
        Assert.Single(CgroupMount.Parse($"41 31 0:38 {root} /sys/fs/cgroup rw - cgroup2 cgroup2 rw", $"0::{own}\n")).OwnDirectory);

    [Fact]
    public void Legacy_host_limits_with_the_controllers_and_freezes_with_the_freezer()
    {
        var files = FakeCgroupFiles.Legacy();
        var tree = CgroupTree.Create(files, LegacyMounts, "sandboxhost-0");
        files.Writes.Clear();

        tree.CreateGroup("a", Limits);

        Assert.Equal(
        [
            ("/cg/memory/me/sandboxhost-0/a/memory.swappiness", "0"),
            ("/cg/cpu/sandboxhost-0/a/cpu.cfs_period_us", "20000"),
            ("/cg/memory/me/sandboxhost-0/a/memory.limit_in_bytes", "104857600"),
            ("/cg/memory/me/sandboxhost-0/a/memory.memsw.limit_in_bytes", "104857600"),
            ("/cg/memory/me/sandboxhost-0/a/memory.kmem.tcp.limit_in_bytes", "13107200"),
            ("/cg/cpu/sandboxhost-0/a/cpu.cfs_quota_us", "10000"),
            ("/cg/pids/sandboxhost-0/a/pids.max", "64"),
        ], files.Writes);
        Assert.Equal(("freezer.state", null), (tree.Choice.Freezer!.Has("freezer.state") ? "freezer.state" : "", tree.Choice.Kill));
    }

    [Fact]
    public void Hybrid_host_limits_with_v1_and_freezes_and_kills_with_v2()
    {
        var files = FakeCgroupFiles.Legacy("/cg/unified");
        var tree = CgroupTree.Create(files, [.. LegacyMounts, new CgroupMount(2, [], "/cg/unified")], "sandboxhost-0");
        var group = tree.CreateGroup("a", Limits);
        files.Writes.Clear();

        group.Freeze();
        group.Kill();
        group.Thaw();

        Assert.Equal(
        [
            ("/cg/unified/sandboxhost-0/a/cgroup.freeze", "1"),
            ("/cg/unified/sandboxhost-0/a/cgroup.kill", "1"),
            ("/cg/unified/sandboxhost-0/a/cgroup.freeze", "0"),
        ], files.Writes);
        Assert.Equal(["/cg/memory/me", "/cg/cpu", "/cg/pids", "/cg/unified"], tree.Choice.Used.Select(root => Path.GetDirectoryName(root.Directory)));
        Assert.Equal(TimeSpan.FromMicroseconds(7), group.ReadUsage().Cpu);
    }

    [Fact]
    public void Unified_host_uses_one_directory_for_everything()
    {
        var files = FakeCgroupFiles.Unified("/cg/svc");
        var tree = CgroupTree.Create(files, [new CgroupMount(2, [], "/cg/svc")], "sandboxhost-0");
        Assert.Equal([("/cg/svc/cgroup.subtree_control", "+memory +cpu +pids"), ("/cg/svc/sandboxhost-0/cgroup.subtree_control", "+memory +cpu +pids")], files.Writes);
        files.Writes.Clear();

        var group = tree.CreateGroup("a", Limits with { Cpus = null });

        Assert.Equal(["/cg/svc/sandboxhost-0/a"], group.Directories);
        Assert.Equal(
        [
            ("/cg/svc/sandboxhost-0/a/memory.swap.max", "0"),
            ("/cg/svc/sandboxhost-0/a/memory.oom.group", "1"),
            ("/cg/svc/sandboxhost-0/a/memory.max", "104857600"),
            ("/cg/svc/sandboxhost-0/a/cpu.max", "max 20000"),
            ("/cg/svc/sandboxhost-0/a/pids.max", "64"),
        ], files.Writes);
    }

    [Fact]
    public void Unified_host_without_delegated_controllers_still_freezes_and_kills()
    {
        var files = FakeCgroupFiles.Unified("/cg/svc");
        files.Refuses = (path, _) => path.EndsWith("subtree_control", StringComparison.Ordinal);

        var choice = CgroupTree.Create(files, [new CgroupMount(2, [], "/cg/svc")], "sandboxhost-0").Choice;

        Assert.Equal((null, null, null), (choice.Memory, choice.Cpu, choice.Pids));
        Assert.NotNull(choice.Freezer);
        Assert.NotNull(choice.Kill);
    }

    [Fact]
    public async Task Host_weighs_four_times_what_all_its_workers_do_and_goes_back_to_where_it_was()
    {
        var files = FakeCgroupFiles.Legacy();
        files["/cg/cpu/cgroup.procs"] = $"{Environment.ProcessId}\n";
        var tree = CgroupTree.Create(files, LegacyMounts, "sandboxhost-0");
        Assert.Equal($"{Environment.ProcessId}\n", files["/cg/cpu/sandboxhost-host/cgroup.procs"]);
        Assert.Equal("4096", files["/cg/cpu/sandboxhost-host/cpu.shares"]);
        Assert.Equal("1024", files["/cg/cpu/sandboxhost-0/cpu.shares"]);
        Assert.DoesNotContain("/cg/cpu/sandboxhost-host", tree.Directories);

        await tree.RemoveAsync(new FakeTimeProvider(), CancellationToken.None);

        Assert.Equal($"{Environment.ProcessId}\n", files["/cg/cpu/cgroup.procs"]);
        Assert.Empty(files.AllDirectories);
        Assert.Empty(files.Killed);
    }

    [Fact]
    public async Task Host_beside_another_shares_its_leaf_and_the_last_removes_it()
    {
        var files = FakeCgroupFiles.Legacy();
        files["/cg/cpu/cgroup.procs"] = $"{Environment.ProcessId}\n";
        var (one, two) = (CgroupTree.Create(files, LegacyMounts, "sandboxhost-0"), CgroupTree.Create(files, LegacyMounts, "sandboxhost-1"));
        files.Busy.Add("/cg/cpu/sandboxhost-host");

        await one.RemoveAsync(new FakeTimeProvider(), CancellationToken.None);
        Assert.Contains("/cg/cpu/sandboxhost-host", files.AllDirectories);
        await two.RemoveAsync(new FakeTimeProvider(), CancellationToken.None);

        Assert.Empty(files.AllDirectories);
    }

    [Fact]
    public void Who_still_starts_weighs_less_than_who_serves()
    {
        var files = FakeCgroupFiles.Legacy();
        var unified = FakeCgroupFiles.Unified("/cg/svc");
        var one = CgroupTree.Create(files, LegacyMounts, "sandboxhost-0").CreateGroup("a", Limits with { Weight = 0.1 });
        var two = CgroupTree.Create(unified, [new CgroupMount(2, [], "/cg/svc")], "sandboxhost-0").CreateGroup("a", Limits with { Weight = 0.1 });
        Assert.Equal(("102", "10"), (files["/cg/cpu/sandboxhost-0/a/cpu.shares"], unified["/cg/svc/sandboxhost-0/a/cpu.weight"]));

        one.SetLimits(Limits);
        two.SetLimits(Limits);

        Assert.Equal(("1024", "100"), (files["/cg/cpu/sandboxhost-0/a/cpu.shares"], unified["/cg/svc/sandboxhost-0/a/cpu.weight"]));
    }

    [Fact]
    public void Who_is_patient_waits_beside_the_instances_group_and_moves_into_its_own()
    {
        var files = FakeCgroupFiles.Legacy(hasIdle: true);
        var tree = CgroupTree.Create(files, LegacyMounts, "sandboxhost-0");
        Assert.Contains(("/cg/cpu/sandboxhost-0-patient/cpu.idle", "1"), files.Writes);
        Assert.Contains("/cg/cpu/sandboxhost-0-patient", tree.Directories);

        var group = tree.CreateGroup("a", Limits, isPatient: true);
        Assert.Equal(["/cg/cpu/sandboxhost-0-patient/tasks"], group.JoinFiles.Except(group.Directories.Select(directory => directory + "/tasks")));
        var eager = tree.CreateGroup("b", Limits);
        Assert.Equal(eager.Directories.Select(directory => directory + "/tasks"), eager.JoinFiles);

        files["/cg/memory/me/sandboxhost-0/a/cgroup.procs"] = "11\n12\n";
        files.Writes.Clear();
        // The second one forks while it is moved, and the first ends.
        files.Refuses = (path, text) => text == "11" && path == "/cg/cpu/sandboxhost-0/a/cgroup.procs" && (files["/cg/memory/me/sandboxhost-0/a/cgroup.procs"] = "12\n13\n") is not null;

        group.EndPatience();
        group.EndPatience();
        eager.EndPatience();

        Assert.Equal([("/cg/cpu/sandboxhost-0/a/cgroup.procs", "12"), ("/cg/cpu/sandboxhost-0/a/cgroup.procs", "13")], files.Writes);
    }

    [Fact]
    public void A_process_that_the_kernel_does_not_move_is_no_secret()
    {
        var files = FakeCgroupFiles.Legacy(hasIdle: true);
        var group = CgroupTree.Create(files, LegacyMounts, "sandboxhost-0").CreateGroup("a", Limits, isPatient: true);
        files["/cg/memory/me/sandboxhost-0/a/cgroup.procs"] = "11\n";
        files.Refuses = (path, _) => path == "/cg/cpu/sandboxhost-0/a/cgroup.procs";

        Assert.Throws<SandboxException>(group.EndPatience);
    }

    [Fact]
    public void Where_memory_goes_by_the_same_tree_nobody_is_patient()
    {
        var files = FakeCgroupFiles.Unified("/cg/svc");
        var group = CgroupTree.Create(files, [new CgroupMount(2, [], "/cg/svc")], "sandboxhost-0").CreateGroup("a", Limits, isPatient: true);

        Assert.Equal(group.Directories.Select(directory => directory + "/cgroup.procs"), group.JoinFiles);
        Assert.True(group.IsGathered);
        group.EndPatience();
    }

    [Fact]
    public void Who_is_started_beside_a_unified_tree_is_moved_there_with_what_it_has_started()
    {
        var (files, group) = CreateHybrid();
        Assert.DoesNotContain("/cg/unified/sandboxhost-0/a/cgroup.procs", group.JoinFiles);
        files["/cg/memory/me/sandboxhost-0/a/cgroup.procs"] = "";
        // It starts something while it is moved.
        files.Written = (_, text) => files["/cg/memory/me/sandboxhost-0/a/cgroup.procs"] = text == "11" ? "11\n12\n" : "11\n12\n13\n";

        group.Gather(11);

        Assert.True(group.IsGathered);
        Assert.Equal([.. new[] { "11", "11", "12", "13" }.Select(process => ("/cg/unified/sandboxhost-0/a/cgroup.procs", process))], files.Writes);
    }

    [Fact]
    public void Who_has_ended_is_not_moved_and_who_cannot_be_moved_is_no_secret()
    {
        var (files, group) = CreateHybrid();
        files.Refuses = (path, _) => path == "/cg/unified/sandboxhost-0/a/cgroup.procs";

        group.Gather(11);
        Assert.True(group.IsGathered);

        (files, group) = CreateHybrid();
        files.Refuses = (path, _) => path == "/cg/unified/sandboxhost-0/a/cgroup.procs";
        files["/proc/11"] = "";
        Assert.Throws<SandboxException>(() => group.Gather(11));
    }

    [Fact]
    public void Who_is_killed_before_it_is_moved_is_killed_where_it_is_counted_and_again_where_it_comes()
    {
        var (files, group) = CreateHybrid();
        files["/cg/memory/me/sandboxhost-0/a/cgroup.procs"] = "11\n12\n";

        group.Kill();
        Assert.Equal([11, 12], files.Killed.Distinct());

        files.Writes.Clear();
        group.Gather(11);
        Assert.Equal(("/cg/unified/sandboxhost-0/a/cgroup.kill", "1"), files.Writes[^1]);
    }

    private static (FakeCgroupFiles Files, Cgroup Group) CreateHybrid()
    {
        var files = FakeCgroupFiles.Legacy("/cg/unified");
        var group = CgroupTree.Create(files, [.. LegacyMounts, new CgroupMount(2, [], "/cg/unified")], "sandboxhost-0").CreateGroup("a", Limits);
        files.Writes.Clear();
        return (files, group);
    }

    [Fact]
    public void Hierarchies_that_cannot_be_written_are_left_out()
    {
        var files = FakeCgroupFiles.Legacy();
        files.ReadOnly.Add("/cg/memory");

        var choice = CgroupTree.Create(files, LegacyMounts, "sandboxhost-0").Choice;

        Assert.Null(choice.Memory);
        Assert.NotNull(choice.Pids);
    }

    [Fact]
    public void Groups_of_another_host_are_not_touched()
    {
        var files = FakeCgroupFiles.Legacy();
        files.CreateDirectory("/cg/pids/sandboxhost-0");

        Assert.Throws<SandboxException>(() => CgroupTree.Create(files, LegacyMounts, "sandboxhost-0"));

        Assert.Equal(["/cg/pids/sandboxhost-0"], files.AllDirectories);
    }

    [Fact]
    public void Sockets_of_all_workers_of_a_legacy_host_get_half_of_what_the_kernel_gives_freely()
    {
        var files = FakeCgroupFiles.Legacy();
        files["/proc/sys/net/ipv4/tcp_mem"] = "300\t400\t600\n";

        CgroupTree.Create(files, LegacyMounts, "sandboxhost-0");

        Assert.Equal($"{200 * Environment.SystemPageSize}", files["/cg/memory/me/sandboxhost-0/memory.kmem.tcp.limit_in_bytes"]);
    }

    [Fact]
    public void Kernel_that_refuses_a_limit_for_sockets_is_treated_as_one_that_has_none()
    {
        var files = FakeCgroupFiles.Legacy();
        files.Refuses = (path, _) => path.EndsWith(CgroupValues.SocketLimit, StringComparison.Ordinal);

        var tree = CgroupTree.Create(files, LegacyMounts, "sandboxhost-0");
        tree.CreateGroup("a", Limits);

        Assert.False(tree.Choice.Memory!.Has(CgroupValues.SocketLimit));
        Assert.Equal("104857600", files["/cg/memory/me/sandboxhost-0/a/memory.limit_in_bytes"]);
    }

    [Theory]
    [InlineData(200L, "memory.memsw.limit_in_bytes", "memory.limit_in_bytes")] // up: both together first
    [InlineData(50L, "memory.limit_in_bytes", "memory.memsw.limit_in_bytes")] // down: memory first
    public void Legacy_memory_changes_in_the_order_that_the_kernel_accepts(long megabytes, string first, string second)
    {
        var files = FakeCgroupFiles.Legacy();
        var group = CgroupTree.Create(files, LegacyMounts, "sandboxhost-0").CreateGroup("a", Limits);
        files.Writes.Clear();

        group.SetLimits(Limits with { MemoryBytes = megabytes << 20 });

        Assert.Equal([first, second, CgroupValues.SocketLimit], files.Writes.Select(write => Path.GetFileName(write.Path)));
    }

    [Theory]
    [InlineData(null, "-1", "max 20000")]
    [InlineData(0.5, "10000", "10000 20000")]
    [InlineData(2.0, "40000", "40000 20000")]
    [InlineData(0.0001, "1000", "1000 20000")] // the least that the kernel takes
    public void Processors_become_a_quota(double? cpus, string legacy, string unified)
    {
        var before = Limits with { Cpus = 0.25 };
        var one = CgroupTree.Create(FakeCgroupFiles.Legacy(), LegacyMounts, "sandboxhost-0").Choice;
        var two = CgroupTree.Create(FakeCgroupFiles.Unified("/cg/svc"), [new CgroupMount(2, [], "/cg/svc")], "sandboxhost-0").Choice;

        Assert.Equal(legacy, Assert.Single(CgroupValues.Changes(one, before, before with { Cpus = cpus })).Text);
        Assert.Equal(unified, Assert.Single(CgroupValues.Changes(two, before, before with { Cpus = cpus })).Text);
    }

    [Fact]
    public void What_version_a_hierarchy_calls_itself_decides_nothing()
    {
        var (one, two) = (
            CgroupTree.Create(FakeCgroupFiles.Legacy("/cg/unified"), [.. LegacyMounts, new CgroupMount(2, [], "/cg/unified")], "sandboxhost-0").Choice.Used,
            CgroupTree.Create(FakeCgroupFiles.Unified("/cg/svc"), [new CgroupMount(2, [], "/cg/svc")], "sandboxhost-0").Choice.Used);

        foreach (var roots in new[] { one, two })
        {
            var (told, lied) = (CgroupChoice.From(roots), CgroupChoice.From([.. roots.Select(root => root with { Version = 3 - root.Version })]));

            Assert.Equal(Directories(told), Directories(lied));
            Assert.Equal(Texts(told), Texts(lied));
        }

        static IEnumerable<string?> Directories(CgroupChoice choice) =>
            new[] { choice.Memory, choice.Cpu, choice.Pids, choice.Freezer, choice.Kill, choice.CpuTime }.Select(root => root?.Directory);

        static IEnumerable<(string, string)> Texts(CgroupChoice choice) =>
            CgroupValues.Initial(choice, Limits).Concat(CgroupValues.Changes(choice, Limits, Limits with { MemoryBytes = 1, Cpus = 2, Pids = 3 }))
                .Select(write => (write.File, write.Text));
    }

    [Fact]
    public void Limits_that_stay_are_not_written() => Assert.Empty(CgroupValues.Changes(
        CgroupTree.Create(FakeCgroupFiles.Legacy(), LegacyMounts, "sandboxhost-0").Choice, Limits, Limits with { TmpBytes = 1 }));

    [Fact]
    public void Kill_without_cgroup_kill_freezes_kills_each_and_thaws()
    {
        var files = FakeCgroupFiles.Legacy();
        var group = CgroupTree.Create(files, LegacyMounts, "sandboxhost-0").CreateGroup("a", Limits);
        files["/cg/pids/sandboxhost-0/a/cgroup.procs"] = "12\n34\n";
        files.Writes.Clear();

        group.Kill();

        Assert.Equal([12, 34], files.Killed.Distinct());
        Assert.Equal(["FROZEN", "THAWED"], files.Writes.Select(write => write.Text));
    }

    [Fact]
    public void Out_of_memory_kills_are_read_from_either_layout()
    {
        var legacy = FakeCgroupFiles.Legacy();
        var one = CgroupTree.Create(legacy, LegacyMounts, "sandboxhost-0").CreateGroup("a", Limits);
        legacy["/cg/memory/me/sandboxhost-0/a/memory.oom_control"] = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n";
        var unified = FakeCgroupFiles.Unified("/cg/svc");
        var two = CgroupTree.Create(unified, [new CgroupMount(2, [], "/cg/svc")], "sandboxhost-0").CreateGroup("a", Limits);
        unified["/cg/svc/sandboxhost-0/a/memory.events"] = "low 0\nhigh 0\nmax 9\noom 1\noom_kill 2\noom_group_kill 1\n";

        Assert.Equal((3, 2), (one.ReadOutOfMemoryKills(), two.ReadOutOfMemoryKills()));
    }

    [Fact]
    public void Memory_that_is_held_is_what_is_used_without_cached_files_in_either_layout()
    {
        var legacy = FakeCgroupFiles.Legacy();
        var one = CgroupTree.Create(legacy, LegacyMounts, "sandboxhost-0").CreateGroup("a", Limits);
        legacy["/cg/memory/me/sandboxhost-0/a/memory.usage_in_bytes"] = "1000\n";
        legacy["/cg/memory/me/sandboxhost-0/a/memory.stat"] = "active_file 1\ninactive_file 1\ntotal_inactive_file 200\ntotal_active_file 100\n";
        var unified = FakeCgroupFiles.Unified("/cg/svc");
        var two = CgroupTree.Create(unified, [new CgroupMount(2, [], "/cg/svc")], "sandboxhost-0").CreateGroup("a", Limits);
        unified["/cg/svc/sandboxhost-0/a/memory.current"] = "1000\n";
        unified["/cg/svc/sandboxhost-0/a/memory.stat"] = "anon 700\nactive_file 100\ninactive_file 200\n";

        Assert.Equal((700, 700), (one.ReadHeldMemory(enough: 999), two.ReadHeldMemory(enough: 0)));
        Assert.Equal((1000, 1000), (one.ReadHeldMemory(enough: 1000), two.ReadHeldMemory(enough: 1000)));
    }

    [Fact]
    public void Kernel_that_does_not_tell_the_peak_leaves_it_at_zero()
    {
        var files = FakeCgroupFiles.Unified("/cg/svc", without: "memory.peak");
        var group = CgroupTree.Create(files, [new CgroupMount(2, [], "/cg/svc")], "sandboxhost-0").CreateGroup("a", Limits);
        files["/cg/svc/sandboxhost-0/a/memory.current"] = "4096";

        Assert.Equal((4096, 0), (group.ReadUsage().MemoryBytes, group.ReadUsage().PeakMemoryBytes));
    }

    [Fact]
    public void Refused_processes_are_read_from_either_layout()
    {
        var legacy = FakeCgroupFiles.Legacy();
        var one = CgroupTree.Create(legacy, LegacyMounts, "sandboxhost-0").CreateGroup("a", Limits);
        legacy["/cg/pids/sandboxhost-0/a/pids.events"] = "max 5\n";
        var unified = FakeCgroupFiles.Unified("/cg/svc");
        var two = CgroupTree.Create(unified, [new CgroupMount(2, [], "/cg/svc")], "sandboxhost-0").CreateGroup("a", Limits);
        unified["/cg/svc/sandboxhost-0/a/pids.events"] = "max 6\n";

        Assert.Equal((5, 6), (one.ReadRefusedProcesses(), two.ReadRefusedProcesses()));
    }

    [Fact]
    public async Task Removal_tries_again_while_the_group_is_busy()
    {
        var time = new FakeTimeProvider { AutoAdvanceAmount = TimeSpan.Zero };
        var files = FakeCgroupFiles.Unified("/cg/svc");
        var group = CgroupTree.Create(files, [new CgroupMount(2, [], "/cg/svc")], "sandboxhost-0").CreateGroup("a", Limits);
        files.Busy.Add("/cg/svc/sandboxhost-0/a");

        var removal = group.RemoveAsync(time, CancellationToken.None);
        Assert.False(removal.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(1));
        await removal;

        Assert.False(files.Exists("/cg/svc/sandboxhost-0/a"));
    }

    [Fact]
    public async Task Sweeping_thaws_everything_before_it_kills_anything()
    {
        var files = FakeCgroupFiles.Legacy();
        var tree = CgroupTree.Create(files, LegacyMounts, "sandboxhost-0");
        tree.CreateGroup("a", Limits).Freeze();
        files["/cg/memory/me/sandboxhost-0/a/cgroup.procs"] = "77\n";
        files.Writes.Clear();
        files.Written = (_, text) => Assert.True(text != "THAWED" || files.Killed.Count == 0);

        await CgroupTree.RemoveAllAsync(files, tree.Directories, TimeProvider.System, CancellationToken.None);

        Assert.Equal([77], files.Killed);
        Assert.Contains(("/cg/freezer/sandboxhost-0/a/freezer.state", "THAWED"), files.Writes);

        // As of a host that is dead.
        files["/cg/cpu/sandboxhost-host/cgroup.procs"] = "";
        Delegation.Sweep(files, "/cg/cpu");
        Assert.Empty(files.AllDirectories);
    }
}
