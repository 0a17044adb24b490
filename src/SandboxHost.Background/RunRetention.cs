using Microsoft.Extensions.Logging;
using SandboxHost.Runs;

namespace SandboxHost.Background;

/// <summary>How long records of runs are kept after their end.</summary>
public sealed record RetentionOptions
{
    /// <summary>Runs that succeeded, and ticks that were skipped. Default 7 days.</summary>
    public TimeSpan Ended { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Dead runs, with what they were given. Default 30 days.</summary>
    public TimeSpan Dead { get; init; } = TimeSpan.FromDays(30);
}

/// <summary>Removes records of runs whose time is over.</summary>
public sealed class RunRetention : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);

    private readonly IRunStore _store;
    private readonly RetentionOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _removing;

    public RunRetention(IRunStore store, RetentionOptions options, TimeProvider clock, ILogger<RunRetention> logger)
    {
        _store = store;
        _options = options;
        _clock = clock;
        _logger = logger;
        _removing = RemoveAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _removing;
        _stopping.Dispose();
    }

    private async Task RemoveAsync()
    {
        await Task.Yield();
        using var timer = new PeriodicTimer(Interval, _clock);
        try
        {
            do
            {
                await RemoveOldAsync();
            }
            while (await timer.WaitForNextTickAsync(_stopping.Token));
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private async Task RemoveOldAsync()
    {
        try
        {
            var now = _clock.GetUtcNow();

            // In parts, so that nobody's write waits long.
            while (await _store.RemoveEndedAsync(now - _options.Ended, now - _options.Dead, _stopping.Token) > 0)
            {
            }
        }
        catch (RunStoreException ex)
        {
            _logger.StoreFailed("removing old records", ex.Message);
        }
    }
}
