using System.Runtime.Versioning;
using SandboxHost.Isolation.Linux;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation;

[SupportedOSPlatform("linux")]
[Collection("alone")]
public sealed class LeftoverTests
{
    [LinuxFact]
    public async Task Twenty_sandboxes_at_a_time_leave_nothing()
    {
        // Once before counting, so that what the runtime opens for good is open.
        await RunAsync(2);
        var before = Handles();
        var mounts = Mounts();

        await RunAsync(20);

        Assert.Equal(mounts, Mounts());
        // Those that were open before may have been about to close.
        Assert.Empty(Handles().Except(before));
        Assert.Empty(TestProcesses.OfUids(TestHost.OptionsFor("").UidBase, HostDirectories.MaxInstances * UidBlock.Size));
    }

    [LinuxFact]
    public void What_is_there_while_another_host_holds_the_number_was_not_left_behind()
    {
        const int number = HostDirectories.MaxInstances - 1;
        var directories = new HostDirectories("/run/sandboxhost", number);
        Directory.CreateDirectory(directories.Directory);
        try
        {
            using (new FileStream(directories.LockPath, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None))
            {
                Leftovers.ThrowIfAny(number);
            }

            Assert.Contains(directories.LockPath, Assert.Throws<InvalidOperationException>(() => Leftovers.ThrowIfAny(number)).Message, StringComparison.Ordinal);
        }
        finally
        {
            HostDirectories.Remove(directories.Directory);
        }
    }

    private static async Task RunAsync(int count)
    {
        await using var host = await TestHost.StartAsync();
        var groups = await File.ReadAllLinesAsync(host.InstanceDirectory + "/cgroups");
        var workers = await Task.WhenAll(Enumerable.Range(0, count).Select(async index =>
        {
            // Some end by themselves, some are killed, some are frozen when they are.
            var worker = await host.StartAsync(index % 3 == 0 ? "console.log('up')" : "console.log('up'); setInterval(() => {}, 1e6)");
            await worker.Lines.WaitForAsync("up");
            if (index % 3 == 1)
            {
                worker.Sandbox.OpenEgress(TestProcesses.InSandbox(worker.Sandbox)[^1]);
            }
            else if (index % 3 == 2)
            {
                worker.Sandbox.Freeze();
            }

            return worker;
        }));
        Assert.Equal(count, workers.Select(worker => worker.Sandbox.Uid).Distinct().Count());
        await Task.WhenAll(workers.Select(worker => worker.DisposeAsync().AsTask()));
        Assert.All(groups, group => Assert.Empty(Directory.EnumerateDirectories(group)));
        Assert.Empty(Directory.EnumerateDirectories(host.InstanceDirectory + "/sandboxes"));
        Assert.All(workers, worker => Assert.True(worker.Sandbox.Exited.Result.Reason is SandboxExitReason.Killed or SandboxExitReason.Exited));
    }

    private static int Mounts() => File.ReadAllLines("/proc/self/mountinfo").Length;

    /// <summary>What this process has open that is not the runtime's own: sockets, pipes, namespaces and files of sandboxes, each with its inode.</summary>
    private static HashSet<string> Handles() =>
    [
        .. Directory.EnumerateFiles("/proc/self/fd").Select(path => new FileInfo(path).LinkTarget ?? "")
            .Where(target => target.StartsWith("socket:", StringComparison.Ordinal) || target.StartsWith("pipe:", StringComparison.Ordinal)
                || target.StartsWith("net:", StringComparison.Ordinal) || target.Contains("sandboxhost-test", StringComparison.Ordinal)),
    ];
}

/// <summary>Tests that count what the process or the machine has; nothing runs beside them.</summary>
[CollectionDefinition("alone", DisableParallelization = true)]
public sealed class AloneGroup;
