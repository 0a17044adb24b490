using System.Collections.Concurrent;
using System.Net.Sockets;

namespace SandboxHost.Isolation.Egress;

/// <summary>
/// The only way out of a sandbox: an HTTP proxy that listens inside the worker's network namespace and dials from the
/// host's. Disposing closes every connection.
/// </summary>
internal sealed class EgressDoor : IAsyncDisposable
{
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

    public EgressUsage ReadUsage() => _context.Counters.Read();

    /// <summary>Stops accepting and ends what runs, without waiting for it.</summary>
    public void Close()
    {
        _closing.Cancel();
        _listener.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        Close();
        await _accepting;
        await Task.WhenAll(_connections.Values);
        _closing.Dispose();
    }

    private async Task AcceptAsync()
    {
        // Away from the constructor's thread before anything happens.
        await Task.Yield();
        try
        {
            while (true)
            {
                var client = await _listener.AcceptAsync(_closing.Token);
                if (_connections.Count >= _maxConnections)
                {
                    Turn(client);
                    continue;
                }

                // Added before it runs, so that its end finds itself to remove.
                var start = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _connections[client] = ServeAsync(client, start.Task);
                start.SetResult();
            }
        }
        catch (Exception e) when (_closing.IsCancellationRequested && e is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // Closed, as it should be in the end.
        }
        catch (SocketException e)
        {
            // Nothing to accept with any more; the worker sees refused connections, the rest of it goes on.
            _context.Logger.EgressStopped(_context.Sandbox, e);
        }
    }

    private async Task ServeAsync(Socket client, Task start)
    {
        await start;
        try
        {
            await new EgressConnection(client, _context).RunAsync(_closing.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Either side went away, or nothing moved for too long: its own business, not the host's.
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
