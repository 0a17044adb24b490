namespace SandboxHost.Supervisor;

/// <summary>
/// Owns work that nobody awaits where it starts: it is counted, its failures are logged, and disposing waits for all of it.
/// </summary>
internal sealed class BackgroundTasks(SupervisorLogger logger) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly HashSet<Task> _running = [];

    /// <summary>Starts the work on this thread, until its first await.</summary>
    public void Run(Func<Task> work) => _ = RunToEndAsync(work);

    /// <summary>The same, for who wants to know when it is over.</summary>
    /// <returns>Ends when the work does, and does not fail.</returns>
    public Task RunToEndAsync(Func<Task> work)
    {
        var task = GuardAsync(work);
        if (task.IsCompleted)
        {
            return task;
        }

        lock (_gate)
        {
            _running.Add(task);
        }

        _ = task.ContinueWith(Forget, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        return task;
    }

    public async ValueTask DisposeAsync()
    {
        while (true)
        {
            Task[] left;
            lock (_gate)
            {
                left = [.. _running];
            }

            if (left.Length == 0)
            {
                return;
            }

            await Task.WhenAll(left);
        }
    }

    private async Task GuardAsync(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception ex) when (ex is not OperationCanceledException)
        {
            // The work has no caller to tell. Whatever it was about shows the failure in its own state.
            logger.BackgroundFailed(ex);
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private void Forget(Task task)
    {
        lock (_gate)
        {
            _running.Remove(task);
        }
    }
}
