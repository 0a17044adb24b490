using System.Net.Sockets;

namespace SandboxHost.Isolation.Egress;

/// <summary>
/// Carries bytes between two sockets, both ways at a time. Over when both are done; broken off when one breaks, or when
/// nothing has moved for five minutes.
/// </summary>
internal sealed class Relay : IDisposable
{
    private const int BufferBytes = 64 << 10;
    private static readonly TimeSpan IdleLimit = TimeSpan.FromMinutes(5);
    private readonly CancellationTokenSource _idle;
    private readonly CancellationTokenSource _either;

    public Relay(TimeProvider time, CancellationToken cancellationToken)
    {
        _idle = new CancellationTokenSource(IdleLimit, time);
        _either = CancellationTokenSource.CreateLinkedTokenSource(_idle.Token, cancellationToken);
    }

    /// <summary>Cancelled when the relay is over before its time.</summary>
    public CancellationToken Token => _either.Token;

    public static byte[] NewBuffer() => new byte[BufferBytes];

    public static async Task SendAllAsync(Socket socket, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await socket.SendAsync(bytes, cancellationToken)..];
        }
    }

    /// <summary>Copies until the sender is done, then says so to the receiver; the other direction goes on by itself.</summary>
    /// <param name="passed">Told of bytes that arrived; the next are read when it is done.</param>
    public async Task PumpAsync(Socket from, Socket to, Func<int, CancellationToken, ValueTask> passed)
    {
        try
        {
            var buffer = NewBuffer();
            while (await from.ReceiveAsync(buffer, Token) is > 0 and var read)
            {
                Moved();
                await SendAllAsync(to, buffer.AsMemory(0, read), Token);
                await passed(read, Token);
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch
        {
            // One side broke: the other direction has nobody left to talk to.
            await BreakOffAsync();
            throw;
        }
    }

    public void Moved() => _idle.CancelAfter(IdleLimit);

    public Task BreakOffAsync() => _either.CancelAsync();

    public void Dispose()
    {
        _either.Dispose();
        _idle.Dispose();
    }
}
