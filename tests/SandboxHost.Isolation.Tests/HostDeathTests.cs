using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using SandboxHost.Isolation.Cgroups;
using SandboxHost.Isolation.Linux;

namespace SandboxHost.Isolation;

/// <summary>A host process ends, well or badly; nothing of it may stay.</summary>
[SupportedOSPlatform("linux")]
[Collection("alone")]
public sealed class HostDeathTests : IDisposable
{
    private const uint UidBase = 2_110_000_000;
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("sandboxhost-death-");

    public HostDeathTests() => File.SetUnixFileMode(_directory.FullName, FileModes.DirectoryReadableByAll);

    private string RuntimeDirectory => _directory.FullName + "/run";

    public void Dispose() => _directory.Delete(recursive: true);

    [LinuxFact]
    public async Task Workers_of_a_killed_host_die_at_once_even_frozen_and_the_next_host_sweeps_the_rest()
    {
        await using var host = await StartHostAsync();
        var instance = Assert.Single(Directory.EnumerateDirectories(RuntimeDirectory));
        var groups = await File.ReadAllLinesAsync(instance + "/cgroups");
        var ownGroups = groups.Where(group => !group.EndsWith(CgroupTree.PatientSuffix, StringComparison.Ordinal)).ToList();
        Assert.All(ownGroups, group => Assert.True(Directory.Exists(group + "/w2")));
        Assert.NotEmpty(WorkersAlive());

        var start = Stopwatch.GetTimestamp();
        await host.KillAsync();
        await Eventually.TrueAsync(() => WorkersAlive().Count == 0, TestMachine.Seconds(5), "the workers are gone");

        Assert.True(Stopwatch.GetElapsedTime(start) < TestMachine.Seconds(1), $"took {Stopwatch.GetElapsedTime(start)}");
        Assert.True(Directory.Exists(groups[0]));

        await using var next = await LinuxSandboxLauncher.CreateAsync(
            TestHost.OptionsFor(RuntimeDirectory), TimeProvider.System, new RecordingLog(), CancellationToken.None);
        Assert.All(groups, group => Assert.Empty(Directory.EnumerateDirectories(group)));
        Assert.Empty(Directory.EnumerateDirectories(instance + "/sandboxes"));
        await next.DisposeAsync();
        Assert.All(groups, group => Assert.False(Directory.Exists(group)));
        Assert.Empty(Directory.EnumerateFileSystemEntries(RuntimeDirectory));
    }

    [LinuxFact]
    public async Task Host_beside_another_takes_the_next_number_and_leaves_the_other_alone()
    {
        await using var host = await StartHostAsync();
        var workers = WorkersAlive();
        var other = Assert.Single(Directory.EnumerateDirectories(RuntimeDirectory));

        await using var second = await LinuxSandboxLauncher.CreateAsync(
            TestHost.OptionsFor(RuntimeDirectory), TimeProvider.System, new RecordingLog(), CancellationToken.None);
        Assert.Equal(2, Directory.EnumerateDirectories(RuntimeDirectory).Count());
        await second.DisposeAsync();

        Assert.Equal([other], Directory.EnumerateDirectories(RuntimeDirectory));
        Assert.Equal(workers, WorkersAlive());
        Assert.Equal((0, ""), await host.EndAsync());
        Assert.Empty(Directory.EnumerateFileSystemEntries(RuntimeDirectory));
    }

    [LinuxFact]
    public async Task Host_that_is_not_root_runs_workers_under_its_own_uid_and_says_what_is_weaker()
    {
        const uint Uid = 2_109_999_999;
        AnotherUser.SkipUnlessPossible();
        File.SetUnixFileMode(_directory.FullName, (UnixFileMode)0x1FF); // 0777
        // A user may have fewer rights than workers should have; that must not keep them from starting.
        await using var host = await TestHostProgram.StartAsync(
            [.. AnotherUser.Command(Uid, _directory.FullName), "prlimit", "--core=0:0", "--nofile=700:700", "--"], RuntimeDirectory, UidBase, _directory.FullName);

        // The host, and three times bubblewrap outside, bubblewrap inside, node.
        Assert.Equal(10, TestProcesses.OfUids(Uid, 1).Count);
        Assert.Equal(
            [$"Weaker user: not root: uid {Uid}", "Weaker memory limit: no writable memory cgroup", "Weaker egress: not possible"],
            (await host.AskAsync("report")).Where(line => line.Contains("user:") || line.Contains("memory limit:") || line.Contains("egress:")));
        Assert.Equal((0, ""), await host.EndAsync());
        Assert.Empty(Directory.EnumerateFileSystemEntries(RuntimeDirectory));
    }

    private static IReadOnlyList<int> WorkersAlive() => TestProcesses.OfUids(UidBase, HostDirectories.MaxInstances * UidBlock.Size);

    private Task<TestHostProgram> StartHostAsync() => TestHostProgram.StartAsync([], RuntimeDirectory, UidBase, _directory.FullName);
}

/// <summary>Programs started under another uid than the tests'.</summary>
[SupportedOSPlatform("linux")]
internal static class AnotherUser
{
    private const string SetPrivileges = "/usr/bin/setpriv";

    public static void SkipUnlessPossible() => Assert.SkipUnless(
        File.Exists(SetPrivileges) && CanBePassedByAll(TestPlaces.HostProgram) && CanBePassedByAll(TestPlaces.Node!),
        "wants setpriv, and a checkout that other users can read");

    /// <summary>What to put before a command, to run it under a uid, with a directory for its own files.</summary>
    public static IReadOnlyList<string> Command(uint uid, string directory)
    {
        var id = uid.ToString(CultureInfo.InvariantCulture);
        return [SetPrivileges, "--reuid", id, "--regid", id, "--clear-groups", "env", "HOME=" + directory, "TMPDIR=" + directory];
    }

    private static bool CanBePassedByAll(string path)
    {
        for (var above = Path.GetDirectoryName(path); above is not null; above = Path.GetDirectoryName(above))
        {
            if (!File.GetUnixFileMode(above).HasFlag(UnixFileMode.OtherExecute))
            {
                return false;
            }
        }

        return true;
    }
}
