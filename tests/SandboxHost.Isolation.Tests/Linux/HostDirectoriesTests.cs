using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Linux;

public sealed class HostDirectoriesTests
{
    private static readonly IsolationOptions Options = new() { LauncherPath = "/x" };

    [Theory]
    [InlineData(0u, null, null, "/run/sandboxhost")]
    [InlineData(0u, null, "/run/user/0", "/run/sandboxhost")]
    [InlineData(1000u, null, "/run/user/1000/", "/run/user/1000/sandboxhost")]
    [InlineData(1000u, null, null, "/tmp/sandboxhost-1000")]
    [InlineData(0u, "/srv/run/", null, "/srv/run")]
    public void Directory_of_instances_follows_user_and_options(uint uid, string? chosen, string? user, string root) => Assert.Equal(
        root, HostDirectories.RootFor(Options with { RuntimeDirectory = chosen, UserRuntimeDirectory = user }, uid, "/tmp/"));

    [Fact]
    public void Blocks_of_uids_do_not_overlap_and_stay_in_range()
    {
        Assert.Equal(1_900_000_000u, UidBlock.For(Options.UidBase, 0).First);
        Assert.Equal(1_900_004_096u, UidBlock.For(Options.UidBase, 1).First);
        Assert.True(UidBlock.For(Options.UidBase, HostDirectories.MaxInstances).First < uint.MaxValue - UidBlock.Size);
    }

    [Fact]
    public void Uids_are_unique_while_taken_and_come_round_late()
    {
        var block = new UidBlock(100);
        var first = block.Take();
        block.GiveBack(first);

        Assert.NotEqual(first, block.Take());
        Assert.Equal(UidBlock.Size - 1, Enumerable.Range(0, UidBlock.Size - 1).Select(_ => block.Take()).Distinct().Count());
        Assert.Throws<SandboxException>(() => block.Take());
    }
}
