using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using SandboxHost.Egress;

namespace SandboxHost.Isolation.Egress.Names;

/// <summary>
/// The only name server that a worker has. The host's resolver finds out; names and addresses are judged as connections
/// are, so a name that leads to private addresses only has none. Of types there are A and AAAA.
/// </summary>
internal sealed class NameServer(WorkerEgress worker)
{
    private const int MaxQueryBytes = 1232, AtATime = 16;
    private const double QueriesPerSecond = 200;
    private const int QueryBurst = 400;
    private static readonly TimeSpan LookupLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan StreamIdleLimit = TimeSpan.FromSeconds(10);

    private readonly TokenBucket _queries = new(QueriesPerSecond, QueryBurst, worker.Context.Time);
    private int _answering;

    /// <summary>
    /// Answers datagrams until it is cancelled. It reads no faster than a function may ask: what a flood sends meanwhile
    /// is dropped by the kernel, at the cost of who sends it.
    /// </summary>
    public async Task ServeAsync(Socket socket, CancellationToken cancellationToken)
    {
        var buffer = new byte[MaxQueryBytes];
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                // Before, so that what cannot be read is no faster.
                await PaceAsync(cancellationToken);
                var from = new SocketAddress(AddressFamily.InterNetwork);
                var length = await socket.ReceiveFromAsync(buffer, SocketFlags.None, from, cancellationToken);
                _ = ReplyAsync(socket, buffer.AsSpan(0, length).ToArray(), from, cancellationToken);
            }
            catch (SocketException e) when (!cancellationToken.IsCancellationRequested)
            {
                worker.Context.Logger.EgressConnectionFailed(worker.Context.Sandbox, e);
            }
        }
    }

    /// <summary>Answers queries on a connection, each behind its length (RFC 1035, 4.2.2), until the client is done or quiet.</summary>
    public async Task ServeStreamAsync(Socket client, CancellationToken cancellationToken)
    {
        var buffer = new byte[2 + MaxQueryBytes];
        while (true)
        {
            using var idle = new CancellationTokenSource(StreamIdleLimit, worker.Context.Time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(idle.Token, cancellationToken);
            if (!await FillAsync(client, buffer.AsMemory(0, 2), either.Token))
            {
                return;
            }

            var length = BinaryPrimitives.ReadUInt16BigEndian(buffer);
            if (length > MaxQueryBytes || !await FillAsync(client, buffer.AsMemory(2, length), either.Token))
            {
                return;
            }

            await PaceAsync(cancellationToken);
            if (await AnswerAsync(buffer.AsMemory(2, length), isStream: true, cancellationToken) is not { } reply)
            {
                return;
            }

            var framed = new byte[2 + reply.Length];
            BinaryPrimitives.WriteUInt16BigEndian(framed, (ushort)reply.Length);
            reply.CopyTo(framed, 2);
            await Relay.SendAllAsync(client, framed, either.Token);
        }
    }

    /// <summary>The reply to a message; null: it gets none.</summary>
    public async Task<byte[]?> AnswerAsync(ReadOnlyMemory<byte> message, bool isStream, CancellationToken cancellationToken)
    {
        if (DnsQuery.Parse(message.Span, out var refusal) is not { } query)
        {
            return refusal;
        }

        if (query.Type is not (DnsQuery.TypeA or DnsQuery.TypeAaaa))
        {
            return query.Answer(DnsCode.NotImplemented);
        }

        var maxReply = isStream ? DnsQuery.MostReply : query.MaxReply;
        if (query.Name is EgressPolicy.HostName)
        {
            return query.Answer([EgressPolicy.HostAddress], Seconds, maxReply);
        }

        // RFC 6761: never anybody else's. The sandbox's own hosts file has those that there are.
        if (query.Name is "localhost" || query.Name.EndsWith(".localhost", StringComparison.Ordinal))
        {
            return query.Answer(DnsCode.NoSuchName);
        }

        using var limit = new CancellationTokenSource(LookupLimit, worker.Context.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var found = await worker.FindAsync(query.Name, null, either.Token);
        if (found.Rule is { } rule)
        {
            return query.Answer(await RefuseAsync(query.Name, rule));
        }

        if (found.Failure is { } failure)
        {
            return query.Answer(failure.SocketErrorCode is SocketError.HostNotFound or SocketError.NoData ? DnsCode.NoSuchName : DnsCode.ServerFailure);
        }

        var usable = found.Addresses.Where(address => address.AddressFamily == AddressFamily.InterNetwork || HasIpv6()).ToArray();
        worker.HandOut(query.Name, usable.Select(EgressPolicy.Plain));
        return query.Answer(usable, Seconds, maxReply);
    }

    private static uint Seconds => (uint)SiteEgress.NamesKeptFor.TotalSeconds;

    private async Task<DnsCode> RefuseAsync(string name, string rule)
    {
        if (LimitName.IsLimit(rule))
        {
            await worker.TurnAwayAsync(rule);
            return DnsCode.ServerFailure;
        }

        await worker.RefuseAsync(name, null, rule);
        return DnsCode.NoSuchName;
    }

    // Inside, every address takes a connection, so a program would stay with one that the host cannot dial.
    private bool HasIpv6() => worker.Context.Own.Read().Any(
        address => address is { AddressFamily: AddressFamily.InterNetworkV6, IsIPv6LinkLocal: false } && !IPAddress.IsLoopback(address));

    private async Task ReplyAsync(Socket socket, byte[] message, SocketAddress to, CancellationToken cancellationToken)
    {
        try
        {
            if (Interlocked.Increment(ref _answering) <= AtATime && await AnswerAsync(message, isStream: false, cancellationToken) is { } reply)
            {
                await socket.SendToAsync(reply, SocketFlags.None, to, cancellationToken);
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The client hears nothing and asks again; the server stays.
            worker.Context.Logger.EgressConnectionFailed(worker.Context.Sandbox, e);
        }
        finally
        {
            Interlocked.Decrement(ref _answering);
        }
    }

    private async ValueTask PaceAsync(CancellationToken cancellationToken)
    {
        if (_queries.Take(1) is { Ticks: > 0 } wait)
        {
            await Task.Delay(wait, worker.Context.Time, cancellationToken);
        }
    }

    private static async Task<bool> FillAsync(Socket socket, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        while (buffer.Length > 0)
        {
            var read = await socket.ReceiveAsync(buffer, cancellationToken);
            if (read == 0)
            {
                return false;
            }

            buffer = buffer[read..];
        }

        return true;
    }
}
