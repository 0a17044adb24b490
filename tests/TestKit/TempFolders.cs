[assembly: AssemblyFixture(typeof(SandboxHost.TestKit.NoLeftovers))]

namespace SandboxHost.TestKit;

/// <summary>
/// Gives the test run a temp folder of its own and fails the run when something is left in it: whoever makes a temp file,
/// a test or the code under test, removes it.
/// </summary>
public sealed class NoLeftovers : IDisposable
{
    private readonly string? _before = Environment.GetEnvironmentVariable("TMPDIR");
    private readonly string _directory = Directory.CreateTempSubdirectory("sandboxhost-tests-").FullName;

    public NoLeftovers()
    {
        // As open as the real one: workers have uids of their own, and some tests run a host that is not root.
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(_directory, (UnixFileMode)0b001_111_111_111);
        }

        Environment.SetEnvironmentVariable("TMPDIR", _directory);
    }

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("TMPDIR", _before);
        // Processes that a test kills leave the sockets of their runtime's diagnostics.
        var left = Directory.EnumerateFileSystemEntries(_directory).Select(path => Path.GetFileName(path))
            .Where(name => !name.StartsWith("dotnet-diagnostic-", StringComparison.Ordinal) && !name.StartsWith("clr-debug-pipe-", StringComparison.Ordinal))
            .ToList();
        Directory.Delete(_directory, recursive: true);
        Assert.True(left.Count == 0, $"Tests left these behind in the temp folder: {string.Join(", ", left)}");
    }
}

/// <summary>A folder that goes when the test ends.</summary>
public sealed class TempFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("test-").FullName;

    public string File(string relative) => System.IO.Path.Combine(Path, relative);

    /// <summary>Writes a file, with its directories, and returns its absolute path.</summary>
    public string Write(string relative, string text)
    {
        var file = File(relative);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(file)!);
        System.IO.File.WriteAllText(file, text);
        return file;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
