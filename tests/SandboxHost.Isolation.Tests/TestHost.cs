using System.Collections.Concurrent;
using System.Runtime.Versioning;
using Microsoft.Extensions.Logging;
using SandboxHost.Isolation.Cgroups;
using SandboxHost.Isolation.Linux;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation;

/// <summary>A launcher of a test's own, in a directory of its own, and the workers that the test starts with it.</summary>
[SupportedOSPlatform("linux")]
internal sealed class TestHost : IAsyncDisposable
{
    private static int _names;
    private readonly DirectoryInfo _directory;
    private readonly RecordingLog _log;

    private TestHost(LinuxSandboxLauncher launcher, DirectoryInfo directory, RecordingLog log)
    {
        Launcher = launcher;
        _directory = directory;
        _log = log;
    }

    public LinuxSandboxLauncher Launcher { get; }

    public string InstanceDirectory => Directory.EnumerateDirectories(RuntimeDirectory).Single();

    public string RuntimeDirectory => _directory.FullName + "/run";

    // Below a directory that only root passes: what workers get must reach them all the same.
    public string HostDirectory => _directory.FullName + "/private/host";

    public string RunnerDirectory => _directory.FullName + "/private/runner";

    public static async Task<TestHost> StartAsync(EgressOptions? egress = null)
    {
        var directory = Directory.CreateTempSubdirectory("sandboxhost-test-");
        File.SetUnixFileMode(directory.FullName, FileModes.DirectoryPassable);
        FileModes.MakeDirectory(directory.FullName + "/private", FileModes.DirectoryOfOwner);
        FileModes.MakeDirectory(directory.FullName + "/private/host", FileModes.DirectoryReadableByAll);
        FileModes.MakeDirectory(directory.FullName + "/private/runner", FileModes.DirectoryReadableByAll);
        var log = new RecordingLog();
        var launcher = await LinuxSandboxLauncher.CreateAsync(
            OptionsFor(directory.FullName + "/run") with { Egress = egress ?? new EgressOptions() }, TimeProvider.System, log, CancellationToken.None);
        return new TestHost(launcher, directory, log);
    }

    public static IsolationOptions OptionsFor(string runtimeDirectory) => new()
    {
        LauncherPath = TestPlaces.Launcher,
        RuntimeDirectory = runtimeDirectory,

        // A block of its own: the machine may run a real host as well.
        UidBase = 2_100_000_000,
    };

    /// <summary>Starts node with a script that lies in the function's directory.</summary>
    public async Task<TestWorker> StartAsync(string script, SandboxLimits? limits = null, IReadOnlyDictionary<string, string>? environment = null, TimeSpan patience = default)
    {
        var lines = new TestLines();
        var spec = SpecFor($"t{Interlocked.Increment(ref _names)}", script, lines.Add) with
        {
            Limits = limits ?? DefaultLimits,
            Environment = environment ?? new Dictionary<string, string>(),
            Patience = patience,
        };
        return new TestWorker(spec.Name, await Launcher.LaunchAsync(spec, CancellationToken.None), lines);
    }

    /// <summary>What the first of these files holds that a group of the worker has.</summary>
    public string ReadOfGroup(TestWorker worker, params IEnumerable<string> files) => File.ReadAllText(
        Groups.SelectMany(group => files.Select(file => $"{group}/{worker.Name}/{file}")).First(File.Exists)).Trim();

    public bool HasPatientGroup => PatientGroup is not null;

    /// <summary>Those that wait for processors behind all others.</summary>
    public IReadOnlyList<string> PatientProcesses => File.ReadAllLines(PatientGroup + "/cgroup.procs");

    /// <summary>Those in the group with the worker's CPU limit.</summary>
    public IReadOnlyList<string> LimitedProcessesOf(TestWorker worker) =>
        File.ReadAllLines($"{Groups.First(group => File.Exists($"{group}/{worker.Name}/cpu.cfs_quota_us"))}/{worker.Name}/cgroup.procs");

    /// <summary>For each hierarchy, those in the worker's group there.</summary>
    public IReadOnlyList<string[]> ProcessesOf(TestWorker worker) =>
        [.. Groups.Select(group => $"{group}/{worker.Name}/cgroup.procs").Where(File.Exists).Select(File.ReadAllLines)];

    private string? PatientGroup => Groups.FirstOrDefault(group => group.EndsWith(CgroupTree.PatientSuffix, StringComparison.Ordinal));

    private string[] Groups => File.ReadAllLines(InstanceDirectory + "/cgroups");

    public static SandboxLimits DefaultLimits { get; } = new(256L << 20, null);

    public SandboxSpec SpecFor(string name, string script, Action<string> output) => new()
    {
        Name = name,
        Runtime = new SandboxRuntime("node", TestPlaces.Node!, RunnerDirectory, _ => ["--max-old-space-size=128", "-e", script]),
        Environment = new Dictionary<string, string>(),
        HostDirectory = HostDirectory,
        Limits = DefaultLimits,
        Output = output,
    };

    public async ValueTask DisposeAsync()
    {
        await Launcher.DisposeAsync();
        Assert.Empty(Directory.EnumerateDirectories(RuntimeDirectory));
        _directory.Delete(recursive: true);
        Assert.Empty(_log.Errors);
    }
}

/// <summary>A worker and what it printed.</summary>
internal sealed record TestWorker(string Name, ISandbox Sandbox, TestLines Lines) : IAsyncDisposable
{
    public ValueTask DisposeAsync() => Sandbox.DisposeAsync();

    /// <summary>Waits for the end and gives all lines.</summary>
    public async Task<(SandboxExit Exit, IReadOnlyList<string> Lines)> EndAsync()
    {
        var exit = await Sandbox.Exited;
        return (exit, Lines.All);
    }
}

/// <summary>Lines as they come, and a way to wait for one.</summary>
internal sealed class TestLines
{
    private readonly Lock _gate = new();
    private readonly List<string> _lines = [];
    private readonly List<(Func<string, bool> Wanted, TaskCompletionSource<string> Found)> _waiting = [];

    public IReadOnlyList<string> All
    {
        get
        {
            lock (_gate)
            {
                return [.. _lines];
            }
        }
    }

    public void Add(string line)
    {
        lock (_gate)
        {
            _lines.Add(line);
            foreach (var waiter in _waiting.Where(waiter => waiter.Wanted(line)).ToArray())
            {
                _waiting.Remove(waiter);
                waiter.Found.TrySetResult(line);
            }
        }
    }

    public Task<string> WaitForAsync(string start)
    {
        lock (_gate)
        {
            if (_lines.Find(line => line.StartsWith(start, StringComparison.Ordinal)) is { } there)
            {
                return Task.FromResult(there);
            }

            var found = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add((line => line.StartsWith(start, StringComparison.Ordinal), found));
            return found.Task;
        }
    }
}

/// <summary>Keeps what was logged as an error; a test that leaves one fails.</summary>
internal sealed class RecordingLog : ILogger<LinuxSandboxLauncher>
{
    private readonly ConcurrentQueue<string> _errors = new();

    public IReadOnlyCollection<string> Errors => _errors;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (logLevel >= LogLevel.Error)
        {
            _errors.Enqueue(formatter(state, exception) + exception);
        }
    }
}
