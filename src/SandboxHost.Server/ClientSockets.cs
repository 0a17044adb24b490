using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace SandboxHost.Server;

/// <summary>
/// The sockets that listen for clients. What a client does not read stays with its function: otherwise the
/// kernel takes 4 MB for each client that does not read (tcp_wmem), and 600 of them all the memory that it has for
/// TCP on a machine of 24 GB (tcp_mem), of which every tenant needs some.
/// </summary>
internal static class ClientSockets
{
    private const int Tcp = 6;
    private const int NotSentLowWaterMark = 25;

    /// <summary>
    /// Bytes that wait in the kernel to be sent; what is under way and not acknowledged does not count, so that a fast
    /// connection far away is not slower for it. 128 KiB, as large web servers use.
    /// </summary>
    private const int NotSent = 128 * 1024;

    /// <summary>Kestrel's own socket, with TCP_NOTSENT_LOWAT, which connections have from it (tcp(7), Linux).</summary>
    public static Socket Bind(EndPoint endpoint)
    {
        var socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
        if (OperatingSystem.IsLinux())
        {
            socket.SetRawSocketOption(Tcp, NotSentLowWaterMark, BitConverter.GetBytes(NotSent));
        }

        return socket;
    }
}
