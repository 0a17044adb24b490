using System.Buffers.Binary;
using System.Net.Sockets;

namespace SandboxHost.Supervisor.Transport;

/// <summary>Who is at the other end of a Unix socket, as the kernel knows it (unix(7), SO_PEERCRED).</summary>
/// <param name="ProcessId">In the host's pid namespace.</param>
/// <param name="Uid">In the host's user namespace.</param>
internal sealed record PeerCredentials(int ProcessId, uint Uid)
{
    /// <summary>Key of the connection's items.</summary>
    public static readonly object ItemKey = new();

    private const int SolSocket = 1;
    private const int SoPeerCred = 17;

    public static PeerCredentials Read(Socket socket)
    {
        Span<byte> ucred = stackalloc byte[12];
        socket.GetRawSocketOption(SolSocket, SoPeerCred, ucred);
        return new PeerCredentials(
            BinaryPrimitives.ReadInt32LittleEndian(ucred),
            BinaryPrimitives.ReadUInt32LittleEndian(ucred[4..]));
    }
}
