namespace SandboxHost.Isolation.Cgroups;

/// <summary>Controllers in a v2 group that this process is in.</summary>
public sealed class DelegationTests
{
    private const string Own = "/cg/svc";
    private const string Leaf = Own + "/sandboxhost-host";
    private static readonly string Self = $"{Environment.ProcessId}\n";
    private static readonly CgroupMount[] Mounts = [new(2, [], Own)];

    [Fact]
    public async Task Process_in_the_way_moves_to_a_leaf_and_back_when_its_groups_go()
    {
        var files = InOwnGroup(Self);

        var tree = CgroupTree.Create(files, Mounts, "sandboxhost-0");
        Assert.NotNull(tree.Choice.Memory);
        Assert.Equal(("", Self), (files[Own + "/cgroup.procs"], files[Leaf + "/cgroup.procs"]));
        await tree.RemoveAsync(TimeProvider.System, CancellationToken.None);

        Assert.Equal([Own], files.AllDirectories);
        Assert.Equal((Self, ""), (files[Own + "/cgroup.procs"], files[Own + "/cgroup.subtree_control"]));
    }

    [Fact]
    public async Task Controllers_that_another_host_needs_stay_and_the_last_host_takes_them_back()
    {
        var files = InOwnGroup(Self);
        var first = CgroupTree.Create(files, Mounts, "sandboxhost-0");
        var second = CgroupTree.Create(files, Mounts, "sandboxhost-1");

        await first.RemoveAsync(TimeProvider.System, CancellationToken.None);
        Assert.Equal("memory cpu pids", files[Own + "/cgroup.subtree_control"]);
        await second.RemoveAsync(TimeProvider.System, CancellationToken.None);

        Assert.Equal([Own], files.AllDirectories);
        Assert.Equal("", files[Own + "/cgroup.subtree_control"]);
    }

    [Fact]
    public void Process_that_is_not_alone_in_its_group_stays_there_and_limits_nothing()
    {
        var files = InOwnGroup(Self + "77\n");

        var choice = CgroupTree.Create(files, Mounts, "sandboxhost-0").Choice;

        Assert.Null(choice.Memory);
        Assert.NotNull(choice.Kill);
        Assert.Equal([Own, Own + "/sandboxhost-0"], files.AllDirectories.Order());
        Assert.Contains(Self.Trim(), files[Own + "/cgroup.procs"].Split('\n'));
    }

    [Fact]
    public void Controllers_that_are_not_offered_are_not_asked_for()
    {
        // As systemd hands to the users of a machine by default.
        var files = InOwnGroup(Self);
        files[Own + "/cgroup.controllers"] = "memory pids";

        var choice = CgroupTree.Create(files, Mounts, "sandboxhost-0").Choice;

        Assert.Null(choice.Cpu);
        Assert.NotNull(choice.Memory);
        Assert.NotNull(choice.Pids);
    }

    [Fact]
    public void What_a_killed_host_had_handed_down_is_taken_back()
    {
        var files = InOwnGroup("");
        files.CreateDirectory(Leaf);
        files.Write(Own + "/cgroup.subtree_control", "+memory +cpu +pids");

        Delegation.Sweep(files, Own);

        Assert.Equal([Own], files.AllDirectories);
        Assert.Equal("", files[Own + "/cgroup.subtree_control"]);
    }

    [Fact]
    public void Group_that_hands_something_down_already_is_not_left_and_keeps_doing_so()
    {
        // The root, say, with a processor controller that does not want to.
        var files = InOwnGroup("");
        files.Write(Own + "/cgroup.subtree_control", "+memory +pids");
        files.Refuses = (_, text) => text.Contains("+cpu", StringComparison.Ordinal);

        var choice = CgroupTree.Create(files, Mounts, "sandboxhost-0").Choice;

        Assert.Equal([Own, Own + "/sandboxhost-0"], files.AllDirectories.Order());
        Assert.Equal("memory pids", files[Own + "/cgroup.subtree_control"]);
        Assert.NotNull(choice.Memory);
        Assert.Null(choice.Cpu);
    }

    [Fact]
    public void What_somebody_else_handed_down_is_left_alone()
    {
        var files = InOwnGroup("");
        files.Write(Own + "/cgroup.subtree_control", "+memory +cpu +pids");

        Delegation.Sweep(files, Own);

        Assert.Equal("memory cpu pids", files[Own + "/cgroup.subtree_control"]);
    }

    private static FakeCgroupFiles InOwnGroup(string processes)
    {
        var files = FakeCgroupFiles.Unified(Own);
        files[Own + "/cgroup.procs"] = processes;
        return files;
    }
}
