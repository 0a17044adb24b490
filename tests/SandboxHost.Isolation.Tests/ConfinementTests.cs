using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text.Json;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation;

/// <summary>What a worker can see and do, asked from inside.</summary>
[SupportedOSPlatform("linux")]
public sealed class ConfinementTests
{
    [LinuxFact]
    public async Task Worker_sees_no_files_of_the_host()
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync(
            """
            const fs = require('fs');
            for (const d of ['/', '/usr', '/usr/bin', '/etc', '/run', '/dev']) console.log(d + ' ' + fs.readdirSync(d).sort());
            for (const f of ['/etc/shadow', '/home', '/root', '/sys', '/var', '/proc/kallsyms', '/proc/keys', '/proc/sysrq-trigger', '/proc/kcore'])
                try { fs.closeSync(fs.openSync(f)); console.log(f + ' open'); } catch (e) { console.log(f + ' ' + e.code); }
            """);

        var (_, lines) = await worker.EndAsync();

        Assert.Equal("/ dev,etc,function,lib,lib64,proc,run,runner,tmp,usr", lines[0]);
        Assert.Equal("/usr bin,lib,lib64", lines[1]);
        Assert.Equal("/usr/bin node", lines[2]);
        Assert.Equal("/etc group,hosts,nsswitch.conf,passwd,resolv.conf,ssl", lines[3]);
        Assert.Equal("/run host", lines[4]);
        Assert.DoesNotContain(lines, line => line.EndsWith(" open", StringComparison.Ordinal));
    }

    [LinuxFact]
    public async Task Worker_sees_no_processes_environment_or_descriptors_of_the_host()
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync(
            """
            const fs = require('fs');
            console.log('pids ' + fs.readdirSync('/proc').filter(f => /^\d+$/.test(f)).length);
            console.log('env ' + JSON.stringify(process.env));
            console.log('environ1 ' + JSON.stringify(fs.readFileSync('/proc/1/environ', 'utf8')));
            console.log('cmdline1 ' + fs.readFileSync('/proc/1/cmdline', 'utf8').split('\0').slice(0, 5).join(' '));
            const fds = fs.readdirSync('/proc/self/fd').map(f => { try { return fs.readlinkSync('/proc/self/fd/' + f) } catch { return '' } });
            console.log('fds ' + fds.filter(f => f.startsWith('/') && f !== '/dev/null' && !f.startsWith('/proc')).join());
            """,
            environment: new Dictionary<string, string> { ["SECRET"] = "äpfel \"and\" 'quotes'\nand lines" });

        var (_, lines) = await worker.EndAsync();

        Assert.Equal("pids 2", lines[0]);
        var environment = JsonSerializer.Deserialize<Dictionary<string, string>>(lines[1][4..])!;
        Assert.Equal("äpfel \"and\" 'quotes'\nand lines", environment["SECRET"]);
        Assert.Equal(["HOME", "LANG", "PATH", "PWD", "SECRET", "TMPDIR"], environment.Keys.Order());
        Assert.Equal("environ1 \"\"", lines[2]);
        Assert.Equal("cmdline1 /usr/bin/bwrap --args 8 -- /usr/bin/node", lines[3]);
        Assert.Equal("fds ", lines[4]);
    }

    [LinuxFact]
    [AlsoOnCgroup2]
    public async Task Worker_has_a_uid_of_its_own_that_is_not_root()
    {
        await using var host = await TestHost.StartAsync();
        await using var one = await host.StartAsync("console.log('up'); setInterval(() => {}, 1000)");
        await using var other = await host.StartAsync("console.log('up'); setInterval(() => {}, 1000)");
        await one.Lines.WaitForAsync("up");
        await other.Lines.WaitForAsync("up");

        Assert.NotEqual(0u, one.Sandbox.Uid);
        Assert.NotEqual(one.Sandbox.Uid, other.Sandbox.Uid);
        foreach (var worker in new[] { one, other })
        {
            var status = await File.ReadAllLinesAsync($"/proc/{worker.Sandbox.ProcessId}/status");
            Assert.Contains($"Uid:\t{worker.Sandbox.Uid}\t{worker.Sandbox.Uid}\t{worker.Sandbox.Uid}\t{worker.Sandbox.Uid}", status);
            Assert.Contains("NoNewPrivs:\t1", status);
            Assert.Equal("500", (await File.ReadAllTextAsync($"/proc/{worker.Sandbox.ProcessId}/oom_score_adj")).Trim());
        }
    }

    [LinuxFact]
    [AlsoOnCgroup2]
    public async Task Worker_can_write_only_to_its_own_sized_tmp()
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync(
            """
            const fs = require('fs');
            for (const f of ['/x', '/usr/x', '/usr/bin/node', '/etc/x', '/function/x', '/runner/x', '/run/host/x', '/run/x', '/dev/x', '/proc/sys/kernel/core_pattern'])
                try { fs.closeSync(fs.openSync(f, 'w')); console.log(f + ' written'); } catch (e) { console.log(f + ' ' + e.code); }
            let n = 0;
            try { const fd = fs.openSync('/tmp/fill', 'w'); const b = Buffer.alloc(1 << 20); for (; n < 100; n++) fs.writeSync(fd, b); } catch (e) { console.log('tmp ' + n + ' ' + e.code); }
            """,
            TestHost.DefaultLimits with { TmpBytes = 8 << 20 });

        var (_, lines) = await worker.EndAsync();

        Assert.All(lines.SkipLast(1), line => Assert.True(
            line.EndsWith("EROFS", StringComparison.Ordinal) || line.EndsWith("EACCES", StringComparison.Ordinal), line));
        Assert.Equal("tmp 8 ENOSPC", lines[^1]);
    }

    [LinuxFact]
    public async Task Files_that_the_host_places_later_appear_in_the_function_directory()
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync(
            """
            const fs = require('fs');
            console.log('up ' + fs.readdirSync('/function').length);
            setInterval(() => { if (fs.existsSync('/function/late.txt')) { console.log('late ' + fs.readFileSync('/function/late.txt', 'utf8')); process.exit(0); } }, 2);
            """);
        Assert.Equal("up 0", await worker.Lines.WaitForAsync("up"));

        await File.WriteAllTextAsync(Path.Combine(worker.Sandbox.FunctionDirectory, "late.tmp"), "here");
        File.Move(Path.Combine(worker.Sandbox.FunctionDirectory, "late.tmp"), Path.Combine(worker.Sandbox.FunctionDirectory, "late.txt"));

        Assert.Equal("late here", await worker.Lines.WaitForAsync("late"));
    }

    [LinuxFact]
    public async Task Worker_reaches_nothing_on_the_hosts_loopback()
    {
        using var service = new TcpListener(IPAddress.Loopback, 0);
        service.Start();
        var port = ((IPEndPoint)service.LocalEndpoint).Port;
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync(
            $$"""
            const net = require('net');
            net.connect({{port}}, '127.0.0.1').on('connect', () => console.log('connected')).on('error', e => console.log(e.code));
            """);

        var (_, lines) = await worker.EndAsync();

        Assert.Equal(["ECONNREFUSED"], lines);
        Assert.False(service.Pending());
    }

    [LinuxFact]
    public async Task Worker_connects_to_the_socket_in_its_host_directory()
    {
        await using var host = await TestHost.StartAsync();
        var path = Path.Combine(host.HostDirectory, SandboxLayout.SocketName);
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        File.SetUnixFileMode(path, (UnixFileMode)0x1B6); // 0666
        await using var worker = await host.StartAsync("require('net').connect('/run/host/worker.sock').on('data', d => { console.log('got ' + d); process.exit(0); })");

        using var accepted = await listener.AcceptAsync();
        await accepted.SendAsync("hello"u8.ToArray());

        Assert.Equal("got hello", await worker.Lines.WaitForAsync("got"));
    }

    [LinuxFact]
    [AlsoOnCgroup2]
    public async Task Fork_bomb_stays_within_its_pids()
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync(
            """
            const { spawn } = require('child_process');
            const next = () => { try { spawn('/usr/bin/node', ['-e', 'setInterval(()=>{},1e6)']).on('error', e => { console.log('refused ' + e.code); }).on('spawn', next); } catch (e) { console.log('refused ' + e.code); } };
            next();
            setInterval(() => {}, 1000);
            """,
            new SandboxLimits(512L << 20, null, Pids: 40));

        await Task.WhenAny(worker.Lines.WaitForAsync("refused"), worker.Sandbox.Exited);

        Assert.InRange(worker.Sandbox.ReadUsage().Pids, 0, 40);
    }

    [LinuxFact]
    [AlsoOnCgroup2]
    public async Task Memory_bomb_ends_as_out_of_memory_with_limit_and_peak()
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync(
            "const a = []; for (;;) a.push(Buffer.alloc(8 << 20, 1));", new SandboxLimits(96L << 20, null));

        var exit = await worker.Sandbox.Exited;

        Assert.Equal(SandboxExitReason.OutOfMemory, exit.Reason);
        Assert.Equal(96L << 20, exit.MemoryLimitBytes);
        Assert.InRange(exit.PeakMemoryBytes, 80L << 20, 97L << 20);
    }

    [LinuxFact]
    public async Task Open_files_are_limited()
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync(
            "const fs = require('fs'); let n = 0; try { for (;;) { fs.openSync('/dev/null'); n++; } } catch (e) { console.log(e.code + ' ' + (n < 200)); }",
            TestHost.DefaultLimits with { OpenFiles = 200 });

        var (_, lines) = await worker.EndAsync();

        Assert.Equal(["EMFILE true"], lines);
    }

    [LinuxFact]
    public async Task A_crash_leaves_nothing_of_the_workers_memory_anywhere()
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync(
            """
            const fs = require('fs');
            console.log('filter ' + fs.readFileSync('/proc/self/coredump_filter', 'utf8').trim());
            console.log(fs.readFileSync('/proc/self/limits', 'utf8').split('\n').find(l => l.startsWith('Max core')).replace(/ +/g, ' ').trim());
            try { fs.writeFileSync('/proc/self/coredump_filter', '255'); console.log('filter written'); } catch (e) { console.log(e.code); }
            require('child_process').spawn('/usr/bin/node', ['-e', "process.chdir('/tmp'); process.abort()"])
                .on('exit', (_, signal) => console.log(signal + ' ' + fs.readdirSync('/tmp')));
            """);

        var (_, lines) = await worker.EndAsync();

        Assert.Equal(["filter 00000000", "Max core file size 1 1 bytes", "EROFS", "SIGABRT "], lines);
    }

    [LinuxFact]
    public async Task Processes_are_limited_by_the_uid_as_well_where_it_is_the_workers_own()
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync(
            "console.log(require('fs').readFileSync('/proc/self/limits', 'utf8').split('\\n').find(l => l.startsWith('Max processes')).replace(/ +/g, ' ').trim());",
            TestHost.DefaultLimits with { Pids = 77 });

        var (_, lines) = await worker.EndAsync();

        // Twice as many as the group allows, which is to be met first.
        Assert.Equal(["Max processes 154 154 processes"], lines);
    }

    [LinuxFact]
    public async Task Worker_that_cannot_be_made_says_at_which_step()
    {
        await using var host = await TestHost.StartAsync();
        var spec = host.SpecFor("nowhere", "", _ => { }) with { HostDirectory = "/nowhere" };
        await using var sandbox = await host.Launcher.LaunchAsync(spec, CancellationToken.None);

        var exit = await sandbox.Exited;

        Assert.Equal(SandboxExitReason.LaunchFailed, exit.Reason);
        Assert.Contains("bind: /nowhere: errno 2 (ENOENT)", exit.Detail);
    }

    [LinuxFact]
    public async Task Runtime_that_is_no_program_is_a_failed_launch()
    {
        await using var host = await TestHost.StartAsync();
        var fake = Path.Combine(host.RunnerDirectory, "fake");
        await File.WriteAllTextAsync(fake, "no program");
        var spec = host.SpecFor("fake", "", _ => { });
        spec = spec with { Runtime = spec.Runtime with { Executable = fake } };
        await using var sandbox = await host.Launcher.LaunchAsync(spec, CancellationToken.None);

        var exit = await sandbox.Exited;

        Assert.Equal(SandboxExitReason.LaunchFailed, exit.Reason);
        Assert.Contains("execvp", exit.Detail);
    }

    [LinuxFact]
    [AlsoOnCgroup2]
    public async Task Limits_that_the_kernel_refuses_fail_the_launch_and_leave_nothing()
    {
        await using var host = await TestHost.StartAsync();
        var spec = host.SpecFor("greedy", "", _ => { }) with { Limits = TestHost.DefaultLimits with { Cpus = 1e12 } };

        await Assert.ThrowsAsync<SandboxException>(async () => await host.Launcher.LaunchAsync(spec, CancellationToken.None));

        Assert.Empty(Directory.EnumerateDirectories(host.InstanceDirectory + "/sandboxes"));
        Assert.All(await File.ReadAllLinesAsync(host.InstanceDirectory + "/cgroups"), group => Assert.Empty(Directory.EnumerateDirectories(group)));
    }
}
