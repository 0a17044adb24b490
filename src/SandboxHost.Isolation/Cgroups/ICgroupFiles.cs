using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Cgroups;

/// <summary>The one seam to the kernel's cgroup file systems; tests put a made-up tree behind it.</summary>
internal interface ICgroupFiles
{
    bool Exists(string path);

    /// <summary>Names of the files directly in a directory; empty when there is no such directory.</summary>
    IReadOnlyCollection<string> Files(string directory);

    /// <summary>Paths of the directories directly in a directory; empty when there is no such directory.</summary>
    IReadOnlyCollection<string> Directories(string directory);

    /// <summary>The text of a file, or null when it cannot be read.</summary>
    string? TryRead(string path);

    /// <exception cref="SandboxException">The kernel refused; the message has path and errno.</exception>
    void Write(string path, string text);

    /// <returns>Whether the kernel took it.</returns>
    bool TryWrite(string path, string text)
    {
        try
        {
            Write(path, text);
            return true;
        }
        catch (SandboxException)
        {
            return false;
        }
    }

    /// <summary>0, or the errno; a directory that exists is an error.</summary>
    int CreateDirectory(string path);

    /// <summary>0, or the errno.</summary>
    int RemoveDirectory(string path);

    void Kill(int processId);
}
