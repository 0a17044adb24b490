using System.Runtime.Versioning;

namespace SandboxHost.Isolation.Linux;

/// <summary>The modes that the instance's files and directories get.</summary>
[SupportedOSPlatform("linux")]
internal static class FileModes
{
    /// <summary>0700.</summary>
    public const UnixFileMode DirectoryOfOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>0711: others may pass through, but not look.</summary>
    public const UnixFileMode DirectoryPassable = DirectoryOfOwner | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>0755.</summary>
    public const UnixFileMode DirectoryReadableByAll = DirectoryPassable | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>0600.</summary>
    public const UnixFileMode FileOfOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>0644.</summary>
    public const UnixFileMode FileReadableByAll = FileOfOwner | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Makes a directory with exactly this mode, whatever the host's umask takes away.</summary>
    public static void MakeDirectory(string path, UnixFileMode mode)
    {
        Directory.CreateDirectory(path, mode);
        File.SetUnixFileMode(path, mode);
    }
}
