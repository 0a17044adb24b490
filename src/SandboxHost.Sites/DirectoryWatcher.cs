using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Threading.Channels;

namespace SandboxHost.Sites;

/// <summary>Tells which files below some directories changed, in batches: an editor that saves writes more than once.</summary>
public sealed class DirectoryWatcher(TimeProvider clock) : IDisposable
{
    /// <summary>Quiet time that ends a batch.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(40);

    /// <summary>A program that never stops writing does not hold a batch longer than this.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(500);

    private const int MaxBatch = 10_000;

    /// <summary>Each takes one of the kernel's inotify instances; a user has 128 of them in all.</summary>
    private const int MaxWatchers = 32;

    private readonly Channel<string?> _changes = Channel.CreateBounded<string?>(MaxBatch);

    // Directories that were removed, made or renamed: a watcher of the one that was there before hears nothing more.
    private readonly ConcurrentDictionary<string, bool> _replaced = new(StringComparer.Ordinal);

    private volatile FrozenSet<string> _watched = FrozenSet<string>.Empty;

    // Changes came that found no room.
    private volatile bool _lostSome;

    private readonly Dictionary<(string Directory, bool Recursive), FileSystemWatcher> _watchers = [];

    /// <summary>Watches exactly these directories from now on.</summary>
    public void Watch(IEnumerable<(string Directory, bool Recursive)> directories)
    {
        var wanted = Cover(directories.Where(item => Directory.Exists(item.Directory)).ToHashSet());
        foreach (var gone in _watchers.Keys.Where(key => !wanted.Contains(key) || _replaced.ContainsKey(key.Directory)).ToList())
        {
            _watchers.Remove(gone, out var watcher);
            watcher!.Dispose();
            if (wanted.Contains(gone))
            {
                // What happened in it since it is there was seen by nobody.
                OnChange(gone.Directory);
            }
        }

        _replaced.Clear();

        _watched = wanted.Select(item => item.Directory).ToFrozenSet(StringComparer.Ordinal);
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
        var start = clock.GetTimestamp();
        do
        {
            while (_changes.Reader.TryRead(out var path))
            {
                everything |= !Add(batch, path);
            }

            await Task.Delay(Quiet, clock, cancellationToken);
        }
        while ((_changes.Reader.TryPeek(out _) || batch.Any(IsEmptyFile)) && batch.Count < MaxBatch && clock.GetElapsedTime(start) < Longest);

        if (_lostSome)
        {
            _lostSome = false;
            everything = true;
        }

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

    /// <summary>Who saves a file empties it and then writes it: what is there between the two is no version of it.</summary>
    private static bool IsEmptyFile(string path) => new FileInfo(path) is { Exists: true, Length: 0 };

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
        watcher.Created += (_, change) => OnReplaced(change.FullPath);
        watcher.Deleted += (_, change) => OnReplaced(change.FullPath);
        watcher.Renamed += (_, change) =>
        {
            OnReplaced(change.OldFullPath);
            OnReplaced(change.FullPath);
        };

        // The kernel's queue ran over: what changed is unknown.
        watcher.Error += (_, _) => Write(null);
        watcher.EnableRaisingEvents = true;
        return watcher;
    }

    internal void OnChange(string path)
    {
        // Our own output lies in the site folder, too.
        if (!path.Contains("/.sandboxhost", StringComparison.Ordinal) && !path.Contains("/node_modules/", StringComparison.Ordinal))
        {
            Write(path);
        }
    }

    private void OnReplaced(string path)
    {
        if (_watched.Contains(path))
        {
            _replaced[path] = true;
        }

        OnChange(path);
    }

    private void Write(string? change)
    {
        if (!_changes.Writer.TryWrite(change))
        {
            _lostSome = true;
        }
    }

    /// <summary>The same directories, or so many above them that there are not too many: more is seen then, never less.</summary>
    private static HashSet<(string Directory, bool Recursive)> Cover(HashSet<(string Directory, bool Recursive)> wanted)
    {
        while (wanted.Count > MaxWatchers)
        {
            var siblings = wanted.GroupBy(item => Path.GetDirectoryName(item.Directory)).MaxBy(group => group.Count())!;
            if (siblings.Key is null || siblings.Count() == 1)
            {
                break;
            }

            wanted = [.. wanted.Except(siblings), (siblings.Key, true)];
        }

        return wanted;
    }
}
