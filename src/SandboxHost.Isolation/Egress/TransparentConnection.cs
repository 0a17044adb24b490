using System.Net;
using System.Net.Sockets;
using SandboxHost.Egress;

namespace SandboxHost.Isolation.Egress;

/// <summary>
/// One connection of a program that knows no proxy. Inside of a sandbox every address is local, so the door took it, and
/// the connection's own end says where it was meant to go. The program was told "connected" before that was judged; what
/// is refused or can't be reached shows as a reset.
/// </summary>
internal sealed class TransparentConnection(Socket client, WorkerEgress worker)
{
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        client.NoDelay = true;
        try
        {
            await ServeAsync(cancellationToken);
        }
        catch
        {
            // Never an orderly end for what was cut off.
            Reset();
            throw;
        }
    }

    private async Task ServeAsync(CancellationToken cancellationToken)
    {
        var meant = (IPEndPoint)client.LocalEndPoint!;
        var (address, port) = (EgressPolicy.Plain(meant.Address), meant.Port);
        var destination = worker.Find(address, port);
        if (destination.Rule is { } rule)
        {
            await worker.RefuseAsync(address.Equals(EgressPolicy.HostAddress) ? EgressPolicy.HostName : $"{address}", port, rule);
            Reset();
            return;
        }

        using var server = await DialAsync(destination.Addresses, port, cancellationToken);
        worker.Connected();
        using var relay = new Relay(worker.Context.Time, cancellationToken);
        await Task.WhenAll(relay.PumpAsync(client, server, worker.UpAsync), relay.PumpAsync(server, client, worker.DownAsync));
    }

    private async Task<Socket> DialAsync(IPAddress[] addresses, int port, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(Dialer.Limit, worker.Context.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        return await Dialer.DialAsync(addresses, port, either.Token);
    }

    private void Reset() => client.LingerState = new LingerOption(enable: true, seconds: 0);
}
