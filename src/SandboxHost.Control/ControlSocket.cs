using System.Net.Sockets;

namespace SandboxHost.Control;

/// <summary>Where a host's control API is.</summary>
public static class ControlSocket
{
    /// <summary>A socket's path, its final zero included (unix(7), sun_path).</summary>
    private const int MaxPathBytes = 108;

    /// <summary>The socket of the host that serves a site folder.</summary>
    public static string PathFor(string siteDirectory) => Path.Combine(siteDirectory, ".sandboxhost", "control.sock");

    /// <summary>The socket of the host that keeps its data in a directory.</summary>
    public static string InDataDirectory(string directory) => Path.Combine(directory, "control.sock");

    /// <summary>
    /// A path that leads to the same place and is short enough for a socket. A folder may lie deep; from the working directory
    /// it may be near.
    /// </summary>
    /// <exception cref="IOException">There is none.</exception>
    public static string Shorten(string path)
    {
        var shortest = new[] { path, Path.GetRelativePath(Environment.CurrentDirectory, path) }.MinBy(System.Text.Encoding.UTF8.GetByteCount)!;
        return System.Text.Encoding.UTF8.GetByteCount(shortest) < MaxPathBytes
            ? shortest
            : throw new IOException($"{path} is too long for a socket: {MaxPathBytes - 1} bytes are possible. Start from within the folder.");
    }

    /// <summary>Whether a host listens there.</summary>
    public static bool IsLive(string path)
    {
        if (!File.Exists(path))
        {
            return false;
        }

        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(Shorten(path)));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    internal static void RemoveIfDead(string path)
    {
        if (IsLive(path))
        {
            throw new IOException($"Another host serves this folder: it listens at {path}.");
        }

        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.Delete(path);
    }
}
