using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using SandboxHost.Egress;

namespace SandboxHost.Isolation.Egress;

/// <summary>What every connection of a door needs.</summary>
internal sealed record EgressContext(
    string Sandbox, EgressPolicy Policy, OwnAddresses Own, EgressCounters Counters, TimeProvider Time, ILogger Logger)
{
    /// <summary>Finds a name's addresses; the host's resolver, unless a test says otherwise.</summary>
    public Func<string, CancellationToken, Task<IPAddress[]>> Resolve { get; init; } = Dns.GetHostAddressesAsync;

    /// <summary>Tells the function's author, who otherwise only sees a connection that failed.</summary>
    public Func<string, Task> TellAsync { get; init; } = _ => Task.CompletedTask;
}

/// <summary>
/// One connection of a worker's to the door: (1) read the head, (2) resolve the name once, (3) judge every address,
/// (4) dial one that passed, (5) relay until both sides are done.
/// </summary>
internal sealed class EgressConnection(Socket client, EgressContext context)
{
    private const int MaxHeadBytes = 16 << 10;
    private const int MaxLingerBytes = 256 << 10;
    private static readonly TimeSpan LingerLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan HeadLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan DialLimit = TimeSpan.FromSeconds(10);

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
            server.NoDelay = true;
            context.Counters.Connected();
            await RelayAsync(request, server, surplus, cancellationToken);
        }
    }

    private async Task<(byte[]? Head, byte[] Surplus)> ReadHeadAsync(CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(HeadLimit, context.Time);
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
        using var limit = new CancellationTokenSource(DialLimit, context.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            var addresses = await ResolveAsync(request.Host, either.Token);
            var own = context.Own.Read();
            var judged = addresses.Select(address => (Address: address, Verdict: context.Policy.Judge(address, request.Port, own))).ToArray();
            var allowed = judged.Where(one => one.Verdict.IsAllowed).Select(one => one.Address).ToArray();
            if (allowed.Length == 0 && judged.Length > 0)
            {
                await RefuseAsync(request, judged[0].Verdict.Rule!, cancellationToken);
                return null;
            }

            return await DialAsync(allowed, request.Port, either.Token);
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

    // 2130706433, 0177.1 and 0x7f.1 are addresses too: whatever the resolver makes of a host is what gets judged.
    private Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken)
    {
        // Inside, localhost is the sandbox's own. This is the name for the host's; like any address it still has to be allowed.
        if (string.Equals(host, EgressOptions.HostName, StringComparison.OrdinalIgnoreCase))
        {
            return Task.FromResult(new[] { IPAddress.Loopback });
        }

        return IPAddress.TryParse(host, out var address) ? Task.FromResult(new[] { address }) : context.Resolve(host, cancellationToken);
    }

    private static async Task<Socket> DialAsync(IPAddress[] addresses, int port, CancellationToken cancellationToken)
    {
        SocketException? last = null;
        foreach (var address in addresses.Select(EgressPolicy.Plain))
        {
            Socket? socket = null;
            try
            {
                // The family may be missing altogether on this host, so making the socket can fail as well.
                socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
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

    private async Task RelayAsync(ProxyRequest request, Socket server, byte[] surplus, CancellationToken cancellationToken)
    {
        using var relay = new Relay(context.Time, cancellationToken);
        if (request.IsTunnel)
        {
            await client.SendAsync(ProxyAnswer.Established, relay.Token);
        }
        else
        {
            await Relay.SendAllAsync(server, request.Head, relay.Token);
        }

        var up = request.IsTunnel ? TunnelUpAsync(server, surplus, relay) : BodyUpAsync(request, server, surplus, relay);
        var down = relay.PumpAsync(server, client, context.Counters.Down);
        await Task.WhenAll(up, down);
    }

    private async Task TunnelUpAsync(Socket server, byte[] surplus, Relay relay)
    {
        await Relay.SendAllAsync(server, surplus, relay.Token);
        context.Counters.Up(surplus.Length);
        await relay.PumpAsync(client, server, context.Counters.Up);
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
                context.Counters.Up(body);
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
        context.Counters.Refused();
        context.Logger.EgressRefused(context.Sandbox, request.Host, request.Port, rule);
        await context.TellAsync(
            $"The egress door refused {request.Host}:{request.Port} ({rule}): functions reach the internet, and private addresses only where they are allowed.");
        await AnswerAsync(ProxyAnswer.Refused(request.Host, request.Port, rule), cancellationToken);
    }

    private async Task AnswerAsync(byte[] answer, CancellationToken cancellationToken)
    {
        await Relay.SendAllAsync(client, answer, cancellationToken);
        client.Shutdown(SocketShutdown.Send);

        // Closing with bytes unread would reset the connection and could take the answer with it, so they are read for a bit.
        using var limit = new CancellationTokenSource(LingerLimit, context.Time);
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
