using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace SandboxHost.Chaos.Load;

/// <summary>
/// Counts the answers that came over the wire, by the id in their heads, below the HTTP client: a second answer to a request
/// would be thrown away there before anybody saw it.
/// </summary>
internal sealed class WireTally
{
    private static readonly byte[] Marker = Encoding.ASCII.GetBytes(LoadAnswer.IdHeader + ": ");

    private readonly ConcurrentDictionary<string, int> _answers = new(StringComparer.Ordinal);

    /// <summary>How many answers each id had.</summary>
    public IReadOnlyDictionary<string, int> AnswersById() => _answers.ToDictionary(StringComparer.Ordinal);

    /// <summary>Set: clients keep to the connections that they have. What is due waits for one of them and not for a new one.</summary>
    public bool ConnectsNoMore { get; set; }

    public SocketsHttpHandler NewHandler() => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        ConnectCallback = async (context, cancellationToken) =>
        {
            if (ConnectsNoMore)
            {
                await Task.Delay(Timeout.Infinite, cancellationToken);
            }

            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, context.DnsEndPoint.Port, cancellationToken);
                return new ReadStream(this, socket);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        },
    };

    /// <summary>Finds ids in what one connection receives; they may lie across two reads.</summary>
    private sealed class ReadStream(WireTally tally, Socket socket) : NetworkStream(socket, ownsSocket: true)
    {
        private readonly List<byte> _unfinished = [];

        public override int Read(Span<byte> buffer)
        {
            var count = base.Read(buffer);
            Look(buffer[..count]);
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var count = await base.ReadAsync(buffer, cancellationToken);
            Look(buffer.Span[..count]);
            return count;
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                LookAtTheRest();
            }

            base.Dispose(disposing);
        }

        // What came after the last answer that the client wanted.
        private void LookAtTheRest()
        {
            try
            {
                var rest = new byte[4096];
                while (Socket.Available > 0 && Socket.Receive(rest) is > 0 and var count)
                {
                    Look(rest.AsSpan(0, count));
                }
            }
            catch (Exception ex) when (ex is SocketException or ObjectDisposedException)
            {
                // It was reset, or closed before.
            }
        }

        private void Look(ReadOnlySpan<byte> received)
        {
            _unfinished.AddRange(received);
            var bytes = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_unfinished);
            var done = 0;
            while (bytes[done..].IndexOf(Marker) is >= 0 and var at)
            {
                var from = done + at + Marker.Length;
                var length = bytes[from..].IndexOf((byte)'\r');
                if (length < 0)
                {
                    _unfinished.RemoveRange(0, done + at);
                    return;
                }

                tally._answers.AddOrUpdate(Encoding.ASCII.GetString(bytes.Slice(from, length)), 1, (_, count) => count + 1);
                done = from + length;
            }

            // As much as may be the beginning of a marker.
            _unfinished.RemoveRange(0, Math.Max(done, bytes.Length - Marker.Length));
        }
    }
}
