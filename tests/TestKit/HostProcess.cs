using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace SandboxHost.TestKit;

/// <summary>`sandboxhost dev` as a process of its own, as a user runs it. Disposing stops it and looks at what it left.</summary>
public sealed partial class HostProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TestMachine.Seconds(30);
    private static readonly TimeSpan StopLimit = TestMachine.Seconds(30);

    /// <summary>An error's own line, and of its exception's trace what tells where it was.</summary>
    private const int ErrorLines = 8;

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly List<(Func<string, bool> Match, TaskCompletionSource<string> Seen)> _watchers = [];
    private readonly Lock _gate = new();
    private bool _stopped;

    private HostProcess(Process process) => _process = process;

    public int Id => _process.Id;

    public int Port { get; private set; }

    public Uri Address => new(string.Create(CultureInfo.InvariantCulture, $"http://localhost:{Port}"));

    /// <summary>Everything it printed so far.</summary>
    public IReadOnlyCollection<string> Output => _lines;

    /// <summary>The host's instance number on this machine; -1 without isolation.</summary>
    public int Instance { get; private set; } = -1;

    /// <summary>Starts it and waits until it serves.</summary>
    /// <param name="arguments">After `dev`; a port is added.</param>
    public static Task<HostProcess> StartAsync(params string[] arguments) => StartAsync(arguments, port: 0);

    /// <summary>Starts it and waits until it serves.</summary>
    /// <param name="arguments">After `dev`.</param>
    /// <param name="port">0 picks a free one.</param>
    /// <param name="environment">Beside the test's own.</param>
    public static async Task<HostProcess> StartAsync(IEnumerable<string> arguments, int port, IReadOnlyDictionary<string, string>? environment = null)
    {
        var host = Launch(["dev", .. arguments, "--port", port.ToString(CultureInfo.InvariantCulture), "-v"], environment);
        return await host.ReadyAsync("Local dev server ready");
    }

    /// <summary>`sandboxhost serve` over a data directory; waits until it serves.</summary>
    public static async Task<HostProcess> ServeAsync(string dataDirectory, params string[] arguments)
    {
        var host = Launch(["serve", "--data", dataDirectory, .. arguments, .. arguments.Contains("--port") ? (string[])[] : ["--port", "0"], "-v"]);
        return await host.ReadyAsync("Serving ");
    }

    private async Task<HostProcess> ReadyAsync(string words)
    {
        var ready = await WaitForLineAsync(line => line.Contains(words, StringComparison.Ordinal), StartLimit);
        Port = int.Parse(PortInLine().Match(ready).Groups["port"].Value, CultureInfo.InvariantCulture);
        var claim = _lines.Select(line => InstanceInLine().Match(line)).FirstOrDefault(match => match.Success);
        Instance = claim is null ? -1 : int.Parse(claim.Groups["instance"].Value, CultureInfo.InvariantCulture);
        return this;
    }

    /// <summary>Starts the command with exactly these arguments.</summary>
    public static HostProcess Launch(IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var (program, all) = Repository.SandboxHost(arguments);
        var start = new ProcessStartInfo(program, all)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };

        // Something of the test's environment that no function may ever see.
        start.Environment["HOST_SECRET"] = "the-hosts-own-secret";
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        var process = new Process { StartInfo = start, EnableRaisingEvents = true };
        var host = new HostProcess(process);
        process.OutputDataReceived += (_, line) => host.OnLine(line.Data);
        process.ErrorDataReceived += (_, line) => host.OnLine(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return host;
    }

    /// <summary>The first line that matches, printed already or yet to come.</summary>
    public async Task<string> WaitForLineAsync(Func<string, bool> match, TimeSpan limit)
    {
        var seen = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_lines.FirstOrDefault(match) is { } line)
            {
                return line;
            }

            _watchers.Add((match, seen));
        }

        var exited = _process.WaitForExitAsync();
        var first = await Task.WhenAny(seen.Task, exited, Task.Delay(limit));
        if (first == seen.Task || seen.Task.IsCompleted)
        {
            return await seen.Task;
        }

        throw new InvalidOperationException(
            $"The host {(first == exited ? "ended" : "did not print the line in time")}. It said:\n{string.Join('\n', _lines)}");
    }

    public Task<string> WaitForLineAsync(string part) =>
        WaitForLineAsync(line => line.Contains(part, StringComparison.Ordinal), TimeSpan.FromSeconds(15));

    /// <summary>Resident memory in bytes.</summary>
    public long ResidentBytes()
    {
        var line = File.ReadLines($"/proc/{Id}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }

    /// <summary>How many clients are connected over IPv4.</summary>
    public int Clients() => PortSockets().Count(socket => socket.IsConnected);

    /// <summary>Bytes that the kernel holds for clients that have not taken them.</summary>
    public long BytesHeldForClients() => PortSockets().Sum(socket => socket.Unsent);

    /// <summary>SIGKILL: it gets no chance to clean up.</summary>
    public async Task KillAsync()
    {
        _stopped = true;
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGTERM; waits for the end.</summary>
    public async Task<int> StopAsync()
    {
        _stopped = true;
        if (!_process.HasExited)
        {
            Signals.Send(Id, Signals.Terminate);
        }

        await _process.WaitForExitAsync().WaitAsync(StopLimit);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_stopped)
        {
            try
            {
                await StopAsync();
                Leftovers.ThrowIfAny(Instance);
            }
            catch (TimeoutException ex)
            {
                _process.Kill();
                throw new InvalidOperationException($"The host did not stop. It said:\n{string.Join('\n', _lines)}", ex);
            }
        }

        _process.Dispose();
        var lines = _lines.ToList();
        var errors = lines.Index()
            .Where(line => line.Item.StartsWith("Error ", StringComparison.Ordinal) || line.Item.StartsWith("Critical ", StringComparison.Ordinal))
            .SelectMany(line => lines.Skip(line.Index).Take(ErrorLines))
            .ToList();
        if (errors.Count > 0)
        {
            throw new InvalidOperationException($"The host logged errors:\n{string.Join('\n', errors)}");
        }
    }

    // Fields of /proc/net/tcp: number, local address, remote address, state (01 is established), bytes to send and received (proc_pid_net(5)).
    private IEnumerable<(bool IsConnected, long Unsent)> PortSockets() => File.ReadLines("/proc/net/tcp")
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Where(fields => fields[1] == $"0100007F:{Port:X4}")
        .Select(fields => (fields[3] == "01", long.Parse(fields[4].Split(':')[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture)));

    private void OnLine(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_gate)
        {
            _lines.Enqueue(line);
            foreach (var (match, seen) in _watchers)
            {
                if (match(line))
                {
                    seen.TrySetResult(line);
                }
            }
        }
    }

    [GeneratedRegex(@": http://localhost:(?<port>\d+)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex PortInLine();

    [GeneratedRegex(@"Host instance (?<instance>\d+) ", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex InstanceInLine();
}
