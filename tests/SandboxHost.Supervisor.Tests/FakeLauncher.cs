using System.Threading.Channels;
using SandboxHost.Sandboxes;

namespace SandboxHost.Supervisor.Tests;

/// <summary>Starts scripted workers instead of processes.</summary>
internal sealed class FakeLauncher(string directory) : ISandboxLauncher, IDisposable
{
    private readonly Lock _gate = new();
    private readonly Channel<ScriptedWorker> _started = Channel.CreateUnbounded<ScriptedWorker>();
    private readonly List<ScriptedWorker> _workers = [];
    private readonly List<ScriptedWorker> _decoys = [];

    /// <summary>What every worker does; the default is a decent life.</summary>
    public Func<ScriptedWorker, Task> Script { get; set; } = worker => worker.ServeAsync();

    /// <summary>Changes a worker before it lives.</summary>
    public Action<ScriptedWorker> Prepare { get; set; } = _ => { };

    /// <summary>
    /// So many launches make workers that never dial. All fakes have one uid, by which the host counts connections, and it
    /// counts a dead worker's for a moment longer; with decoys its successor is not taken for a stranger.
    /// </summary>
    public int Decoys { get; set; }

    /// <summary>A launch waits for this.</summary>
    public Task MayLaunch { get; set; } = Task.CompletedTask;

    public Exception? Failure { get; set; }

    public IReadOnlyList<ScriptedWorker> Workers
    {
        get
        {
            lock (_gate)
            {
                return [.. _workers];
            }
        }
    }

    public async ValueTask<ISandbox> LaunchAsync(SandboxSpec spec, CancellationToken cancellationToken)
    {
        ScriptedWorker worker;
        lock (_gate)
        {
            var sandbox = new FakeSandbox(spec, Directory.CreateDirectory(Path.Combine(directory, spec.Name)).FullName);
            worker = new ScriptedWorker(sandbox);
            if (Failure is not null)
            {
                throw Failure;
            }

            if (_decoys.Count < Decoys)
            {
                _decoys.Add(worker);
                return worker.Sandbox;
            }

            _workers.Add(worker);
        }

        Prepare(worker);
        _started.Writer.TryWrite(worker);
        await MayLaunch;
        _ = Script(worker);
        return worker.Sandbox;
    }

    /// <summary>The next worker that was started.</summary>
    public async Task<ScriptedWorker> NextAsync() => await _started.Reader.ReadAsync();

    public void Dispose()
    {
        foreach (var worker in Workers.Concat(_decoys))
        {
            worker.Dispose();
        }
    }
}
