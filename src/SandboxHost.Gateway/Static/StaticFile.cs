using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using SandboxHost.Deployments;

namespace SandboxHost.Gateway.Static;

/// <summary>
/// A file of a site, open. It is opened once, and what was opened is what is judged and sent: nobody can put a link or a
/// pipe in its place in between.
/// </summary>
internal sealed partial class StaticFile : IDisposable
{
    // Linux, the same on x64 and arm64. Without waiting: a pipe has no writer.
    private const int ReadOnly = 0;
    private const int NoControllingTerminal = 0x100;
    private const int DoNotWait = 0x800;
    private const int CloseOnExec = 0x80000;

    private StaticFile(string name, FileStream content, DateTimeOffset lastModified)
    {
        Name = name;
        Content = content;
        LastModified = lastModified;
    }

    /// <summary>Relative to the publish directory.</summary>
    public string Name { get; }

    public FileStream Content { get; }

    public DateTimeOffset LastModified { get; }

    /// <summary>Opens the file that a path means; null when there is none that may be read.</summary>
    /// <param name="path">Resolved; percent-encoded.</param>
    public static StaticFile? Open(PublishedFiles? files, string path)
    {
        if (files is null)
        {
            return null;
        }

        string? root = null;
        foreach (var name in StaticPaths.CandidatesFor(path))
        {
            if (files.IsHidden(name) || OpenHandle(Path.Combine(files.Directory, name)) is not { } handle)
            {
                continue;
            }

            if (IsInside(root ??= RealPathOf(files.Directory), handle, files) && Describe(name, handle) is { } file)
            {
                return file;
            }

            handle.Dispose();
        }

        return null;
    }

    public void Dispose() => Content.Dispose();

    private static StaticFile? Describe(string name, SafeFileHandle handle)
    {
        try
        {
            if (File.GetAttributes(handle).HasFlag(FileAttributes.Directory))
            {
                return null;
            }

            var content = new FileStream(handle, FileAccess.Read, bufferSize: 1, isAsync: false);
            // Pipes, sockets and terminals can't seek.
            return content.CanSeek ? new StaticFile(name, content, new DateTimeOffset(File.GetLastWriteTimeUtc(handle))) : null;
        }
        catch (Exception ex) when (ex is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    private static bool IsInside(string? root, SafeFileHandle handle, PublishedFiles files)
    {
        var real = PathOf(handle);
        return root is not null && real is not null && real.StartsWith(root, StringComparison.Ordinal)
            && !files.IsHidden(real[root.Length..]);
    }

    // With a slash at its end.
    private static string? RealPathOf(string directory)
    {
        using var handle = OpenHandle(directory);
        return handle is null || PathOf(handle) is not { } path ? null : path.EndsWith('/') ? path : path + "/";
    }

    private static string? PathOf(SafeFileHandle handle)
    {
        try
        {
            return new FileInfo($"/proc/self/fd/{handle.DangerousGetHandle()}").LinkTarget;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static SafeFileHandle? OpenHandle(string path)
    {
        var descriptor = Open(path, ReadOnly | NoControllingTerminal | DoNotWait | CloseOnExec);
        return descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(string path, int flags);
}
