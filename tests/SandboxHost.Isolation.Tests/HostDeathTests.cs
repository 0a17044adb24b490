using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using CliWrap;
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
        var host = await StartHostAsync();
        var instance = Assert.Single(Directory.EnumerateDirectories(RuntimeDirectory));
        var groups = await File.ReadAllLinesAsync(instance + "/cgroups");
        Assert.All(groups, group => Assert.True(Directory.Exists(group + "/w2")));
        Assert.NotEmpty(WorkersAlive());

        var start = Stopwatch.GetTimestamp();
        LibC.Kill(host.ProcessId);
        await host;
        while (WorkersAlive().Count > 0 && Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(5))
        {
            await Task.Delay(5);
        }

        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(1), $"took {Stopwatch.GetElapsedTime(start)}");
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
        var host = await StartHostAsync();
        var workers = WorkersAlive();
        var other = Assert.Single(Directory.EnumerateDirectories(RuntimeDirectory));

        await using var second = await LinuxSandboxLauncher.CreateAsync(
            TestHost.OptionsFor(RuntimeDirectory), TimeProvider.System, new RecordingLog(), CancellationToken.None);
        Assert.Equal(2, Directory.EnumerateDirectories(RuntimeDirectory).Count());
        await second.DisposeAsync();

        Assert.Equal([other], Directory.EnumerateDirectories(RuntimeDirectory));
        Assert.Equal(workers, WorkersAlive());
        LibC.Kill(host.ProcessId);
        await host;
        await (await LinuxSandboxLauncher.CreateAsync(
            TestHost.OptionsFor(RuntimeDirectory), TimeProvider.System, new RecordingLog(), CancellationToken.None)).DisposeAsync();
    }

    [LinuxFact]
    public async Task Host_that_is_not_root_runs_workers_under_its_own_uid()
    {
        const string Uid = "2109999999";
        if (!File.Exists("/usr/bin/setpriv") || !CanBePassedByAll(TestPlaces.HostProgram) || !CanBePassedByAll(TestPlaces.Node!))
        {
            Assert.Skip("wants setpriv, and a checkout that other users can read");
        }

        File.SetUnixFileMode(_directory.FullName, (UnixFileMode)0x1FF); // 0777
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var problem = new System.Text.StringBuilder();
        var workers = 0;
        var result = await Cli.Wrap("/usr/bin/setpriv")
            .WithArguments(["--reuid", Uid, "--regid", Uid, "--clear-groups", "env", "HOME=" + _directory.FullName, "TMPDIR=" + _directory.FullName, TestPlaces.HostProgram, .. HostArguments()])
            .WithStandardInputPipe(PipeSource.Create(async (_, _) =>
            {
                await ready.Task.WaitAsync(TimeSpan.FromSeconds(20));
                workers = TestProcesses.OfUids(uint.Parse(Uid, CultureInfo.InvariantCulture), 1).Count;
            }))
            .WithStandardOutputPipe(PipeTarget.ToDelegate(_ => ready.TrySetResult()))
            .WithStandardErrorPipe(PipeTarget.ToStringBuilder(problem))
            .WithValidation(CommandResultValidation.None)
            .ExecuteAsync();

        Assert.Equal((0, ""), (result.ExitCode, problem.ToString()));

        // The host, and three times bubblewrap outside, bubblewrap inside, node.
        Assert.Equal(10, workers);
        Assert.Empty(Directory.EnumerateFileSystemEntries(RuntimeDirectory));
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

    private string[] HostArguments() =>
        [TestPlaces.Launcher, RuntimeDirectory, UidBase.ToString(CultureInfo.InvariantCulture), TestPlaces.Node!, _directory.FullName];

    private static IReadOnlyList<int> WorkersAlive() => TestProcesses.OfUids(UidBase, HostDirectories.MaxInstances * UidBlock.Size);

    private async Task<CommandTask<CommandResult>> StartHostAsync()
    {
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var host = Cli.Wrap(TestPlaces.HostProgram)
            .WithArguments(HostArguments())
            // Never ends by itself: the host lives until it is killed.
            .WithStandardInputPipe(PipeSource.Create((_, token) => Task.Delay(Timeout.Infinite, token)))
            .WithStandardOutputPipe(PipeTarget.ToDelegate(_ => ready.TrySetResult()))
            .WithValidation(CommandResultValidation.None)
            .ExecuteAsync();
        await Task.WhenAny(ready.Task, host.Task);
        Assert.True(ready.Task.IsCompleted, "the host ended before it was ready");
        return host;
    }
}
