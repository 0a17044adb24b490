using System.Net.Sockets;
using System.Text;

namespace SandboxHost.TestKit;

/// <summary>HTTP/1.1 by hand: sends exactly what a test says and shows exactly what comes back.</summary>
public sealed class RawClient : IDisposable
{
    private readonly Socket _socket;
    private readonly StringBuilder _unread = new();

    private RawClient(Socket socket) => _socket = socket;

    public static async Task<RawClient> ConnectAsync(int port, int? receiveBuffer = null)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (receiveBuffer is { } size)
        {
            socket.ReceiveBufferSize = size;
        }

        await socket.ConnectAsync("127.0.0.1", port);
        return new RawClient(socket);
    }

    public async Task SendAsync(string text) => await _socket.SendAsync(Encoding.Latin1.GetBytes(text));

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await _socket.SendAsync(bytes)..];
        }
    }

    /// <summary>Everything up to and with the given text; what follows stays unread.</summary>
    public async Task<string> ReadUntilAsync(string end)
    {
        while (true)
        {
            var text = _unread.ToString();
            var index = text.IndexOf(end, StringComparison.Ordinal);
            if (index >= 0)
            {
                _unread.Clear().Append(text.AsSpan(index + end.Length));
                return text[..(index + end.Length)];
            }

            if (!await FillAsync())
            {
                throw new EndOfStreamException($"The connection ended before '{end}'. It said: {text}");
            }
        }
    }

    /// <summary>Everything until the other side closes or resets.</summary>
    public async Task<string> ReadToEndAsync()
    {
        try
        {
            while (await FillAsync())
            {
            }
        }
        catch (SocketException ex) when (ex.SocketErrorCode == SocketError.ConnectionReset)
        {
            // An aborted response.
        }

        return _unread.ToString();
    }

    /// <summary>Reads at most this many bytes and forgets them.</summary>
    public async Task<int> SkipAsync(int atMost) => await _socket.ReceiveAsync(new byte[atMost]);

    public void Dispose() => _socket.Dispose();

    private async Task<bool> FillAsync()
    {
        var buffer = new byte[16 * 1024];
        var read = await _socket.ReceiveAsync(buffer);
        _unread.Append(Encoding.Latin1.GetString(buffer, 0, read));
        return read > 0;
    }
}
