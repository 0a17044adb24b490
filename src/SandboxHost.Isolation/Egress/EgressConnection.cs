using System.Net.Sockets;

namespace SandboxHost.Isolation.Egress;

/// <summary>
/// One connection of a worker's to the door: (1) read the head, (2) resolve the name once, (3) judge every address,
/// (4) dial one that passed, (5) relay until both sides are done.
/// </summary>
internal sealed class EgressConnection(Socket client, WorkerEgress worker)
{
    private const int MaxHeadBytes = 16 << 10;
    private const int MaxLingerBytes = 256 << 10;
    private static readonly TimeSpan LingerLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan HeadLimit = TimeSpan.FromSeconds(10);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        client.NoDelay = true;
        var (head, surplus) = await ReadHeadAsync(cancellationToken);
        if (head is null)
        {
            return;
        }

        if (ProxyRequest.Parse(head, out var problem) is not { } request)
        {
            await AnswerAsync(ProxyAnswer.Malformed(problem), cancellationToken);
            return;
        }

        if (await ConnectAsync(request, cancellationToken) is not { } server)
        {
            return;
        }

        using (server)
        {
            worker.Connected();
            await RelayAsync(request, server, surplus, cancellationToken);
        }
    }

    /// <summary>Answers with a limit's name, whatever is asked.</summary>
    public async Task TurnAwayAsync(string limit, CancellationToken cancellationToken)
    {
        await worker.TurnAwayAsync(limit);
        await AnswerAsync(ProxyAnswer.Busy(limit), cancellationToken);
    }

    private async Task<(byte[]? Head, byte[] Surplus)> ReadHeadAsync(CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(HeadLimit, worker.Context.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var buffer = new byte[MaxHeadBytes];
        var length = 0;
        while (true)
        {
            var end = buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
            if (end >= 0)
            {
                return (buffer[..(end + 4)], buffer[(end + 4)..length]);
            }

            if (length == MaxHeadBytes)
            {
                await AnswerAsync(ProxyAnswer.Malformed($"the head is longer than {MaxHeadBytes} bytes"), cancellationToken);
                return (null, []);
            }

            int read;
            try
            {
                read = await client.ReceiveAsync(buffer.AsMemory(length), either.Token);
            }
            catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                await AnswerAsync(ProxyAnswer.Malformed($"no complete head within {HeadLimit.TotalSeconds} s"), cancellationToken);
                return (null, []);
            }

            if (read == 0)
            {
                return (null, []);
            }

            length += read;
        }
    }

    private async Task<Socket?> ConnectAsync(ProxyRequest request, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(Dialer.Limit, worker.Context.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            var destination = await worker.FindAsync(request.Host, request.Port, either.Token);
            if (destination.Rule is { } rule)
            {
                await RefuseAsync(request, rule, cancellationToken);
                return null;
            }

            return destination.Failure is null
                ? await Dialer.DialAsync(destination.Addresses, request.Port, either.Token)
                : throw destination.Failure;
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            await AnswerAsync(ProxyAnswer.TimedOut(request.Host, request.Port), cancellationToken);
            return null;
        }
        catch (SocketException e)
        {
            await AnswerAsync(ProxyAnswer.Unreachable(request.Host, request.Port, e.Message), cancellationToken);
            return null;
        }
    }

    private async Task RelayAsync(ProxyRequest request, Socket server, byte[] surplus, CancellationToken cancellationToken)
    {
        using var relay = new Relay(worker.Context.Time, cancellationToken);
        if (request.IsTunnel)
        {
            await client.SendAsync(ProxyAnswer.Established, relay.Token);
        }
        else
        {
            await Relay.SendAllAsync(server, request.Head, relay.Token);
        }

        var up = request.IsTunnel ? TunnelUpAsync(server, surplus, relay) : BodyUpAsync(request, server, surplus, relay);
        var down = relay.PumpAsync(server, client, worker.DownAsync);
        await Task.WhenAll(up, down);
    }

    private async Task TunnelUpAsync(Socket server, byte[] surplus, Relay relay)
    {
        await Relay.SendAllAsync(server, surplus, relay.Token);
        await worker.UpAsync(surplus.Length, relay.Token);
        await relay.PumpAsync(client, server, worker.UpAsync);
    }

    /// <summary>Passes on exactly one request's body. Anything after it would be a request that nobody judged, and ends the connection.</summary>
    private async Task BodyUpAsync(ProxyRequest request, Socket server, byte[] surplus, Relay relay)
    {
        try
        {
            var meter = new BodyMeter(request.Framing, request.BodyLength);
            var buffer = Relay.NewBuffer();
            surplus.CopyTo(buffer, 0);
            var read = surplus.Length;
            do
            {
                var body = meter.Take(buffer.AsSpan(0, read));
                await Relay.SendAllAsync(server, buffer.AsMemory(0, body), relay.Token);
                await worker.UpAsync(body, relay.Token);
                if (meter.IsBroken || body < read)
                {
                    await relay.BreakOffAsync();
                    return;
                }

                read = await client.ReceiveAsync(buffer, relay.Token);
                relay.Moved();
            }
            while (read > 0);

            server.Shutdown(SocketShutdown.Send);
        }
        catch
        {
            await relay.BreakOffAsync();
            throw;
        }
    }

    private async Task RefuseAsync(ProxyRequest request, string rule, CancellationToken cancellationToken)
    {
        // Limits on names pass by themselves; everything else stays refused.
        if (LimitName.IsLimit(rule))
        {
            await TurnAwayAsync(rule, cancellationToken);
            return;
        }

        await worker.RefuseAsync(request.Host, request.Port, rule);
        await AnswerAsync(ProxyAnswer.Refused(request.Host, request.Port, rule), cancellationToken);
    }

    private async Task AnswerAsync(byte[] answer, CancellationToken cancellationToken)
    {
        await Relay.SendAllAsync(client, answer, cancellationToken);
        client.Shutdown(SocketShutdown.Send);

        // Closing with bytes unread would reset the connection and could take the answer with it, so they are read for a bit.
        using var limit = new CancellationTokenSource(LingerLimit, worker.Context.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var buffer = new byte[4 << 10];
        for (var read = 0; read < MaxLingerBytes;)
        {
            var more = await client.ReceiveAsync(buffer, either.Token);
            if (more == 0)
            {
                return;
            }

            read += more;
        }
    }
}
