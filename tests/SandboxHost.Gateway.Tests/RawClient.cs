using System.Net.Sockets;
using System.Text;

namespace SandboxHost.Gateway.Tests;

/// <summary>Bytes to a server and back: for what no well-behaved client sends, and for what such a client hides.</summary>
internal sealed class RawClient : IDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly StringBuilder _received = new();

    private RawClient()
    {
    }

    public static async Task<RawClient> ConnectAsync(Uri address)
    {
        var client = new RawClient();
        await client._socket.ConnectAsync(address.Host, address.Port, TestContext.Current.CancellationToken);
        return client;
    }

    /// <summary>Sends a head, or a head and a body; one character is one byte.</summary>
    public async Task SendAsync(string text) =>
        await _socket.SendAsync(Encoding.Latin1.GetBytes(text.ReplaceLineEndings("\r\n")), TestContext.Current.CancellationToken);

    /// <summary>Everything until the text is in it.</summary>
    public async Task<string> ReceiveUntilAsync(string text)
    {
        while (!_received.ToString().Contains(text, StringComparison.Ordinal))
        {
            Assert.True(await ReceiveAsync(), $"The connection ended before '{text}': {_received}");
        }

        return _received.ToString();
    }

    /// <summary>Everything until the server ends the connection, in order or with a reset.</summary>
    public async Task<string> ReceiveToEndAsync()
    {
        while (await ReceiveAsync())
        {
        }

        return _received.ToString();
    }

    /// <summary>Ends the connection at once, as when a program dies.</summary>
    public void Reset()
    {
        _socket.LingerState = new LingerOption(enable: true, seconds: 0);
        _socket.Dispose();
    }

    public void Dispose() => _socket.Dispose();

    private async Task<bool> ReceiveAsync()
    {
        var buffer = new byte[4096];
        try
        {
            var count = await _socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken);
            _received.Append(Encoding.Latin1.GetString(buffer, 0, count));
            return count > 0;
        }
        catch (SocketException ex) when (ex.SocketErrorCode is SocketError.ConnectionReset)
        {
            return false;
        }
    }
}
