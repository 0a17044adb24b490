using System.Runtime.Versioning;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation;

/// <summary>What a worker meets at each of its limits, and what is reported of it.</summary>
[SupportedOSPlatform("linux")]
public sealed class WorkerLimitTests
{
    [LinuxFact]
    public async Task Full_heap_is_told_apart_from_a_full_memory_and_from_an_abort()
    {
        await using var host = await TestHost.StartAsync();
        await using var heap = await host.StartAsync("const a = []; for (;;) a.push({ n: [a.length] });", TestHost.DefaultLimits with { MemoryBytes = 512L << 20 });
        await using var abort = await host.StartAsync("process.abort()");

        var (full, aborted) = (await heap.Sandbox.Exited, await abort.Sandbox.Exited);

        Assert.Equal((SandboxExitReason.Signalled, 6), (full.Reason, full.Signal));
        Assert.Contains("JavaScript heap out of memory", full.Detail);
        Assert.Equal((SandboxExitReason.Signalled, 6), (aborted.Reason, aborted.Signal));
        Assert.Null(aborted.Detail);
    }

    [LinuxFact]
    [AlsoOnCgroup2]
    public async Task Processes_above_the_limit_are_refused_with_EAGAIN_and_counted()
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync(
            """
            const { spawn } = require('child_process');
            const next = () => {
                const child = spawn('/usr/bin/node', ['-e', 'setInterval(() => {}, 1e6)']);
                child.on('error', e => { console.log(e.code); process.exit(0); }).on('spawn', next);
            };
            next();
            """,
            new SandboxLimits(512L << 20, null, Pids: 40));

        var exit = await worker.Sandbox.Exited;

        // A thread may be refused before a process is; node then aborts.
        Assert.True(worker.Lines.All.Contains("EAGAIN") || exit.Signal == 6, string.Join('\n', worker.Lines.All));
        Assert.True(exit.RefusedProcesses > 0);
    }

    [LinuxFact]
    public async Task Files_without_content_are_charged_like_content()
    {
        await using var host = await TestHost.StartAsync();
        // A /tmp that has room for more files than the memory limit: their number is bounded by its size.
        await using var worker = await host.StartAsync(
            "const fs = require('fs'); for (let n = 0; ; n++) fs.closeSync(fs.openSync('/tmp/' + n, 'w'));", new SandboxLimits(80L << 20, null, TmpBytes: 4L << 30));

        Assert.Equal(SandboxExitReason.OutOfMemory, (await worker.Sandbox.Exited).Reason);
    }

    [LinuxFact]
    [AlsoOnCgroup2]
    public async Task What_sockets_hold_is_bounded_by_the_memory_limit()
    {
        await using var host = await TestHost.StartAsync();
        var before = SocketMemory.Bytes();
        await using var worker = await host.StartAsync(
            """
            const net = require('net');
            const chunk = Buffer.alloc(4 << 20);
            let connected = 0;
            const server = net.createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1', () => {
                for (let i = 0; i < 100; i++) {
                    const socket = net.connect(server.address().port, '127.0.0.1', () => {
                        socket.write(chunk);
                        if (++connected === 100) console.log('sent');
                    });
                }
            });
            """,
            TestHost.DefaultLimits);
        await worker.Lines.WaitForAsync("sent");

        Assert.InRange(SocketMemory.Bytes() - before, 1, TestHost.DefaultLimits.MemoryBytes);
    }

    [LinuxFact]
    [AlsoOnCgroup2]
    public async Task Memory_is_never_swapped_out()
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync("setInterval(() => {}, 1e6)");

        // v2 limits swap alone, v1 memory and swap together.
        var limit = host.ReadOfGroup(worker, "memory.swap.max", "memory.memsw.limit_in_bytes");

        Assert.Contains(limit, new[] { "0", $"{TestHost.DefaultLimits.MemoryBytes}" });
    }

    [LinuxFact]
    public async Task Resource_limits_are_those_of_the_plan()
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync(
            """
            const fs = require('fs');
            console.log(fs.readFileSync('/proc/self/limits', 'utf8'));
            fs.writeFileSync('/tmp/sparse', '');
            try { fs.truncateSync('/tmp/sparse', 5 * 2 ** 30); console.log('grown'); } catch (e) { console.log(e.code); }
            """,
            TestHost.DefaultLimits with { OpenFiles = 300 });

        var (_, lines) = await worker.EndAsync();

        Assert.Equal("EFBIG", lines[^1]);
        Assert.Equal(
            [("Max file size", "4294967296"), ("Max core file size", "1"), ("Max open files", "300"), ("Max locked memory", "65536"), ("Max msgqueue size", "0")],
            lines.Where(line => line.StartsWith("Max ", StringComparison.Ordinal))
                .Select(line => (Name: line[..25].Trim(), Hard: line[47..68].Trim()))
                .Where(limit => limit.Name is "Max file size" or "Max core file size" or "Max open files" or "Max locked memory" or "Max msgqueue size"));
    }
}
