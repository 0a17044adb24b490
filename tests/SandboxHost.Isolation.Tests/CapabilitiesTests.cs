using System.Runtime.Versioning;
using SandboxHost.Isolation.Linux;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation;

[SupportedOSPlatform("linux")]
public sealed class CapabilitiesTests
{
    [LinuxFact]
    [AlsoOnCgroup2]
    public async Task This_host_can_isolate_and_says_how()
    {
        var capabilities = await HostCapabilities.ProbeAsync(TestHost.OptionsFor("/unused"), TimeProvider.System, CancellationToken.None);

        capabilities.ThrowIfUnable();
        Assert.True(capabilities.CanLimit);
        Assert.True(capabilities.CanOpenEgress);
        Assert.Equal(
            ["machine", "user", "launcher", "bubblewrap", "namespaces and seccomp", "memory limit", "cpu limit", "pids limit", "swap", "memory of sockets", "freezer", "kill", "egress"],
            capabilities.Report.Rows.Select(row => row.Name));
        Assert.All(capabilities.Report.Rows, row => Assert.True(row.Found.Length > 0 && row.Consequence.Length > 0));
    }

    [LinuxFact]
    public async Task Host_that_cannot_isolate_refuses_with_every_reason()
    {
        var options = TestHost.OptionsFor("/unused") with { LauncherPath = "/nowhere/launcher", BubblewrapPath = "/nowhere/bwrap" };

        var refusal = await Assert.ThrowsAsync<SandboxException>(
            () => LinuxSandboxLauncher.CreateAsync(options, TimeProvider.System, new RecordingLog(), CancellationToken.None));

        Assert.Contains("/nowhere/launcher", refusal.Message);
        Assert.Contains("Install the package bubblewrap", refusal.Message);
        Assert.False(Directory.Exists("/unused"));
    }

    [LinuxFact]
    public async Task Trial_that_fails_shows_what_was_printed()
    {
        // A bubblewrap that says its version and nothing else.
        var directory = Directory.CreateTempSubdirectory("sandboxhost-probe-test-");
        File.SetUnixFileMode(directory.FullName, FileModes.DirectoryReadableByAll);
        var fake = Path.Combine(directory.FullName, "bwrap");
        await File.WriteAllTextAsync(fake, "#!/bin/sh\n[ \"$1\" = --version ] && echo bubblewrap 0.6.2 && exit 0\necho bwrap: no namespaces here >&2; exit 1\n");
        File.SetUnixFileMode(fake, FileModes.DirectoryReadableByAll);

        var capabilities = await HostCapabilities.ProbeAsync(
            TestHost.OptionsFor("/unused") with { BubblewrapPath = fake }, TimeProvider.System, CancellationToken.None);
        directory.Delete(recursive: true);

        Assert.False(capabilities.CanDisableUserNamespaces);
        Assert.Equal(DoctorStatus.Weaker, capabilities.Report.Rows.Single(row => row.Name == "bubblewrap").Status);
        Assert.Contains("no namespaces here", Assert.Throws<SandboxException>(capabilities.ThrowIfUnable).Message);
    }

    [LinuxFact]
    public async Task Options_out_of_range_are_refused_together()
    {
        var options = TestHost.OptionsFor("/unused") with { UidBase = 0, OutOfMemoryScore = 2000, LauncherPath = "launcher" };

        var refusal = await Assert.ThrowsAsync<SandboxException>(
            () => LinuxSandboxLauncher.CreateAsync(options, TimeProvider.System, new RecordingLog(), CancellationToken.None));

        Assert.All(["UidBase is 0", "OutOfMemoryScore is 2000", "LauncherPath is 'launcher'"], problem => Assert.Contains(problem, refusal.Message));
    }

    [LinuxFact]
    public async Task Directory_that_workers_cannot_pass_is_refused()
    {
        var directory = Directory.CreateTempSubdirectory("sandboxhost-closed-");

        var refusal = await Assert.ThrowsAsync<SandboxException>(() => LinuxSandboxLauncher.CreateAsync(
            TestHost.OptionsFor(directory.FullName + "/run"), TimeProvider.System, new RecordingLog(), CancellationToken.None));
        directory.Delete(recursive: true);

        Assert.Contains("workers must pass", refusal.Message);
    }
}
