using System.Collections.Concurrent;
using CliWrap;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Linux;

/// <summary>
/// The one thread that starts workers. A worker is killed when the *thread* that started it ends (prctl(2),
/// PR_SET_PDEATHSIG), so no pool thread may do it, and this one lives until the launcher is disposed.
/// </summary>
internal sealed class LaunchThread : IDisposable
{
    private const int MaxWaiting = 1024;
    private readonly BlockingCollection<Action> _work = new(MaxWaiting);
    private readonly Thread _thread;

    public LaunchThread()
    {
        _thread = new Thread(Run) { IsBackground = true, Name = "sandbox launches" };
        _thread.Start();
    }

    /// <summary>Starts a process from this thread. The task is done when the process runs; it carries the task of its end.</summary>
    public Task<CommandTask<CommandResult>> StartAsync(Command command)
    {
        var started = new TaskCompletionSource<CommandTask<CommandResult>>(TaskCreationOptions.RunContinuationsAsynchronously);
        var queued = _work.TryAdd(() =>
        {
            try
            {
                // ExecuteAsync forks before its first await, that is, on this thread.
                started.SetResult(command.ExecuteAsync());
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                started.SetException(new SandboxException($"launcher: {command.TargetFilePath}: {e.Message}", e));
            }
        });
        return queued ? started.Task : throw new SandboxException($"launch: {MaxWaiting} launches are waiting already");
    }

    /// <summary>Ends the thread, and with it every process that it started.</summary>
    public void Dispose()
    {
        _work.CompleteAdding();
        _thread.Join();
        _work.Dispose();
    }

    private void Run()
    {
        foreach (var start in _work.GetConsumingEnumerable())
        {
            start();
        }
    }
}
