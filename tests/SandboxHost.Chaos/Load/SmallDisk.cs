using System.Diagnostics;

namespace SandboxHost.Chaos.Load;

/// <summary>A small file system of the test's own at a folder, that can be filled and emptied. Gone when disposed.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly string _folder;
    private readonly string _filling;

    /// <param name="folder">Is made if it is not there.</param>
    public SmallDisk(string folder, int megabytes)
    {
        _folder = folder;
        _filling = Path.Combine(folder, "filling");
        Directory.CreateDirectory(folder);
        Run("mount", "-t", "tmpfs", "-o", $"size={megabytes}m,mode=1777", "sandboxhost-chaos", folder);
    }

    /// <summary>Not a byte is left.</summary>
    public void Fill()
    {
        var block = new byte[64 * 1024];
        for (var size = block.Length; size > 0; size /= 2)
        {
            try
            {
                using var file = new FileStream(_filling, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
                while (true)
                {
                    file.Write(block, 0, size);
                }
            }
            catch (IOException)
            {
                // Full, but for less than a block.
            }
        }
    }

    public void Empty() => File.Delete(_filling);

    public void Dispose() => Run("umount", _folder);

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, UseShellExecute = false })!;
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {errors}");
    }
}
