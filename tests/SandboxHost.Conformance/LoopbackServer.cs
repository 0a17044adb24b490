using System.Net;
using System.Text;

namespace SandboxHost.Conformance;

/// <summary>A tiny HTTP server of the test's own on the host's loopback.</summary>
public sealed class LoopbackServer : IDisposable
{
    private readonly System.Net.Sockets.TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly string _text;
    private int _connections;

    public LoopbackServer(string text)
    {
        _text = text;
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _ = ServeAsync();
    }

    public int Port { get; }

    /// <summary>How many connections it ever saw.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>The first bytes of the latest request, as text.</summary>
    public string LastRequest { get; private set; } = "";

    public void Dispose() => _listener.Dispose();

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                using var client = await _listener.AcceptTcpClientAsync();
                Interlocked.Increment(ref _connections);
                var stream = client.GetStream();
                var buffer = new byte[4096];
                LastRequest = Encoding.Latin1.GetString(buffer, 0, await stream.ReadAsync(buffer));
                await stream.WriteAsync(Encoding.ASCII.GetBytes(
                    $"HTTP/1.1 200 OK\r\ncontent-length: {_text.Length}\r\nconnection: close\r\n\r\n{_text}"));
            }
        }
        catch (Exception ex) when (ex is ObjectDisposedException or System.Net.Sockets.SocketException or IOException)
        {
            // Disposed, or a client that left.
        }
    }
}
