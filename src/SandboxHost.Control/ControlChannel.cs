using System.Net.Sockets;
using Grpc.Net.Client;

namespace SandboxHost.Control;

/// <summary>The way to the control API of a host.</summary>
public static class ControlChannel
{
    /// <param name="directory">The site folder that a host serves, or the directory in which it keeps its data.</param>
    /// <returns>Null when no host does.</returns>
    public static GrpcChannel? Open(string directory)
    {
        var path = new[] { ControlSocket.PathFor(directory), ControlSocket.InDataDirectory(directory) }.FirstOrDefault(ControlSocket.IsLive);
        if (path is null)
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
