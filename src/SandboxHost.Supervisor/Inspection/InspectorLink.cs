using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Channels;
using SandboxHost.Sandboxes;
using SandboxHost.Supervisor.Transport;
using SandboxHost.Supervisor.Workers;

namespace SandboxHost.Supervisor.Inspection;

/// <summary>
/// Where workers offer a way to their inspector, for debuggers: a Unix socket beside that of the worker link, on a
/// developer's machine only. A worker keeps one connection waiting here; its first line is `TOKEN PATH`, and from the host's
/// first byte on it is a pipe to the inspector, whose WebSocket is at PATH.
/// </summary>
internal sealed class InspectorLink : IAsyncDisposable
{
    private const int MaxLineBytes = 256;

    /// <summary>Connections that have not said whose they are.</summary>
    private const int MaxUnknown = 64;

    private static readonly TimeSpan LineLimit = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Seat> _byToken = new(StringComparer.Ordinal);
    private readonly Dictionary<Worker, Seat> _byWorker = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly Socket _listener;
    private readonly BackgroundTasks _background;
    private readonly TimeProvider _clock;
    private int _unknown;

    public InspectorLink(string directory, BackgroundTasks background, TimeProvider clock)
    {
        _background = background;
        _clock = clock;
        var path = Path.Combine(directory, SandboxLayout.InspectorSocketName);
        _listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen(MaxUnknown);
        if (!OperatingSystem.IsWindows())
        {
            // As with the worker link: the peer's uid and its token decide, the worker only needs to reach it.
            File.SetUnixFileMode(path, (UnixFileMode)0b110_110_110);
        }

        background.Run(AcceptAsync);
    }

    /// <summary>Expects a worker's offers, and makes the token that they will have to show.</summary>
    public string Expect(Worker worker)
    {
        var token = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
        var seat = new Seat(worker, token);
        lock (_gate)
        {
            _byToken.Add(token, seat);
            _byWorker.Add(worker, seat);
        }

        return token;
    }

    /// <summary>A fresh connection to the worker's inspector.</summary>
    /// <exception cref="OperationCanceledException">None came in time, or the worker is gone.</exception>
    public async Task<InspectorConnection> TakeAsync(Worker worker, CancellationToken cancellationToken)
    {
        Seat? seat;
        lock (_gate)
        {
            _byWorker.TryGetValue(worker, out seat);
        }

        if (seat is null)
        {
            throw new OperationCanceledException("The worker is gone.");
        }

        try
        {
            var (socket, path) = await seat.Offers.Reader.ReadAsync(cancellationToken);
            return new InspectorConnection(new NetworkStream(socket, ownsSocket: true), path, seat.Detached.Token);
        }
        catch (ChannelClosedException ex)
        {
            throw new OperationCanceledException("The worker is gone.", ex);
        }
    }

    /// <summary>Sends the worker's debuggers away: a process that somebody debugs waits for them before it exits.</summary>
    public void Remove(Worker worker)
    {
        Seat? seat;
        lock (_gate)
        {
            if (!_byWorker.Remove(worker, out seat))
            {
                return;
            }

            _byToken.Remove(seat.Token);
        }

        seat.Offers.Writer.TryComplete();
        while (seat.Offers.Reader.TryRead(out var offer))
        {
            offer.Socket.Dispose();
        }

        // Not disposed: it has no timer, and connections still hold its token.
        seat.Detached.Cancel();
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        await Task.Yield();
        while (true)
        {
            Socket socket;
            try
            {
                socket = await _listener.AcceptAsync(_stopping.Token);
            }
            catch (Exception ex) when (ex is SocketException or ObjectDisposedException && _stopping.IsCancellationRequested)
            {
                return;
            }

            if (Interlocked.Increment(ref _unknown) > MaxUnknown)
            {
                Interlocked.Decrement(ref _unknown);
                socket.Dispose();
                continue;
            }

            _background.Run(() => AdmitAsync(socket));
        }
    }

    private async Task AdmitAsync(Socket socket)
    {
        var kept = false;
        try
        {
            var peer = PeerCredentials.Read(socket);
            using var limit = new CancellationTokenSource(LineLimit, _clock);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _stopping.Token);
            var words = (await ReadLineAsync(socket, either.Token)).Split(' ');
            Seat? seat = null;
            lock (_gate)
            {
                kept = words.Length == 2 && _byToken.TryGetValue(words[0], out seat) && seat.Worker.IsPeer(peer.Uid)
                    && seat.Offers.Writer.TryWrite(new Offer(socket, words[1]));
            }
        }
        catch (Exception ex) when (ex is SocketException or OperationCanceledException)
        {
            // It said nothing, or went away: no offer.
        }
        finally
        {
            Interlocked.Decrement(ref _unknown);
            if (!kept)
            {
                socket.Dispose();
            }
        }
    }

    // Byte by byte would be a system call each; the worker says nothing after the line until the host speaks.
    private static async Task<string> ReadLineAsync(Socket socket, CancellationToken cancellationToken)
    {
        var buffer = new byte[MaxLineBytes];
        var length = 0;
        while (length < buffer.Length)
        {
            var read = await socket.ReceiveAsync(buffer.AsMemory(length), cancellationToken);
            length += read;
            if (read == 0)
            {
                return "";
            }

            if (buffer[length - 1] == '\n')
            {
                return Encoding.ASCII.GetString(buffer, 0, length - 1);
            }
        }

        return "";
    }

    private readonly record struct Offer(Socket Socket, string Path);

    private sealed record Seat(Worker Worker, string Token)
    {
        /// <summary>One waits; a worker that offers more than it is asked for is turned away.</summary>
        public Channel<Offer> Offers { get; } = Channel.CreateBounded<Offer>(1);

        public CancellationTokenSource Detached { get; } = new();
    }
}
