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
        var before = Count();

        await RunAsync(20);

        Assert.Equal(before, Count());
        Assert.Empty(TestProcesses.OfUids(TestHost.OptionsFor("").UidBase, HostDirectories.MaxInstances * UidBlock.Size));
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

    /// <summary>Mounts of the host, and this process's open files and sockets that are not the runtime's own.</summary>
    private static (int Mounts, int Files, int Namespaces) Count() => (
        File.ReadAllLines("/proc/self/mountinfo").Length,
        Directory.EnumerateFiles("/proc/self/fd").Select(path => new FileInfo(path).LinkTarget ?? "")
            .Count(target => target.StartsWith("socket:", StringComparison.Ordinal) || target.StartsWith("pipe:", StringComparison.Ordinal)
                || target.Contains("sandboxhost-test", StringComparison.Ordinal)),
        Directory.EnumerateFiles("/proc/self/fd").Count(path => new FileInfo(path).LinkTarget?.StartsWith("net:", StringComparison.Ordinal) == true));
}

/// <summary>Tests that count what the process or the machine has; nothing runs beside them.</summary>
[CollectionDefinition("alone", DisableParallelization = true)]
public sealed class AloneGroup;
