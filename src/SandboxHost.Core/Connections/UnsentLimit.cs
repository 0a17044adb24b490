using System.Net.Sockets;

namespace SandboxHost.Connections;

/// <summary>
/// How much waits in the kernel to be sent over one TCP connection, before its sender has to wait. What the other end does
/// not read stays with whoever made it: otherwise the kernel takes 4 MB for each connection (tcp_wmem), and 600 that nobody
/// reads take all the memory that it has for TCP on a machine of 24 GB (tcp_mem), of which every tenant needs some.
/// </summary>
public static class UnsentLimit
{
    /// <summary>
    /// What is under way and not acknowledged does not count, so that a fast connection far away is not slower for it.
    /// 128 KiB, as large web servers use.
    /// </summary>
    private const int Bytes = 128 * 1024;

    private const int Tcp = 6;
    private const int NotSentLowWaterMark = 25;

    /// <summary>Sets TCP_NOTSENT_LOWAT (tcp(7)), on Linux. A socket that listens hands it on to its connections.</summary>
    public static void Set(Socket socket)
    {
        if (OperatingSystem.IsLinux())
        {
            socket.SetRawSocketOption(Tcp, NotSentLowWaterMark, BitConverter.GetBytes(Bytes));
        }
    }
}
