using System.Collections.Concurrent;
using System.Net.Sockets;

namespace SandboxHost.Isolation.Egress;

/// <summary>
/// The only way out of a sandbox: an HTTP proxy that listens inside the worker's network namespace and dials from the
/// host's. Disposing closes every connection.
/// </summary>
internal sealed class EgressDoor : IAsyncDisposable
{
    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(100);
    private readonly Socket _listener;
    private readonly EgressContext _context;
    private readonly int _maxConnections;
    private readonly CancellationTokenSource _closing = new();
    private readonly ConcurrentDictionary<Socket, Task> _connections = new();
    private readonly Task _accepting;

    public EgressDoor(Socket listener, EgressContext context, int maxConnections)
    {
        _listener = listener;
        _context = context;
        _maxConnections = maxConnections;
        _accepting = AcceptAsync();
    }

    public static EgressDoor Open(int processId, EgressContext context, int maxConnections) =>
        new(NamespaceListener.Open(processId), context, maxConnections);

    public int OpenConnections => _connections.Count;

    public EgressUsage ReadUsage() => _context.Counters.Read();

    /// <summary>Stops accepting and ends what runs, without waiting for it.</summary>
    public void Close()
    {
        // Never disposed: it has no timer, and a door may be closed more than once.
        _closing.Cancel();
        _listener.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        Close();
        await _accepting;
        await Task.WhenAll(_connections.Values);
    }

    private async Task AcceptAsync()
    {
        // Away from the constructor's thread before anything happens.
        await Task.Yield();
        while (!_closing.IsCancellationRequested)
        {
            try
            {
                Serve(await _listener.AcceptAsync(_closing.Token));
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e) when (!_closing.IsCancellationRequested)
            {
                // The host is out of descriptors, or the worker hung up at once: neither is a reason to shut the door.
                _context.Logger.EgressAcceptFailed(_context.Sandbox, e);
                await PauseAsync();
            }
            catch (SocketException)
            {
                return;
            }
        }
    }

    private async Task PauseAsync()
    {
        try
        {
            await Task.Delay(AcceptPause, _context.Time, _closing.Token);
        }
        catch (OperationCanceledException)
        {
            // Closed meanwhile; the loop sees it.
        }
    }

    private void Serve(Socket client)
    {
        if (_connections.Count >= _maxConnections)
        {
            Turn(client);
            return;
        }

        // Added before it runs, so that its end finds itself to remove.
        var start = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _connections[client] = ServeAsync(client, start.Task);
        start.SetResult();
    }

    private async Task ServeAsync(Socket client, Task start)
    {
        await start;
        try
        {
            await new EgressConnection(client, _context).RunAsync(_closing.Token);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Either side went away, nothing moved for too long, or judging failed: this connection ends, the door stays.
            _context.Logger.EgressConnectionFailed(_context.Sandbox, e);
        }
        finally
        {
            client.Dispose();
            _connections.TryRemove(client, out _);
        }
    }

    // Best effort and without waiting: a worker that opens too many connections gets none of the host's time.
    private void Turn(Socket client)
    {
        _context.Counters.Refused();
        using (client)
        {
            client.Blocking = false;
            _ = client.Send(ProxyAnswer.TooMany(_maxConnections), SocketFlags.None, out _);
        }
    }
}
