using System.Runtime.Versioning;
using CliWrap;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation;

/// <summary>The filter against the real kernel: a small C program makes the calls that Node cannot.</summary>
[SupportedOSPlatform("linux")]
public sealed class SeccompInsideTests
{
    private static readonly Dictionary<string, string> Others = new()
    {
        ["clone3"] = "ENOSYS",
        ["x32"] = "SIGSYS",
        ["i386"] = "SIGSYS",
        ["personality"] = "ENOSYS",
        ["AF_VSOCK"] = "EAFNOSUPPORT",
        ["AF_PACKET"] = "EAFNOSUPPORT",
        ["AF_ALG"] = "EAFNOSUPPORT",
        ["netfilter"] = "EAFNOSUPPORT",
        ["ping"] = "EPROTONOSUPPORT",
        ["sctp"] = "EPROTONOSUPPORT",
        ["TCP_ULP"] = "ENOPROTOOPT",
        ["no_new_privs"] = "1",
    };

    [LinuxFact]
    public async Task Calls_are_refused_by_the_kernel_as_the_table_says()
    {
        if (!File.Exists("/usr/bin/gcc"))
        {
            Assert.Skip("wants gcc");
        }

        await using var host = await TestHost.StartAsync();
        var probe = Path.Combine(host.RunnerDirectory, "probe");
        await Cli.Wrap("/usr/bin/gcc")
            .WithArguments(["-O1", "-o", probe, Path.Combine(AppContext.BaseDirectory, "probe.c")])
            .ExecuteAsync();
        var lines = new TestLines();
        var spec = host.SpecFor("probe", "", lines.Add);
        await using var sandbox = await host.Launcher.LaunchAsync(
            spec with { Runtime = new SandboxRuntime("probe", probe, host.RunnerDirectory, _ => []) }, CancellationToken.None);

        var exit = await sandbox.Exited;

        Assert.Equal((SandboxExitReason.Exited, 0), (exit.Reason, exit.Code));
        Assert.InRange(lines.All.Count, 45, 70);
        Assert.All(lines.All, line =>
        {
            var (name, answer) = (line.Split(' ')[0], line.Split(' ')[1]);
            var expected = name.StartsWith("allowed-", StringComparison.Ordinal) ? "DONE" : Others.GetValueOrDefault(name, "EPERM");
            Assert.Equal((name, expected), (name, answer));
        });
    }
}
