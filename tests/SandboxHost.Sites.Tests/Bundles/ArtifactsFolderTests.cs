using SandboxHost.Sites.Bundles;

namespace SandboxHost.Sites.Tests.Bundles;

public sealed class ArtifactsFolderTests : IDisposable
{
    private readonly TempFolder _site = new();

    public void Dispose() => _site.Dispose();

    [TimedFact]
    public async Task Two_hosts_of_one_folder_have_a_place_each_and_leave_nothing()
    {
        var first = ArtifactsFolder.Claim(_site.Path);
        var second = ArtifactsFolder.Claim(_site.Path);
        Assert.NotEqual(first.Path, second.Path);
        File.WriteAllText(Path.Combine(first.Path, "a"), "");

        await second.DisposeAsync();

        Assert.True(File.Exists(Path.Combine(first.Path, "a")));
        await first.DisposeAsync();
        Assert.Empty(Directory.EnumerateFileSystemEntries(_site.File(".sandboxhost/functions")));
    }

    [TimedFact]
    public async Task What_a_dead_host_left_goes_and_a_live_ones_stays()
    {
        await using var live = ArtifactsFolder.Claim(_site.Path);
        var dead = Path.Combine(_site.Path, ".sandboxhost", "functions", "7");
        Directory.CreateDirectory(dead);
        File.WriteAllText(dead + ".lock", "");
        var older = Path.Combine(_site.Path, ".sandboxhost", "functions", "hello-0123456789abcdef");
        Directory.CreateDirectory(older);

        await using var next = ArtifactsFolder.Claim(_site.Path);

        Assert.True(Directory.Exists(live.Path));
        Assert.False(Directory.Exists(dead));
        Assert.False(Directory.Exists(older));
    }
}
