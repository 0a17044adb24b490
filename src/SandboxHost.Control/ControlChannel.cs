using System.Net.Sockets;
using Grpc.Net.Client;

namespace SandboxHost.Control;

/// <summary>The way to the control API of the host that serves a site folder.</summary>
public static class ControlChannel
{
    /// <returns>Null when no host serves the folder.</returns>
    public static GrpcChannel? Open(string siteDirectory)
    {
        var path = ControlSocket.PathFor(siteDirectory);
        if (!ControlSocket.IsLive(path))
        {
            return null;
        }

        var endpoint = new UnixDomainSocketEndPoint(ControlSocket.Shorten(path));
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await socket.ConnectAsync(endpoint, cancellationToken);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
        };

        // The name goes nowhere: the connection is made above.
        return GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
    }
}
