namespace SandboxHost.Sites.Bundles;

/// <summary>
/// Where a host keeps what it builds of a site folder: a directory of its own below <c>.sandboxhost/functions</c>, since
/// another host may serve the same folder. It goes with the host; what hosts that died have left goes at the next start.
/// </summary>
public sealed class ArtifactsFolder : IAsyncDisposable
{
    private const string LockSuffix = ".lock";

    private readonly FileStream _lock;

    private ArtifactsFolder(string path, FileStream lockFile)
    {
        Path = path;
        _lock = lockFile;
    }

    /// <summary>Absolute.</summary>
    public string Path { get; }

    /// <exception cref="IOException">The folder can't be written to.</exception>
    public static ArtifactsFolder Claim(string siteDirectory)
    {
        var parent = System.IO.Path.Combine(siteDirectory, ".sandboxhost", "functions");
        Directory.CreateDirectory(parent);
        RemoveDead(parent);
        for (var number = 0; ; number++)
        {
            var path = System.IO.Path.Combine(parent, $"{number}");
            if (TryLock(path + LockSuffix) is { } lockFile)
            {
                Directory.CreateDirectory(path);
                return new ArtifactsFolder(path, lockFile);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        Remove(Path);
        await _lock.DisposeAsync();
    }

    private static void RemoveDead(string parent)
    {
        foreach (var directory in Directory.EnumerateDirectories(parent).ToList())
        {
            // The kernel lets go of a lock when its holder dies.
            using var held = TryLock(directory + LockSuffix);
            if (held is not null)
            {
                Remove(directory);
            }
        }
    }

    private static void Remove(string directory)
    {
        try
        {
            Directory.Delete(directory, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // Somebody cleaned up by hand.
        }
    }

    private static FileStream? TryLock(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
