using System.Net;
using System.Net.Sockets;
using SandboxHost.Connections;

namespace SandboxHost.Isolation.Egress;

/// <summary>
/// One connection of a worker's to a site port: what it sends goes to the host's public server, to the port of the same
/// number and nowhere else, byte for byte.
/// </summary>
internal sealed class SiteConnection(Socket client, IPEndPoint server, WorkerEgress worker)
{
    private static readonly TimeSpan DialLimit = TimeSpan.FromSeconds(10);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        client.NoDelay = true;
        using var socket = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        UnsentLimit.Set(socket);
        using (var limit = new CancellationTokenSource(DialLimit, worker.Context.Time))
        using (var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken))
        {
            await socket.ConnectAsync(server, either.Token);
        }

        worker.Counters.Connected();
        using var relay = new Relay(worker.Context.Time, cancellationToken);
        await Task.WhenAll(relay.PumpAsync(client, socket, UpAsync), relay.PumpAsync(socket, client, DownAsync));
    }

    // Nothing of it leaves the host, so the site's rates have nothing to do with it.
    private ValueTask UpAsync(int bytes, CancellationToken cancellationToken)
    {
        worker.Counters.Up(bytes);
        return ValueTask.CompletedTask;
    }

    private ValueTask DownAsync(int bytes, CancellationToken cancellationToken)
    {
        worker.Counters.Down(bytes);
        return ValueTask.CompletedTask;
    }
}
