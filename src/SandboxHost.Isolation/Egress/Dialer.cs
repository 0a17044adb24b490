using System.Net;
using System.Net.Sockets;
using SandboxHost.Connections;
using SandboxHost.Egress;

namespace SandboxHost.Isolation.Egress;

/// <summary>Dials addresses that were judged, one after the other.</summary>
internal static class Dialer
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <exception cref="SocketException">None of them took the connection; the last one's reason.</exception>
    public static async Task<Socket> DialAsync(IPAddress[] addresses, int port, CancellationToken cancellationToken)
    {
        SocketException? last = null;
        foreach (var address in addresses.Select(EgressPolicy.Plain))
        {
            Socket? socket = null;
            try
            {
                // The family may be missing altogether on this host, so making the socket can fail as well.
                socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                UnsentLimit.Set(socket);
                await socket.ConnectAsync(new IPEndPoint(address, port), cancellationToken);
                return socket;
            }
            catch (SocketException e)
            {
                socket?.Dispose();
                last = e;
            }
            catch
            {
                socket?.Dispose();
                throw;
            }
        }

        throw last ?? new SocketException((int)SocketError.HostNotFound);
    }
}
