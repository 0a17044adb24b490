using System.Runtime.Versioning;
using SandboxHost.Egress;
using SandboxHost.Isolation.Linux;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation;

/// <summary>The egress door from inside a worker.</summary>
[SupportedOSPlatform("linux")]
public sealed class EgressInsideTests
{
    // Asks the proxy the way Node's own agents do; works with every version of Node.
    private const string Ask =
        """
        const http = require('http');
        const ask = (target) => new Promise(done => {
            const q = http.request({ host: '127.0.0.1', port: 3128, method: 'CONNECT', path: target });
            q.on('connect', (r, s, head) => {
                if (r.statusCode !== 200) { let t = head.toString(); s.on('data', d => t += d).on('end', () => done(r.statusCode + ' ' + t)); return; }
                s.write('GET /hello HTTP/1.0\r\n\r\n'); let t = ''; s.on('data', d => t += d).on('end', () => done(t.split('\r\n\r\n')[1]));
            });
            q.on('error', e => done(e.code));
            q.end();
        });
        const open = () => new Promise(done => { const t = setInterval(() => { if (require('fs').existsSync('/function/open')) { clearInterval(t); done(); } }, 2); });
        """;

    private const string Connect = Ask +
        """
        const get = (host, port) => new Promise(done => {
            const s = require('net').connect({ host, port, autoSelectFamily: false }, () => s.write('GET / HTTP/1.0\r\n\r\n'));
            let t = ''; s.on('data', d => t += d).on('end', () => done(t.split('\r\n\r\n')[1])).on('error', e => done(e.code));
        });
        """;

    [LinuxFact]
    public async Task Worker_reaches_what_is_allowed_and_is_told_what_is_not()
    {
        await using var service = new TinyServer("from the host");
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync(
            Ask + $$"""
            (async () => {
                console.log('before ' + await ask('127.0.0.1:{{service.Port}}'));
                await open();
                console.log('allowed ' + await ask('127.0.0.1:{{service.Port}}'));
                console.log('private ' + await ask('10.0.0.1:80'));
                console.log('other ' + await ask('127.0.0.1:{{service.Port + 1}}'));
                require('net').connect({{service.Port}}, '127.0.0.1').on('error', e => { console.log('direct ' + e.code); process.exit(0); });
            })();
            """);
        await worker.Lines.WaitForAsync("before");

        Open(worker, service.Port);
        var (_, lines) = await worker.EndAsync();

        string Line(string start) => Assert.Single(lines, line => line.StartsWith(start, StringComparison.Ordinal));
        Assert.Equal("before ECONNREFUSED", Line("before"));
        Assert.Equal("allowed from the host", Line("allowed"));
        Assert.StartsWith("private 403 {\"errorType\":\"egress_refused\"", Line("private"), StringComparison.Ordinal);
        Assert.Contains("\"rule\":\"loopback\"", Line("other"));
        Assert.Equal("direct ECONNREFUSED", Line("direct"));
        Line("The egress door refused 10.0.0.1:80 (private)");
        var usage = ((LinuxSandbox)worker.Sandbox).ReadEgress();
        Assert.Equal((1, 2), (usage.Connections, usage.Refused));
    }

    [LinuxFact]
    public async Task Fetch_uses_the_door_by_environment()
    {
        if (!await TestPlaces.NodeHasProxyEnvironmentAsync())
        {
            Assert.Skip("wants Node 24 or later");
        }

        await using var service = new TinyServer("fetched");
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync(
            Ask + $$"""
            (async () => {
                console.log('up');
                await open();
                console.log('fetch ' + await (await fetch('http://127.0.0.1:{{service.Port}}/')).text());
                http.get('http://127.0.0.1:{{service.Port}}/', r => { let t = ''; r.on('data', d => t += d).on('end', () => { console.log('get ' + t); process.exit(0); }); });
            })();
            """,
            environment: new Dictionary<string, string>
            {
                ["NODE_USE_ENV_PROXY"] = "1",
                ["HTTP_PROXY"] = SandboxLayout.EgressProxy,
                ["HTTPS_PROXY"] = SandboxLayout.EgressProxy,
            });
        await worker.Lines.WaitForAsync("up");
        Open(worker, service.Port);

        Assert.Equal("fetch fetched", await worker.Lines.WaitForAsync("fetch"));
        Assert.Equal("get fetched", await worker.Lines.WaitForAsync("get"));
    }

    [LinuxFact]
    public async Task Site_ports_are_there_at_both_loopback_addresses_and_by_every_name_and_nothing_beside_them()
    {
        await using var server = new TinyServer("the site");
        await using var host = await TestHost.StartAsync(SitesAt(server, "shop.localhost", "blog.localhost"));
        await using var worker = await host.StartAsync(
            Connect + $$"""
            (async () => {
                const port = {{server.Port}};
                console.log('before ' + await get('127.0.0.1', port));
                await open();
                for (const name of ['127.0.0.1', '::1', 'localhost', 'shop.localhost', 'blog.localhost']) console.log(name + ' is ' + await get(name, port));
                for (const other of [port - 1, port + 1]) for (const name of ['127.0.0.1', '::1']) console.log('beside ' + await get(name, other));
                console.log('another ' + await get('127.0.0.2', port));
                console.log('unknown ' + await get('other.localhost', port));
                require('net').createServer().on('error', e => { console.log('listen ' + e.code); process.exit(0); }).listen(port, '127.0.0.1');
            })();
            """);
        await worker.Lines.WaitForAsync("before");

        Open(worker);
        var (_, lines) = await worker.EndAsync();

        Assert.Equal(
            [
                "before ECONNREFUSED", "127.0.0.1 is the site", "::1 is the site", "localhost is the site", "shop.localhost is the site", "blog.localhost is the site",
                "beside ECONNREFUSED", "beside ECONNREFUSED", "beside ECONNREFUSED", "beside ECONNREFUSED", "another ECONNREFUSED", "unknown ENOTFOUND", "listen EADDRINUSE",
            ],
            lines);
        var usage = ((LinuxSandbox)worker.Sandbox).ReadEgress();
        Assert.Equal((5, 0), (usage.Connections, usage.Refused));
    }

