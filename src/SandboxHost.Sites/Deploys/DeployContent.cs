using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using SandboxHost.Deployments;

namespace SandboxHost.Sites.Deploys;

/// <summary>
/// Deploys in a directory of the host's own. A content lies once below <c>content</c>, by its SHA-256; a deploy is a tree of
/// hard links to contents, put together beside its place and moved there whole. Only the host's user gets in.
/// </summary>
public sealed partial class DeployContent : IDeployContent, IAsyncDisposable
{
    private const string ListName = "files.json";
    private const string TreeName = "tree";

    private readonly string _contents;
    private readonly string _deploys;
    private readonly string _staging;
    private readonly DeployReader _reader;

    private readonly FileStream _lock;

    private DeployContent(string directory, FileStream lockFile, FunctionLimits hostLimits)
    {
        _lock = lockFile;
        _contents = Path.Combine(directory, "content");
        _deploys = Path.Combine(directory, "deploys");
        _staging = Path.Combine(directory, "staging");
        _reader = new DeployReader(hostLimits);
    }

    /// <param name="directory">Absolute; made when it is not there. One host at a time uses it.</param>
    /// <param name="hostLimits">The sites' settings are laid over them.</param>
    /// <exception cref="IOException">Another host uses it, or it can't be written to.</exception>
    public static DeployContent Open(string directory, FunctionLimits hostLimits)
    {
        MakePrivate(directory);
        FileStream lockFile;
        try
        {
            // The kernel lets go of a lock when its holder dies.
            lockFile = new FileStream(Path.Combine(directory, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException ex)
        {
            throw new IOException($"Another host uses {directory}, or it can't be written to: {ex.Message}", ex);
        }

        var content = new DeployContent(directory, lockFile, hostLimits);
        // What a host before this one had not finished.
        RemoveDirectory(content._staging);
        foreach (var part in new[] { content._contents, content._deploys, content._staging })
        {
            MakePrivate(part);
        }

        return content;
    }

    public ValueTask DisposeAsync() => _lock.DisposeAsync();

    public IReadOnlyList<string> MissingOf(IEnumerable<DeployFile> files) =>
        [.. files.Select(file => file.Sha256).Distinct(StringComparer.Ordinal).Where(hash => !File.Exists(PathOf(hash)))];

    public IContentWriter Write(DeployFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return new ContentWriter(file, Path.Combine(_staging, Guid.NewGuid().ToString("N")), PathOf(file.Sha256));
    }

    public void Assemble(string deployId, IEnumerable<DeployFile> files)
    {
        ArgumentNullException.ThrowIfNull(files);
        var (staged, place) = (Path.Combine(_staging, deployId), Path.Combine(_deploys, deployId));
        RemoveDirectory(staged);
        RemoveDirectory(place);
        try
        {
            var tree = Path.Combine(staged, TreeName);
            Directory.CreateDirectory(tree);
            var hashes = new HashSet<string>(StringComparer.Ordinal);
            foreach (var file in files)
            {
                var target = Path.Combine(tree, file.Path);
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                Link(PathOf(file.Sha256), target);
                hashes.Add(file.Sha256);
            }

            File.WriteAllText(Path.Combine(staged, ListName), JsonSerializer.Serialize(hashes));
            Directory.Move(staged, place);
        }
        catch
        {
            RemoveDirectory(staged);
            throw;
        }
    }

    public DeployReading Read(DeployPlace place)
    {
        ArgumentNullException.ThrowIfNull(place);
        return _reader.Read(Path.Combine(_deploys, place.Deploy.Id, TreeName), place);
    }

    public void Remove(string deployId) => RemoveDirectory(Path.Combine(_deploys, deployId));

    public void Sweep(IReadOnlySet<string> deployIds, IReadOnlySet<string> uploading)
    {
        ArgumentNullException.ThrowIfNull(deployIds);
        ArgumentNullException.ThrowIfNull(uploading);
        var used = new HashSet<string>(uploading, StringComparer.Ordinal);
        foreach (var deploy in Directory.EnumerateDirectories(_deploys))
        {
            if (!deployIds.Contains(Path.GetFileName(deploy)))
            {
                RemoveDirectory(deploy);
            }
            else if (File.Exists(Path.Combine(deploy, ListName)))
            {
                used.UnionWith(JsonSerializer.Deserialize<string[]>(File.ReadAllText(Path.Combine(deploy, ListName))) ?? []);
            }
        }

        foreach (var file in Directory.EnumerateFiles(_contents, "*", SearchOption.AllDirectories).Where(file => !used.Contains(Path.GetFileName(file))))
        {
            File.Delete(file);
        }
    }

    // No directory gets to hold all of them.
    private string PathOf(string sha256) => Path.Combine(_contents, sha256[..2], sha256);

    private static void Link(string existing, string path)
    {
        if (OperatingSystem.IsWindows())
        {
            File.Copy(existing, path);
        }
        else if (LinkFile(existing, path) != 0)
        {
            throw new IOException($"{path}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
        }
    }

    private static void MakePrivate(string directory)
    {
        Directory.CreateDirectory(directory);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private static void RemoveDirectory(string directory)
    {
        try
        {
            Directory.Delete(directory, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // It is gone, which is what was asked for.
        }
    }

    // link(2).
    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int LinkFile(string existing, string path);

    private sealed class ContentWriter : IContentWriter
    {
        private readonly DeployFile _file;
        private readonly string _staged;
        private readonly string _place;
        private readonly FileStream _stream;
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private long _left;

        public ContentWriter(DeployFile file, string staged, string place)
        {
            (_file, _staged, _place, _left) = (file, staged, place, file.Size);
            _stream = new FileStream(staged, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1);
        }

        public bool Append(ReadOnlySpan<byte> bytes)
        {
            if (bytes.Length > _left)
            {
                return false;
            }

            _left -= bytes.Length;
            _hash.AppendData(bytes);
            _stream.Write(bytes);
            return true;
        }

        public bool Complete()
        {
            if (_left != 0 || Convert.ToHexStringLower(_hash.GetHashAndReset()) != _file.Sha256)
            {
                return false;
            }

            // What a deploy is made of must not be lost after the deploy was said to be ready.
            _stream.Flush(flushToDisk: true);
            _stream.Dispose();
            Directory.CreateDirectory(Path.GetDirectoryName(_place)!);
            File.Move(_staged, _place, overwrite: true);
            return true;
        }

        public void Dispose()
        {
            _stream.Dispose();
            _hash.Dispose();
            File.Delete(_staged);
        }
    }
}
