using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace SandboxHost.Conformance;

/// <summary>
/// A PostgreSQL and a Redis server of the test's own on the host's loopback, as users that are not root, with their files in
/// a directory that goes with them. Should the test die, they end by themselves after five minutes.
/// </summary>
public sealed class DatabaseServers : IAsyncDisposable
{
    public const string Password = "a-password-of-the-test";

    private const string Lifetime = "300";
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(30);
    private readonly string _directory = Directory.CreateTempSubdirectory("sandboxhost-test-databases-").FullName;
    private readonly List<Process> _servers = [];

    private DatabaseServers()
    {
    }

    public int PostgresPort { get; private set; }

    public int RedisPort { get; private set; }

    /// <summary>Starts both and waits until they take connections; skips the test where they are not installed.</summary>
    public static async Task<DatabaseServers> StartAsync()
    {
        var postgres = Directory.Exists("/usr/lib/postgresql")
            ? Directory.EnumerateFiles("/usr/lib/postgresql", "postgres", SearchOption.AllDirectories).FirstOrDefault() : null;
        // Debian's redis-tools has the server under another name; it does what its name says.
        var redis = new[] { "/usr/bin/redis-server", "/usr/bin/redis-check-rdb" }.FirstOrDefault(File.Exists);
        Assert.SkipUnless(postgres is not null && redis is not null, "No PostgreSQL or no Redis: apt-get install postgresql redis-tools");

        var servers = new DatabaseServers();
        try
        {
            await servers.StartPostgresAsync(Path.GetDirectoryName(postgres)!);
            await servers.StartRedisAsync(redis!);
            return servers;
        }
        catch
        {
            await servers.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        const int Interrupt = 2;
        foreach (var server in _servers.Where(server => !server.HasExited))
        {
            Signals.Send(server.Id, Interrupt);
        }

        foreach (var server in _servers)
        {
            await server.WaitForExitAsync().WaitAsync(StartLimit);
            server.Dispose();
        }

        Directory.Delete(_directory, recursive: true);
    }

    private async Task StartPostgresAsync(string programs)
    {
        var data = await DirectoryOfAsync("postgres");
        var password = Path.Combine(data, "password");
        await File.WriteAllTextAsync(password, Password);
        await RunAsync("chmod", "0644", password);
        await RunAsync(
            "setpriv",
            [.. As("postgres"), Path.Combine(programs, "initdb"), "-D", Path.Combine(data, "data"), "-U", "app", "--pwfile", password, "--auth=scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync"]);
        PostgresPort = FreePort();
        await StartAsync(
            "database system is ready to accept connections",
            [
                .. As("postgres"), Path.Combine(programs, "postgres"), "-D", Path.Combine(data, "data"), "-p", $"{PostgresPort}",
                "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "logging_collector=off",
            ]);
    }

    private async Task StartRedisAsync(string program)
    {
        var data = await DirectoryOfAsync("nobody");
        var server = Path.Combine(data, "redis-server");
        File.CreateSymbolicLink(server, program);
        RedisPort = FreePort();
        await StartAsync(
            "eady to accept connections",
            [.. As("nobody"), server, "--port", $"{RedisPort}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", data, "--requirepass", Password]);
    }

    private static string[] As(string user) => [$"--reuid={user}", $"--regid={(user == "nobody" ? "nogroup" : user)}", "--clear-groups", "--"];

    private async Task<string> DirectoryOfAsync(string user)
    {
        await RunAsync("chmod", "0755", _directory);
        var own = Directory.CreateDirectory(Path.Combine(_directory, user)).FullName;
        await RunAsync("chown", user, own);
        return own;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        var said = new ConcurrentQueue<string>();
        using var process = Launch(program, arguments, said.Enqueue);
        await process.WaitForExitAsync().WaitAsync(StartLimit);
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {string.Join('\n', said)}");
    }

    private async Task StartAsync(string readyLine, string[] arguments)
    {
        var said = new ConcurrentQueue<string>();
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var process = Launch("timeout", ["--kill-after=5", Lifetime, "setpriv", .. arguments], line =>
        {
            said.Enqueue(line);
            if (line.Contains(readyLine, StringComparison.Ordinal))
            {
                ready.TrySetResult();
            }
        });
        _servers.Add(process);
        var first = await Task.WhenAny(ready.Task, process.WaitForExitAsync(), Task.Delay(StartLimit));
        Assert.True(first == ready.Task, string.Join('\n', said));
    }

    private static Process Launch(string program, string[] arguments, Action<string> onLine)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false, WorkingDirectory = "/" };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        var process = new Process { StartInfo = start };
        void Take(string? line)
        {
            if (line is not null)
            {
                onLine(line);
            }
        }

        process.OutputDataReceived += (_, line) => Take(line.Data);
        process.ErrorDataReceived += (_, line) => Take(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }
}
