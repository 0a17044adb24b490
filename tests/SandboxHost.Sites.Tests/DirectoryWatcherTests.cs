using Microsoft.Extensions.Time.Testing;

namespace SandboxHost.Sites.Tests;

public sealed class DirectoryWatcherTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    private readonly TempFolder _folder = new();
    private readonly DirectoryWatcher _watcher = new(TimeProvider.System);

    public DirectoryWatcherTests()
    {
        _folder.Write("f/old.js", "1");
        _folder.Write("f/sub/deep.js", "1");
        _watcher.Watch([(_folder.File("f"), true)]);
    }

    public void Dispose()
    {
        _watcher.Dispose();
        _folder.Dispose();
    }

    [TimedFact]
    public async Task An_edit_is_seen_within_a_second()
    {
        var file = _folder.Write("f/old.js", "2");

        Assert.Equal([file], await NextAsync());
    }

    [TimedFact]
    public async Task A_new_file_is_seen()
    {
        var file = _folder.Write("f/new.js", "1");

        Assert.Contains(file, await NextAsync());
    }

    [TimedFact]
    public async Task A_removed_file_is_seen()
    {
        File.Delete(_folder.File("f/old.js"));

        Assert.Contains(_folder.File("f/old.js"), await NextAsync());
    }

    [TimedFact]
    public async Task A_file_that_an_editor_renames_over_the_old_one_is_seen()
    {
        var draft = _folder.Write("f/.old.js.swp", "2");
        await NextAsync();
        File.Move(draft, _folder.File("f/old.js"), overwrite: true);

        Assert.Contains(_folder.File("f/old.js"), await NextAsync());
    }

    [TimedFact]
    public async Task A_file_that_an_editor_renames_away_and_writes_anew_is_seen()
    {
        File.Move(_folder.File("f/old.js"), _folder.File("f/old.js~"));
        _folder.Write("f/old.js", "2");

        Assert.Contains(_folder.File("f/old.js"), await NextAsync());
    }

    [TimedFact]
    public async Task Files_in_directories_below_are_seen_when_asked_for()
    {
        var file = _folder.Write("f/sub/deep.js", "2");

        Assert.Contains(file, await NextAsync());
    }

    [TimedFact]
    public async Task Files_in_new_directories_below_are_seen()
    {
        Directory.CreateDirectory(_folder.File("f/fresh"));
        await NextAsync();
        var file = _folder.Write("f/fresh/index.js", "1");

        Assert.Contains(file, await NextAsync());
    }

    [TimedFact]
    public async Task Changes_that_belong_together_come_together()
    {
        string[] files = [.. Enumerable.Range(0, 50).Select(i => _folder.Write($"f/{i}.js", "1"))];

        Assert.Superset(files.ToHashSet(), (await NextAsync()).ToHashSet());
    }

    [TimedFact]
    public async Task Our_own_output_and_packages_are_not_changes()
    {
        _folder.Write("f/.sandboxhost/functions/x.mjs", "1");
        _folder.Write("f/node_modules/a/index.js", "1");
        var file = _folder.Write("f/old.js", "2");

        Assert.Equal([file], (await NextAsync()).Where(path => !path.EndsWith("node_modules", StringComparison.Ordinal)));
    }

    [TimedFact]
    public async Task What_is_not_asked_for_any_more_is_not_seen()
    {
        _folder.Write("g/a.js", "1");
        _watcher.Watch([(_folder.File("g"), false), (_folder.File("none"), false)]);
        _folder.Write("f/old.js", "2");
        var file = _folder.Write("g/a.js", "2");

        Assert.Equal([file], await NextAsync());
    }

    [TimedFact]
    public async Task A_directory_that_went_and_came_back_is_watched_again()
    {
        // As when switching branches: both happen before anybody looks.
        _watcher.Watch([(_folder.Path, false), (_folder.File("f"), true)]);
        Directory.Delete(_folder.File("f"), recursive: true);
        _folder.Write("f/old.js", "2");
        await NextAsync();
        _watcher.Watch([(_folder.Path, false), (_folder.File("f"), true)]);
        var file = _folder.Write("f/new.js", "1");

        Assert.Contains(file, await NextAsync());
    }

    [TimedFact]
    public async Task Many_directories_can_be_watched_at_once()
    {
        string[] directories = [.. Enumerable.Range(0, 300).Select(i => Directory.CreateDirectory(_folder.File($"many/{i}")).FullName)];

        _watcher.Watch(directories.Select(directory => (directory, false)));
        var file = _folder.Write("many/299/a.js", "1");

        Assert.Contains(file, await NextAsync());
    }

    [TimedFact]
    public async Task A_program_that_never_stops_writing_does_not_hold_a_batch_for_ever()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var writing = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                _folder.Write("f/log.txt", "1");
                await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, CancellationToken.None);
            }
        });

        try
        {
            var batch = await _watcher.NextAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(3));

            Assert.Contains(_folder.File("f/log.txt"), batch!);
        }
        finally
        {
            await stop.CancelAsync();
            await writing;
        }
    }

    [TimedFact]
    public async Task A_file_that_is_empty_is_waited_for_as_it_is_being_saved_but_not_for_long()
    {
        var clock = new FakeTimeProvider();
        using var watcher = new DirectoryWatcher(clock);
        var file = _folder.Write("f/old.js", "");
        var batch = watcher.NextAsync(TestContext.Current.CancellationToken);
        // Nothing happens for a while, and that counts for nothing.
        clock.Advance(TimeSpan.FromMinutes(1));
        watcher.OnChange(file);

        var waited = TimeSpan.Zero;
        await Eventually.TrueAsync(
            () =>
            {
                var step = TimeSpan.FromMilliseconds(40);
                clock.Advance(step);
                waited += step;
                return batch.IsCompleted;
            },
            TimeSpan.FromSeconds(5),
            "the batch is over");

        Assert.True(waited >= TimeSpan.FromMilliseconds(500), $"it was waited for {waited.TotalMilliseconds} ms");
        Assert.Equal([file], (await batch)!);
    }

    [TimedFact]
    public async Task More_changes_than_are_kept_mean_that_everything_should_be_looked_at()
    {
        // Nobody reads meanwhile, as during a long build.
        for (var i = 0; i < 10_001; i++)
        {
            _watcher.OnChange($"/x/{i % 3}.js");
        }

        Assert.Null(await _watcher.NextAsync(TestContext.Current.CancellationToken));
    }

    private async Task<IReadOnlySet<string>> NextAsync()
    {
        var batch = await _watcher.NextAsync(TestContext.Current.CancellationToken).WaitAsync(Limit);
        Assert.NotNull(batch);
        return batch;
    }
}
