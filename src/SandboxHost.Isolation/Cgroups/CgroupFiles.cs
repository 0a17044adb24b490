using System.Text;
using SandboxHost.Isolation.Linux;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Cgroups;

/// <summary>The kernel's own files.</summary>
internal sealed class CgroupFiles : ICgroupFiles
{
    public bool Exists(string path) => Path.Exists(path);

    public IReadOnlyCollection<string> Files(string directory) => Directory.Exists(directory)
        ? [.. Directory.EnumerateFiles(directory).Select(path => Path.GetFileName(path))]
        : [];

    public IReadOnlyCollection<string> Directories(string directory) => Directory.Exists(directory)
        ? Directory.GetDirectories(directory)
        : [];

    public string? TryRead(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public void Write(string path, string text)
    {
        try
        {
            // Opened as it is: File.WriteAllText would try to create what is not there.
            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            RandomAccess.Write(file, Encoding.ASCII.GetBytes(text), 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SandboxException($"cgroup: writing '{text}' to {path}: {e.Message}", e);
        }
    }

    public int CreateDirectory(string path) => LibC.MakeDirectory(path);

    public int RemoveDirectory(string path) => LibC.RemoveDirectory(path);

    public void Kill(int processId) => LibC.Kill(processId);
}
