using System.Net;
using System.Runtime.Versioning;
using SandboxHost.Egress;

namespace SandboxHost.Isolation;

/// <summary>The egress door for programs that know no proxy, from inside a worker: raw connections and names.</summary>
[SupportedOSPlatform("linux")]
public sealed class TransparentInsideTests
{
    private const string Tools =
        """
        const net = require('net'), dns = require('dns').promises, dgram = require('dgram');
        const get = (host, port) => new Promise(done => {
            const s = net.connect({ host, port, autoSelectFamily: false }, () => s.write('GET / HTTP/1.0\r\n\r\n'));
            let t = ''; s.on('data', d => t += d).on('end', () => done(t.split('\r\n\r\n')[1])).on('error', e => done(e.code));
        });
        const code = (promise) => promise.then(found => JSON.stringify(found), e => e.code);
        const open = () => new Promise(done => { const t = setInterval(() => { if (require('fs').existsSync('/function/open')) { clearInterval(t); done(); } }, 2); });
        const say = async (what, answer) => console.log(what + ' ' + await answer);
        """;

    [LinuxFact]
    public async Task Raw_connection_reaches_what_is_allowed_and_everything_else_is_a_reset()
    {
        await using var service = new TinyServer("from the host");
        await using var host = await TestHost.StartAsync(new EgressOptions { TransparentPorts = [service.Port] });
        var lines = await RunAsync(
            host,
            $$"""
            const port = {{service.Port}};
            await say('allowed', get('host.internal', port));
            await say('loopback', get('127.0.0.1', port));
            for (const address of ['169.254.169.254', '10.0.0.1', '192.168.0.1', '100.100.100.200', 'fd00:ec2::254', '::ffff:169.254.169.254', '64:ff9b::a9fe:a9fe', '127.0.0.2'])
              await say(address, get(address, port));
            await say('another port', get('host.internal', port + 1));
            await say('mail', get('1.1.1.1', 25));
            await say('listen', new Promise(done => net.createServer().on('error', e => done(e.code)).listen(port)));
            """,
            new EgressRules { AllowedPrivate = [$"localhost:{service.Port}"] });

        Assert.Equal(
            [
                "allowed from the host", "loopback from the host", "169.254.169.254 ECONNRESET", "10.0.0.1 ECONNRESET", "192.168.0.1 ECONNRESET", "100.100.100.200 ECONNRESET",
                "fd00:ec2::254 ECONNRESET", "::ffff:169.254.169.254 ECONNRESET", "64:ff9b::a9fe:a9fe ECONNRESET", "127.0.0.2 ECONNRESET",
                "another port ECONNREFUSED", "mail ECONNREFUSED", "listen EADDRINUSE",
            ],
            lines.Where(line => !line.StartsWith("The egress door", StringComparison.Ordinal)));
        Assert.Contains(lines, line => line.StartsWith($"The egress door refused 169.254.169.254:{service.Port} (link-local)", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith($"The egress door refused fd00:ec2::254:{service.Port} (unique-local)", StringComparison.Ordinal));
    }

    [LinuxFact]
    public async Task Port_of_a_sites_own_is_there_as_soon_as_the_worker_is_the_sites()
    {
        await using var service = new TinyServer("further");
        await using var host = await TestHost.StartAsync(new EgressOptions { TransparentPorts = [] });
        var lines = await RunAsync(
            host,
            $"await say('port', get('host.internal', {service.Port}));",
            new EgressRules { AllowedPrivate = [$"localhost:{service.Port}"], Ports = [service.Port, service.Port] });

        Assert.Equal(["port further"], lines);
    }

    [LinuxFact]
    public async Task Site_port_that_is_a_transparent_one_too_leads_to_the_site_from_loopback_and_nowhere_else()
    {
        await using var server = new TinyServer("the site");
        await using var host = await TestHost.StartAsync(
            new EgressOptions { TransparentPorts = [server.Port], Sites = new SiteServer { Ports = [server.Port], HostNames = ["shop.localhost"] } });
        var lines = await RunAsync(
            host,
            $$"""
            for (const name of ['127.0.0.1', '::1', 'localhost', 'shop.localhost', 'host.internal', '10.0.0.1']) await say(name, get(name, {{server.Port}}));
            """,
            new EgressRules());

        Assert.Equal(
            ["127.0.0.1 the site", "::1 the site", "localhost the site", "shop.localhost the site", "host.internal ECONNRESET", "10.0.0.1 ECONNRESET"],
            lines.Where(line => !line.StartsWith("The egress door", StringComparison.Ordinal)));
    }

    [LinuxFact]
    public async Task Names_are_answered_by_the_host_and_by_nobody_else()
    {
        var asked = 0;
        await using var host = await TestHost.StartAsync(new EgressOptions
        {
            LookUp = name =>
            {
                Interlocked.Increment(ref asked);
                return name switch
                {
                    "public.example" => [IPAddress.Parse("10.0.0.9"), IPAddress.Parse("1.1.1.1")],
                    "private.example" => [IPAddress.Parse("10.0.0.9")],
                    _ => throw new System.Net.Sockets.SocketException((int)System.Net.Sockets.SocketError.HostNotFound),
                };
            },
        });
        var lines = await RunAsync(
            host,
            """
            const { Resolver } = require('dns').promises;
            const elsewhere = new Resolver({ timeout: 200, tries: 1 });
            elsewhere.setServers(['8.8.8.8']);
            await say('lookup', code(dns.lookup('public.example')));
            await say('resolve4', code(dns.resolve4('PUBLIC.example')));
            await say('private', code(dns.lookup('private.example')));
            await say('unknown', code(dns.lookup('unknown.example')));
            await say('host', code(dns.resolve4('host.internal')));
            await say('text', code(dns.resolveTxt('public.example')));
            await say('elsewhere', code(elsewhere.resolve4('public.example')));
            """,
            new EgressRules());

        Assert.Equal(
            [
                """lookup {"address":"1.1.1.1","family":4}""", """resolve4 ["1.1.1.1"]""", "private ENOTFOUND", "unknown ENOTFOUND",
                """host ["192.0.0.8"]""", "text ENOTIMP", "elsewhere ECONNREFUSED",
            ],
            lines.Where(line => !line.StartsWith("The egress door", StringComparison.Ordinal)));
        Assert.Contains(lines, line => line.StartsWith("The egress door did not look up private.example (private)", StringComparison.Ordinal));
        Assert.Equal(3, asked);
    }

    [LinuxFact]
    public async Task Worker_of_a_site_that_reaches_nothing_finds_neither_names_nor_addresses()
    {
        await using var host = await TestHost.StartAsync(new EgressOptions { LookUp = _ => throw new InvalidOperationException("nothing may be looked up") });
        var lines = await RunAsync(
            host,
            """
            await say('name', code(dns.lookup('example.com')));
            await say('address', get('1.1.1.1', 443));
            await say('datagram', new Promise(done => { const s = dgram.createSocket('udp4'); s.on('error', e => done(e.code)); s.connect(443, '1.1.1.1', () => { s.send('x'); s.send('y', e => e ? done(e.code) : setTimeout(() => done('sent'), 1000)); }); }));
            """,
            new EgressRules { Mode = EgressMode.None });

        Assert.Equal(
            ["name ENOTFOUND", "address ECONNRESET", "datagram ECONNREFUSED"],
            lines.Where(line => !line.StartsWith("The egress door", StringComparison.Ordinal)));
    }

    [LinuxFact]
    public async Task Flood_of_queries_and_connections_takes_none_of_the_hosts_time()
    {
        await using var host = await TestHost.StartAsync(new EgressOptions { LookUp = _ => [IPAddress.Parse("1.1.1.1")], TransparentPorts = [5432] });
        var lines = await RunAsync(
            host,
            """
            const s = dgram.createSocket('udp4');
            const query = Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 97, 0, 0, 1, 0, 1]);
            let answers = 0, refused = 0;
            s.on('message', () => answers++).on('error', () => {});
            await new Promise(done => s.connect(53, '127.0.0.1', done));
            const until = Date.now() + 1000;
            let sent = 0;
            while (Date.now() < until) {
              for (let i = 0; i < 50; i++) { s.send(query, () => {}); sent++; }
              await Promise.all(Array.from({ length: 20 }, () => get('10.0.0.1', 5432).then(() => refused++)));
            }
            console.log(JSON.stringify({ sent, answers, refused }));
            """,
            new EgressRules());

        var seen = System.Text.Json.JsonDocument.Parse(lines.Single(line => line.StartsWith('{'))).RootElement;
        // Bursts and a bit more than a second's worth.
        Assert.InRange(seen.GetProperty("answers").GetInt32(), 1, 1000);
        Assert.InRange(seen.GetProperty("refused").GetInt32(), 1, 2500);
    }

    private static async Task<IReadOnlyList<string>> RunAsync(TestHost host, string script, EgressRules rules)
    {
        await using var worker = await host.StartAsync(Tools + $"(async () => {{ console.log('up'); await open();\n{script}\nprocess.exit(0); }})();");
        await worker.Lines.WaitForAsync("up");
        worker.Sandbox.OpenEgress(TestProcesses.InSandbox(worker.Sandbox)[^1]);
        worker.Sandbox.SetEgress("site", new EgressPolicy(rules));
        await File.WriteAllTextAsync(Path.Combine(worker.Sandbox.FunctionDirectory, "open"), "");
        var (_, lines) = await worker.EndAsync();
        return [.. lines.Skip(1)];
    }
}
