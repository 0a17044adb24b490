using System.Collections.Frozen;

namespace SandboxHost.Isolation.Cgroups;

/// <summary>What the doctor says of each kind of host, and of each that lacks something.</summary>
public sealed class CgroupReportTests
{
    private static readonly string[] Core = ["cgroup.controllers", "cgroup.freeze", "cgroup.kill", "cpu.stat"];
    private static readonly string[] Unified =
        [.. Core, "memory.max", "memory.swap.max", "memory.oom.group", "memory.current", "memory.peak", "memory.events", "cpu.max", "pids.max"];

    [Fact]
    public void Unified_host_with_everything_is_weak_in_nothing()
    {
        var rows = Rows(root: true, swap: true, (2, Unified));

        Assert.All(rows.Values, row => Assert.Equal((DoctorStatus.Ok, ""), (row.Status, row.Remedy)));
        Assert.Contains("all of a worker's processes at once", rows["memory limit"].Consequence);
    }

    [Fact]
    public void Hybrid_host_is_weak_in_nothing_but_says_which_hierarchy_does_what()
    {
        var rows = Rows(root: true, swap: true, (1, ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.max_usage_in_bytes", CgroupValues.SocketLimit, "cpu.cfs_quota_us", "pids.max"]), (2, Core));

        Assert.All(rows.Values, row => Assert.Equal(DoctorStatus.Ok, row.Status));
        Assert.Equal(("cgroup v1 /1", "cgroup v2 /2, cgroup.kill"), (rows["memory limit"].Found, rows["kill"].Found));
        Assert.Contains("the largest of a worker's processes", rows["memory limit"].Consequence);
    }

    [Fact]
    public void Legacy_host_has_a_freezer_that_holds_back_the_end_no_kill_and_on_a_later_kernel_no_bound_for_sockets()
    {
        var rows = Rows(root: true, swap: false, (1, ["memory.limit_in_bytes", "cpu.cfs_quota_us", "pids.max", "freezer.state"]));

        Assert.Equal(
            (DoctorStatus.Weaker, DoctorStatus.Weaker, DoctorStatus.Weaker),
            (rows["freezer"].Status, rows["kill"].Status, rows["memory of sockets"].Status));
        Assert.Contains("killed one by one", rows["kill"].Consequence);
    }

    [Fact]
    public void Kernel_that_does_not_tell_the_peak_is_named() =>
        Assert.Contains("Linux 5.19", Rows(root: true, swap: false, (2, [.. Unified.Where(file => file != "memory.peak")]))["memory limit"].Consequence);

    [Theory]
    [InlineData(true, DoctorStatus.Missing, "run the host as root where the cgroup file system is writable")]
    [InlineData(false, DoctorStatus.Weaker, "Delegate=yes")]
    public void Host_without_groups_cannot_limit_which_only_one_that_is_not_root_may(bool root, DoctorStatus status, string remedy)
    {
        var rows = Rows(root, swap: true);

        foreach (var limit in new[] { "memory limit", "cpu limit", "pids limit" })
        {
            Assert.Equal(status, rows[limit].Status);
            Assert.Contains(remedy, rows[limit].Remedy);
        }

        Assert.All(new[] { "swap", "memory of sockets", "freezer", "kill" }, name => Assert.Equal(DoctorStatus.Weaker, rows[name].Status));
        Assert.Contains("pid namespace", rows["kill"].Consequence);
    }

    [Fact]
    public void Group_without_controllers_freezes_and_kills_but_does_not_limit()
    {
        var rows = Rows(root: false, swap: false, (2, Core));

        Assert.Equal(
            (DoctorStatus.Weaker, DoctorStatus.Ok, DoctorStatus.Ok, DoctorStatus.Ok),
            (rows["memory limit"].Status, rows["freezer"].Status, rows["kill"].Status, rows["swap"].Status));
    }

    [Fact]
    public void Swap_that_is_not_accounted_is_weaker_only_where_there_is_some()
    {
        var files = Unified.Where(file => file != "memory.swap.max").ToArray();

        Assert.Equal(DoctorStatus.Weaker, Rows(root: true, swap: true, (2, files))["swap"].Status);
        Assert.Equal(DoctorStatus.Ok, Rows(root: true, swap: false, (2, files))["swap"].Status);
    }

    private static Dictionary<string, DoctorRow> Rows(bool root, bool swap, params IEnumerable<(int Version, string[] Files)> hierarchies) => CgroupReport
        .Rows(CgroupChoice.From([.. hierarchies.Select(one => new CgroupRoot($"/{one.Version}/x", one.Version, one.Files.ToFrozenSet()))]), root, swap)
        .ToDictionary(row => row.Name);
}
