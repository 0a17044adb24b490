using System.Net;
using System.Net.Sockets;

namespace SandboxHost.Isolation.Egress;

/// <summary>
/// One connection of a worker's to a site port: what it sends goes to the host's public server, to the port of the same
/// number and nowhere else, byte for byte.
/// </summary>
internal sealed class SiteConnection(Socket client, IPEndPoint server, EgressContext context)
{
    private static readonly TimeSpan DialLimit = TimeSpan.FromSeconds(10);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        client.NoDelay = true;
        using var socket = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using (var limit = new CancellationTokenSource(DialLimit, context.Time))
        using (var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken))
        {
            await socket.ConnectAsync(server, either.Token);
        }

        context.Counters.Connected();
        using var relay = new Relay(context.Time, cancellationToken);
        await Task.WhenAll(relay.PumpAsync(client, socket, context.Counters.Up), relay.PumpAsync(socket, client, context.Counters.Down));
    }
}
