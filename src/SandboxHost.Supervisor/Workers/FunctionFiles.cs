namespace SandboxHost.Supervisor.Workers;

/// <summary>Places a function's files where its worker sees them.</summary>
internal static class FunctionFiles
{
    private const UnixFileMode Readable = (UnixFileMode)0b110_100_100;
    private const UnixFileMode Enterable = (UnixFileMode)0b111_101_101;

    /// <summary>
    /// Copies everything below the artifact directory. On file systems that can, a copy shares its blocks with the
    /// original (copy_file_range), so a large bundle costs no second time on disk.
    /// </summary>
    public static void Place(string artifactDirectory, string functionDirectory)
    {
        foreach (var directory in Directory.EnumerateDirectories(artifactDirectory, "*", SearchOption.AllDirectories))
        {
            CreateDirectory(Path.Combine(functionDirectory, Path.GetRelativePath(artifactDirectory, directory)));
        }

        foreach (var file in Directory.EnumerateFiles(artifactDirectory, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(functionDirectory, Path.GetRelativePath(artifactDirectory, file));
            File.Copy(file, target, overwrite: false);
            MakeReadable(target, Readable);
        }
    }

    public static void CreateDirectory(string path) => MakeReadable(Directory.CreateDirectory(path).FullName, Enterable);

    public static void Write(string path, byte[] bytes)
    {
        File.WriteAllBytes(path, bytes);
        MakeReadable(path, Readable);
    }

    // The worker has a uid of its own, and the host's umask may be strict.
    private static void MakeReadable(string path, UnixFileMode mode)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, mode);
        }
    }
}
