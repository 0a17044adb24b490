using System.Runtime.Versioning;
using SandboxHost.Isolation.Cgroups;
using SandboxHost.Isolation.Linux;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation;

/// <summary>
/// What can be tried only where there are no v1 controllers, or where the machine is the test's own: eng/cgroup2-vm.sh.
/// </summary>
[SupportedOSPlatform("linux")]
[Collection("alone")]
[OnlyOnCgroup2]
public sealed class Cgroup2Tests : IDisposable
{
    private const string Tree = "/sys/fs/cgroup";
    private const string Service = Tree + "/service";
    private const uint UidBase = 2_120_000_000;
    private readonly DirectoryInfo _directory;

    public Cgroup2Tests()
    {
        Assert.SkipUnless(TestMachine.IsVirtual, "runs in the virtual machine only: ./test.sh --cgroup2");
        _directory = Directory.CreateTempSubdirectory("sandboxhost-cgroup2-");
        File.SetUnixFileMode(_directory.FullName, (UnixFileMode)0x1FF); // 0777
        File.WriteAllText(Tree + "/cgroup.subtree_control", "+memory +cpu +pids");
        Directory.CreateDirectory(Service);
    }

    private string RuntimeDirectory => _directory.FullName + "/run";

    public void Dispose()
    {
        _directory.Delete(recursive: true);
        Assert.Equal(0, LibC.RemoveDirectory(Service));
    }

    [LinuxFact]
    public async Task Everything_is_in_one_directory_and_the_report_says_so()
    {
        await using var host = await TestHost.StartAsync();

        Assert.Equal([Tree + "/sandboxhost-0"], await File.ReadAllLinesAsync(host.InstanceDirectory + "/cgroups"));
        Assert.Equal(
            [
                "Ok memory limit: cgroup v2 /sys/fs/cgroup", "Ok cpu limit: cgroup v2 /sys/fs/cgroup", "Ok pids limit: cgroup v2 /sys/fs/cgroup",
                "Ok swap: the machine has none", "Ok memory of sockets: memory.max", "Ok freezer: cgroup v2 /sys/fs/cgroup, cgroup.freeze", "Ok kill: cgroup v2 /sys/fs/cgroup, cgroup.kill",
            ],
            host.Launcher.Capabilities.Report.Rows.Where(row => row.Name is not ("machine" or "user" or "launcher" or "bubblewrap" or "namespaces and seccomp" or "egress"))
                .Select(row => $"{row.Status} {row.Name}: {row.Found}"));
    }

    [LinuxFact]
    public async Task Memory_bomb_in_a_child_ends_the_whole_worker()
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync(
            """
            const { spawn } = require('child_process');
            spawn('/usr/bin/node', ['-e', 'const a = []; for (;;) a.push(Buffer.alloc(8 << 20, 1));']).on('exit', () => console.log('outlived it'));
            """,
            new SandboxLimits(160L << 20, null));

        var exit = await worker.Sandbox.Exited;

