using System.Threading.Channels;

namespace SandboxHost.Sites;

/// <summary>Tells which files below some directories changed, in batches: an editor that saves writes more than once.</summary>
public sealed class DirectoryWatcher(TimeProvider clock) : IDisposable
{
    /// <summary>Quiet time that ends a batch.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(40);

    private const int MaxBatch = 10_000;

    private readonly Channel<string?> _changes = Channel.CreateBounded<string?>(
        new BoundedChannelOptions(MaxBatch) { FullMode = BoundedChannelFullMode.DropWrite });

    private readonly Dictionary<(string Directory, bool Recursive), FileSystemWatcher> _watchers = [];

    /// <summary>Watches exactly these directories from now on.</summary>
    public void Watch(IEnumerable<(string Directory, bool Recursive)> directories)
    {
        var wanted = directories.Where(item => Directory.Exists(item.Directory)).ToHashSet();
        foreach (var gone in _watchers.Keys.Where(key => !wanted.Contains(key)).ToList())
        {
            _watchers.Remove(gone, out var watcher);
            watcher!.Dispose();
        }

        foreach (var item in wanted.Where(item => !_watchers.ContainsKey(item)))
        {
            _watchers.Add(item, Start(item.Directory, item.Recursive));
        }
    }

    /// <summary>Waits for changes. The set is null when so much changed that everything should be looked at.</summary>
    public async Task<IReadOnlySet<string>?> NextAsync(CancellationToken cancellationToken)
    {
        var batch = new HashSet<string>(StringComparer.Ordinal);
        var everything = !Add(batch, await _changes.Reader.ReadAsync(cancellationToken));
        do
        {
            while (_changes.Reader.TryRead(out var path))
            {
                everything |= !Add(batch, path);
            }

            await Task.Delay(Quiet, clock, cancellationToken);
        }
        while (_changes.Reader.TryPeek(out _) && batch.Count < MaxBatch);

        return everything || batch.Count >= MaxBatch ? null : batch;
    }

    public void Dispose()
    {
        foreach (var watcher in _watchers.Values)
        {
            watcher.Dispose();
        }

        _watchers.Clear();
    }

    private static bool Add(HashSet<string> batch, string? path)
    {
        if (path is null)
        {
            return false;
        }

        batch.Add(path);
        return true;
    }

    private FileSystemWatcher Start(string directory, bool recursive)
    {
        var watcher = new FileSystemWatcher(directory)
        {
            IncludeSubdirectories = recursive,
            NotifyFilter = NotifyFilters.FileName | NotifyFilters.DirectoryName | NotifyFilters.LastWrite,
        };
        watcher.Changed += (_, change) => OnChange(change.FullPath);
        watcher.Created += (_, change) => OnChange(change.FullPath);
        watcher.Deleted += (_, change) => OnChange(change.FullPath);
        watcher.Renamed += (_, change) =>
        {
            OnChange(change.OldFullPath);
            OnChange(change.FullPath);
        };

        // The kernel's queue ran over: what changed is unknown.
        watcher.Error += (_, _) => _changes.Writer.TryWrite(null);
        watcher.EnableRaisingEvents = true;
        return watcher;
    }

    private void OnChange(string path)
    {
        // Our own output lies in the site folder, too.
        if (!path.Contains("/.sandboxhost", StringComparison.Ordinal) && !path.Contains("/node_modules/", StringComparison.Ordinal))
        {
            _changes.Writer.TryWrite(path);
        }
    }
}
