using Microsoft.Extensions.Logging;
using SandboxHost.Invocations;
using SandboxHost.Runs;

namespace SandboxHost.Background;

/// <summary>
/// What tells a live host's runs from a dead one's: a lease in the store that is renewed while the host lives, and, for
/// hosts of one machine, a locked file. The kernel lets go of the lock when the host dies, so that what it ran begins again
/// at the next start and not when a lease has run out.
/// </summary>
public sealed class HostLease : IAsyncDisposable
{
    private static readonly TimeSpan Length = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan RenewalInterval = TimeSpan.FromSeconds(10);

    private readonly IRunStore _store;
    private readonly FileStream _lock;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private Task _renewing = Task.CompletedTask;

    private HostLease(IRunStore store, string owner, FileStream lockFile, TimeProvider clock, ILogger logger)
    {
        _store = store;
        _lock = lockFile;
        _clock = clock;
        _logger = logger;
        Owner = owner;
    }

    /// <summary>Names this host, this time.</summary>
    public string Owner { get; }

    /// <summary>Raised when runs of dead hosts were taken back.</summary>
    public event Action? Reclaimed;

    /// <param name="directory">For the lock files; belongs to the store.</param>
    /// <exception cref="RunStoreException">The store failed.</exception>
    public static async Task<HostLease> TakeAsync(
        IRunStore store, string directory, TimeProvider clock, ILogger<HostLease> logger, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(clock);
        Directory.CreateDirectory(directory);
        var owner = RequestId.Create(clock.GetUtcNow());
        var lockFile = new FileStream(Path.Combine(directory, owner), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        var lease = new HostLease(store, owner, lockFile, clock, logger);
        try
        {
            foreach (var dead in DeadOwners(directory, owner))
            {
                await store.EndLeaseAsync(dead, cancellationToken);
                File.Delete(Path.Combine(directory, dead));
            }

            await lease.RenewAsync(cancellationToken);
            lease._renewing = lease.KeepAsync();
            return lease;
        }
        catch
        {
            await lockFile.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends the lease: what this host still ran is anybody's.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _renewing;
        try
        {
            await _store.EndLeaseAsync(Owner, CancellationToken.None);
        }
        catch (RunStoreException ex)
        {
            _logger.StoreFailed("ending the lease", ex.Message);
        }

        await _lock.DisposeAsync();
        _stopping.Dispose();
    }

    private static IEnumerable<string> DeadOwners(string directory, string self)
    {
        foreach (var path in Directory.EnumerateFiles(directory).Where(path => Path.GetFileName(path) != self).ToList())
        {
            if (IsFree(path))
            {
                yield return Path.GetFileName(path);
            }
        }
    }

    private static bool IsFree(string path)
    {
        try
        {
            // .NET locks a file that it opens without sharing (flock(2)).
            using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private async Task KeepAsync()
    {
        using var timer = new PeriodicTimer(RenewalInterval, _clock);
        await StoreLoop.RunAsync(
            "renewing the lease",
            async () =>
            {
                await timer.WaitForNextTickAsync(_stopping.Token);
                await RenewAsync(_stopping.Token);
            },
            () => { },
            _clock,
            _logger,
            _stopping.Token);
    }

    private async Task RenewAsync(CancellationToken cancellationToken)
    {
        var now = _clock.GetUtcNow();
        await _store.RenewLeaseAsync(Owner, now + Length, cancellationToken);
        var count = await _store.ReclaimAsync(Owner, now, cancellationToken);
        if (count > 0)
        {
            _logger.RunsReclaimed(count);
            Reclaimed?.Invoke();
        }
    }
}
