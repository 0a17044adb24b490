using Microsoft.Extensions.Logging;
using SandboxHost.Runs;

namespace SandboxHost.Background;

/// <summary>Does something over and over until it is stopped. A store that fails now may not in a second, and a bug must not stop everybody's runs.</summary>
internal static class StoreLoop
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <param name="what">For the log: "ticking".</param>
    /// <param name="turn">Does it once, and sleeps until the next time.</param>
    /// <param name="onFailure">Called after a turn that failed, before the pause.</param>
    public static async Task RunAsync(string what, Func<Task> turn, Action onFailure, TimeProvider clock, ILogger logger, CancellationToken stopping)
    {
        // Not on the thread of whoever started it.
        await Task.Yield();
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await turn();
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                // Stopping.
            }
            catch (Exception ex) when (ex is not OutOfMemoryException)
            {
                if (ex is RunStoreException)
                {
                    logger.StoreFailed(what, ex.Message);
                }
                else
                {
                    logger.LoopFaulted(what, ex);
                }

                onFailure();
                await Task.Delay(Pause, clock, stopping).ContinueWith(
                    _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            }
        }
    }
}