    [LinuxFact]
    public async Task Site_ports_are_not_there_unless_they_are_set()
    {
        await using var server = new TinyServer("the site");
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync(
            Connect + $"(async () => {{ console.log('up'); await open(); console.log('port ' + await get('127.0.0.1', {server.Port})); process.exit(0); }})();");
        await worker.Lines.WaitForAsync("up");

        Open(worker);

        Assert.Equal("port ECONNREFUSED", await worker.Lines.WaitForAsync("port"));
    }

    [LinuxFact]
    public async Task Connection_to_a_site_port_outlives_a_freeze()
    {
        await using var server = new TinyServer("after the thaw");
        await using var host = await TestHost.StartAsync(SitesAt(server));
        await using var worker = await host.StartAsync(
            Connect + $$"""
            (async () => {
                console.log('up');
                await open();
                const s = require('net').connect({{server.Port}}, 'localhost', () => { console.log('connected'); setInterval(() => {
                    if (!require('fs').existsSync('/function/send')) return;
                    s.write('x'); s.on('data', d => { console.log('got ' + d.toString().split('\r\n\r\n')[1]); process.exit(0); });
                }, 2).unref(); });
            })();
            """);
        await worker.Lines.WaitForAsync("up");
        Open(worker);
        await worker.Lines.WaitForAsync("connected");

        worker.Sandbox.Freeze();
        await File.WriteAllTextAsync(Path.Combine(worker.Sandbox.FunctionDirectory, "send"), "");
        worker.Sandbox.Thaw();

        Assert.Equal("got after the thaw", await worker.Lines.WaitForAsync("got"));
    }

    [LinuxFact]
    public async Task Site_ports_and_names_that_cannot_be_are_refused_at_the_start()
    {
        var sites = new SiteServer { Ports = [0, 3128, 80, 80, 70_000], HostNames = ["fine.localhost", "example.com", "a.localhost\n1.2.3.4 b.localhost", "# .localhost"] };

        var options = TestHost.OptionsFor("/never-made") with { Egress = new EgressOptions { Sites = sites } };
        var message = (await Assert.ThrowsAsync<SandboxException>(
            () => LinuxSandboxLauncher.CreateAsync(options, TimeProvider.System, new RecordingLog(), CancellationToken.None))).Message;

        foreach (var part in (string[])["Ports has 5: up to 4", "a port twice", "1 to 65535", "3128, which is", "'example.com'", "b.localhost'", "'# .localhost'"])
        {
            Assert.Contains(part, message);
        }

        Assert.DoesNotContain("fine", message);
    }

    [LinuxFact]
    public async Task Door_is_not_opened_in_the_hosts_own_namespace_or_for_strangers()
    {
        await using var host = await TestHost.StartAsync();
        await using var worker = await host.StartAsync("setInterval(() => {}, 1e6); console.log('up')");
        await worker.Lines.WaitForAsync("up");

        Assert.Throws<SandboxException>(() => worker.Sandbox.OpenEgress(Environment.ProcessId));

        // bubblewrap's outermost process is in the sandbox's groups, but in the host's network.
        Assert.Contains("host's own", Assert.Throws<SandboxException>(() => worker.Sandbox.OpenEgress(worker.Sandbox.ProcessId)).Message);
    }

    [LinuxFact]
    public async Task Threads_and_later_sockets_stay_in_the_hosts_namespace()
    {
        await using var host = await TestHost.StartAsync();
        for (var i = 0; i < 5; i++)
        {
            await using var worker = await host.StartAsync("setInterval(() => {}, 1e6); console.log('up')");
            await worker.Lines.WaitForAsync("up");
            worker.Sandbox.OpenEgress(TestProcesses.InSandbox(worker.Sandbox)[^1]);
        }

        var own = new FileInfo("/proc/self/ns/net").LinkTarget;
        Assert.All(Directory.EnumerateDirectories("/proc/self/task"), task => Assert.Equal(own, new FileInfo(task + "/ns/net").LinkTarget ?? own));
    }

    private static EgressOptions SitesAt(TinyServer server, params string[] names) =>
        new() { Sites = new SiteServer { Ports = [server.Port], HostNames = names } };

    private static void Open(TestWorker worker, int? allowedPort = null) =>
        Open(worker, new EgressRules { AllowedPrivate = allowedPort is { } port ? [$"localhost:{port}"] : [] });

    private static void Open(TestWorker worker, EgressRules rules)
    {
        worker.Sandbox.OpenEgress(TestProcesses.InSandbox(worker.Sandbox)[^1]);
        worker.Sandbox.SetEgress("site", new EgressPolicy(rules));
        File.WriteAllText(Path.Combine(worker.Sandbox.FunctionDirectory, "open"), "");
    }
}
