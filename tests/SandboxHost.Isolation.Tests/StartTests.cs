using System.Runtime.Versioning;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation;

[SupportedOSPlatform("linux")]
public sealed class StartTests
{
    [LinuxFact]
    public async Task Exit_code_and_output_of_a_worker_arrive()
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync("console.log('out'); console.error('err'); process.exitCode = 7");

        var (exit, lines) = await worker.EndAsync();

        Assert.Equal(["out", "err"], lines);
        Assert.Equal((SandboxExitReason.Exited, 7), (exit.Reason, exit.Code));
        Assert.True(exit.PeakMemoryBytes > 1 << 20);
    }
}