        Assert.Equal((SandboxExitReason.OutOfMemory, 160L << 20), (exit.Reason, exit.MemoryLimitBytes));
        Assert.InRange(exit.PeakMemoryBytes, 150L << 20, 160L << 20);
        Assert.Empty(worker.Lines.All);
        Assert.Contains("oom_group_kill 1", host.ReadOfGroup(worker, "memory.events"));
    }

    [LinuxFact]
    public async Task Workers_of_a_killed_host_die_at_once_even_frozen_and_the_next_host_sweeps_the_rest()
    {
        await using (var killed = await StartInServiceAsync(staying: false))
        {
            Assert.Equal("268435456", File.ReadAllText(Service + "/sandboxhost-0/w1/memory.max").Trim());
            Assert.NotEmpty(WorkersAlive());
            await killed.KillAsync();
        }

        await Eventually.TrueAsync(() => WorkersAlive().Count == 0, TestMachine.Seconds(1), "the workers are gone");
        Assert.Equal([Service + "/sandboxhost-0", Service + "/" + HostLeaf.Name], Directory.EnumerateDirectories(Service).Order());

        // Not in that group, which hands its controllers down now and so takes nobody in; the list of groups says where to look.
        await using var next = await LinuxSandboxLauncher.CreateAsync(
            TestHost.OptionsFor(RuntimeDirectory), TimeProvider.System, new RecordingLog(), CancellationToken.None);

        Assert.Empty(Directory.EnumerateDirectories(Service));
        Assert.Equal("", File.ReadAllText(Service + "/cgroup.subtree_control").Trim());
    }

    [LinuxFact]
    public async Task Host_that_is_not_root_limits_its_workers_in_a_group_that_was_handed_to_it_and_gives_it_back()
    {
        const uint Uid = 2_119_999_999;
        Own(Uid, Service, Service + "/cgroup.procs", Service + "/cgroup.subtree_control");
        await using var host = await StartInServiceAsync(staying: false, AnotherUser.Command(Uid, _directory.FullName));

        Assert.Equal(
            [
                $"Weaker user: not root: uid {Uid}", $"Ok memory limit: cgroup v2 {Service}", $"Ok cpu limit: cgroup v2 {Service}", $"Ok pids limit: cgroup v2 {Service}",
                "Ok memory of sockets: memory.max", $"Ok freezer: cgroup v2 {Service}, cgroup.freeze", $"Ok kill: cgroup v2 {Service}, cgroup.kill", "Weaker egress: not possible",
            ],
            (await host.AskAsync("report")).Where(line => line.Split(' ')[1] is "user:" or "memory" or "cpu" or "pids" or "freezer:" or "kill:" or "egress:"));
        var end = Assert.Single(await host.AskAsync("bomb"));
        Assert.StartsWith($"OutOfMemory limit {96 << 20} peak ", end, StringComparison.Ordinal);
        Assert.Equal("4000 20000", File.ReadAllText(Service + "/sandboxhost-0/w1/cpu.max").Trim());
        Assert.Contains("frozen 1", File.ReadAllText(Service + "/sandboxhost-0/w0/cgroup.events"));
        Assert.Equal($"{host.ProcessId}", File.ReadAllText(Service + "/" + HostLeaf.Name + "/cgroup.procs").Trim());
        Assert.Equal((0, ""), await host.EndAsync());
        Assert.Empty(Directory.EnumerateDirectories(Service));
        Assert.Equal("", File.ReadAllText(Service + "/cgroup.subtree_control").Trim());
    }

    [LinuxFact]
    public async Task Host_that_is_not_alone_in_its_group_freezes_and_kills_but_cannot_limit_and_says_so()
    {
        const uint Uid = 2_119_999_998;
        Own(Uid, Service, Service + "/cgroup.procs", Service + "/cgroup.subtree_control");
        await using var host = await StartInServiceAsync(staying: true, AnotherUser.Command(Uid, _directory.FullName));

        Assert.Equal(
            ["Weaker memory limit: no writable memory cgroup", "Weaker cpu limit: no writable cpu cgroup", "Weaker pids limit: no writable pids cgroup", $"Ok kill: cgroup v2 {Service}, cgroup.kill"],
            (await host.AskAsync("report")).Where(line => line.Contains("limit:") || line.Contains("kill:")));
        Assert.Equal([Service + "/sandboxhost-0"], Directory.EnumerateDirectories(Service));
        Assert.Equal((0, ""), await host.EndAsync());
        Assert.Empty(Directory.EnumerateDirectories(Service));
    }

    /// <summary>Where cores go to a program, the kernel starts it, as root, even for a process whose limit is 0.</summary>
    [LinuxFact]
    public async Task Worker_that_aborts_dumps_no_core_to_a_program_either()
    {
        const string Pattern = "/proc/sys/kernel/core_pattern";
        var (before, handler, dumped) = (await File.ReadAllTextAsync(Pattern), _directory.FullName + "/handler", _directory.FullName + "/dumped");
        await File.WriteAllTextAsync(handler, $"#!/bin/sh\ncat > /dev/null\necho \"$1\" >> {dumped}\n");
        File.SetUnixFileMode(handler, FileModes.DirectoryReadableByAll);
        await File.WriteAllTextAsync(Pattern, $"|{handler} %e");
        try
        {
            await using var host = await TestHost.StartAsync();
            await using var worker = await host.StartAsync("process.abort()");
            Assert.Equal(6, (await worker.Sandbox.Exited).Signal);

            // After the worker, and with the usual way of switching cores off: by the time that this one's is there, the worker's would be.
            await CliWrap.Cli.Wrap("/bin/sh").WithArguments(["-c", "ulimit -c 0; kill -ABRT $$"])
                .WithValidation(CliWrap.CommandResultValidation.None).ExecuteAsync();
            await Eventually.TrueAsync(() => File.Exists(dumped) && File.ReadAllText(dumped).Length > 0, TestMachine.Seconds(5), "a core was handed to the program");
            Assert.Equal("sh\n", await File.ReadAllTextAsync(dumped));
        }
        finally
        {
            await File.WriteAllTextAsync(Pattern, before);
        }
    }

    [LinuxFact]
    public async Task Development_server_serves_a_request_and_leaves_nothing()
    {
        using var site = new TemporarySite(("hello.mjs", "export default async () => new Response('hello from ' + process.version)"));
        await using var host = await HostProcess.StartAsync(site.Directory);
        using var client = new HttpClient { BaseAddress = host.Address, Timeout = TestMachine.Seconds(10) };

        Assert.StartsWith("hello from v24", await client.GetStringAsync("/.netlify/functions/hello"), StringComparison.Ordinal);
        Assert.Equal([$"{Tree}/sandboxhost-{host.Instance}"], Leftovers.Groups(host.Instance));
    }

    private static IReadOnlyList<int> WorkersAlive() => TestProcesses.OfUids(UidBase, HostDirectories.MaxInstances * UidBlock.Size);

    private static void Own(uint uid, params IEnumerable<string> paths)
    {
        foreach (var path in paths)
        {
            Assert.Equal(0, CliWrap.Cli.Wrap("chown").WithArguments([$"{uid}", path]).ExecuteAsync().Task.GetAwaiter().GetResult().ExitCode);
        }
    }

    /// <summary>A host in the group; the shell that it is started from stays there, too, or becomes it.</summary>
    private Task<TestHostProgram> StartInServiceAsync(bool staying, params IEnumerable<string> command)
    {
        var start = staying ? "\"$@\"; exit $?" : "exec \"$@\"";
        return TestHostProgram.StartAsync(
            ["/bin/sh", "-c", $"echo $$ > {Service}/cgroup.procs; {start}", "sh", .. command], RuntimeDirectory, UidBase, _directory.FullName);
    }
}
