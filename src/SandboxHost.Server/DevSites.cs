using SandboxHost.Deployments;
using SandboxHost.Sites;

namespace SandboxHost.Server;

/// <summary>
/// The sites of a developer's machine: built at the start, built again when their files change, and published as one
/// snapshot. The first is the main site.
/// </summary>
public sealed class DevSites(IReadOnlyList<SiteFolder> folders, SnapshotSource snapshots, TimeProvider clock) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly SiteSnapshot?[] _sites = new SiteSnapshot?[folders.Count];
    private readonly Lock _gate = new();
    private Task _watching = Task.CompletedTask;

    /// <summary>Builds every site, publishes them, and starts to watch.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        for (var i = 0; i < folders.Count; i++)
        {
            _sites[i] = await folders[i].BuildAsync(null, cancellationToken);
        }

        Publish();
        _watching = Task.WhenAll(Enumerable.Range(0, folders.Count).Select(WatchAsync));
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _watching;
        _stopping.Dispose();
    }

    private async Task WatchAsync(int index)
    {
        var folder = folders[index];
        using var watcher = new DirectoryWatcher(clock);
        watcher.Watch(folder.WatchedDirectories);
        try
        {
            while (true)
            {
                var changed = await watcher.NextAsync(_stopping.Token);
                try
                {
                    var site = await folder.BuildAsync(changed, _stopping.Token);
                    lock (_gate)
                    {
                        _sites[index] = site;
                        Publish();
                    }
                }
                catch (IOException)
                {
                    // A file went away between being listed and being read: its own event follows and builds again.
                }

                watcher.Watch(folder.WatchedDirectories);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private void Publish() => snapshots.Publish(new HostSnapshot([.. _sites.OfType<SiteSnapshot>()]));
}
