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

    [LinuxFact]
    public async Task A_patient_worker_gives_way_until_its_patience_ends_with_all_its_processes()
    {
        await using var host = await TestHost.StartAsync();
        Assert.SkipUnless(host.HasPatientGroup, "this kernel has no cpu.idle in a hierarchy of its own");
        const string Forking = "const child = require('child_process').spawn('node', ['-e', 'setInterval(() => {}, 1000)']); child.on('spawn', () => console.log('ready')); setInterval(() => {}, 1000)";
        await using var worker = await host.StartAsync(Forking, patience: TimeSpan.FromHours(1));
        await worker.Lines.WaitForAsync("ready");
        var waiting = host.PatientProcesses;

        await worker.Sandbox.EndPatienceAsync();

        Assert.True(waiting.Count > 2, "bubblewrap, node and its child");
        Assert.Empty(host.PatientProcesses);
        Assert.Equal(waiting.Order(), host.LimitedProcessesOf(worker).Order());
    }

    [LinuxFact]
    public async Task A_worker_that_was_started_is_in_each_of_its_groups_with_all_its_processes()
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync("console.log('ready'); setInterval(() => {}, 1000)");

        await worker.Lines.WaitForAsync("ready");
        var counted = host.ProcessesOf(worker)[0];
        Assert.True(counted.Length > 2, "bubblewrap twice, and node");
        Assert.All(host.ProcessesOf(worker), processes => Assert.Equal(counted.Order(), processes.Order()));
    }

    [LinuxFact]
    public async Task Patience_ends_by_itself()
    {
        await using var host = await TestHost.StartAsync();
        Assert.SkipUnless(host.HasPatientGroup, "this kernel has no cpu.idle in a hierarchy of its own");
        await using var worker = await host.StartAsync("console.log('ready'); setInterval(() => {}, 1000)", patience: TimeSpan.FromMilliseconds(300));
        await worker.Lines.WaitForAsync("ready");

        await Eventually.TrueAsync(() => host.PatientProcesses.Count == 0, TimeSpan.FromSeconds(10), "it has moved");

        Assert.NotEmpty(host.LimitedProcessesOf(worker));
    }
}
