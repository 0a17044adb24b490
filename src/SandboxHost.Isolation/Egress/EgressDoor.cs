using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Egress;

/// <summary>A socket that listens inside of the worker's network namespace.</summary>
/// <param name="Site">Where its connections go; null: to the proxy.</param>
internal readonly record struct DoorListener(Socket Socket, IPEndPoint? Site = null);

/// <summary>
/// The only way out of a sandbox: an HTTP proxy that listens inside the worker's network namespace and dials from the
/// host's, and beside it the site ports, which lead to the host's public server. One bound and one count for all of it.
/// Disposing closes every connection.
/// </summary>
internal sealed class EgressDoor : IAsyncDisposable
{
    public static readonly int ProxyPort = new Uri(SandboxLayout.EgressProxy).Port;

    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(100);
    private readonly IReadOnlyList<DoorListener> _listeners;
    private readonly EgressContext _context;
    private readonly int _maxConnections;
    private readonly CancellationTokenSource _closing = new();
    private readonly ConcurrentDictionary<Socket, Task> _connections = new();
    private readonly Task _accepting;
    private int _open;
    private int _told;

    public EgressDoor(IReadOnlyList<DoorListener> listeners, EgressContext context, int maxConnections)
    {
        _listeners = listeners;
        _context = context;
        _maxConnections = maxConnections;
        _accepting = Task.WhenAll(listeners.Select(AcceptAsync));
    }

    /// <exception cref="SandboxException">A step failed; the message names it.</exception>
    public static EgressDoor Open(int processId, EgressContext context, EgressOptions options)
    {
        var wanted = new List<(IPEndPoint Inside, IPEndPoint? Site)> { (new IPEndPoint(IPAddress.Loopback, ProxyPort), null) };
        if (options.Sites is { } sites)
        {
            // Whatever localhost means to a client: some try the one address first, some the other, some only one.
            foreach (var site in sites.Ports.Select(port => new IPEndPoint(sites.Address, port)))
            {
                wanted.Add((new IPEndPoint(IPAddress.Loopback, site.Port), site));
                wanted.Add((new IPEndPoint(IPAddress.IPv6Loopback, site.Port), site));
            }
        }

        var sockets = NamespaceListener.Open(processId, [.. wanted.Select(one => one.Inside)]);
        var listeners = sockets.Zip(wanted).Where(pair => pair.First is not null).Select(pair => new DoorListener(pair.First!, pair.Second.Site));
        return new EgressDoor([.. listeners], context, options.MaxConnections);
    }

    public int OpenConnections => _connections.Count;

    public EgressUsage ReadUsage() => _context.Counters.Read();

    /// <summary>Stops accepting and ends what runs, without waiting for it.</summary>
    public void Close()
    {
        // Never disposed: it has no timer, and a door may be closed more than once.
        _closing.Cancel();
        foreach (var listener in _listeners)
        {
            listener.Socket.Dispose();
        }
    }

    public async ValueTask DisposeAsync()
    {
        Close();
        await _accepting;
        await Task.WhenAll(_connections.Values);
    }

    private async Task AcceptAsync(DoorListener listener)
    {
        // Away from the constructor's thread before anything happens.
        await Task.Yield();
        while (!_closing.IsCancellationRequested)
        {
            try
            {
                Serve(await listener.Socket.AcceptAsync(_closing.Token), listener.Site);
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

    private void Serve(Socket client, IPEndPoint? site)
    {
        if (Interlocked.Increment(ref _open) > _maxConnections)
        {
            Interlocked.Decrement(ref _open);
            Turn(client, site);
            return;
        }

        // Added before it runs, so that its end finds itself to remove.
        var start = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _connections[client] = ServeAsync(client, site, start.Task);
        start.SetResult();
    }

    private async Task ServeAsync(Socket client, IPEndPoint? site, Task start)
    {
        await start;
        try
        {
            await (site is null
                ? new EgressConnection(client, _context).RunAsync(_closing.Token)
                : new SiteConnection(client, site, _context).RunAsync(_closing.Token));
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
            Interlocked.Decrement(ref _open);
        }
    }

    // Best effort and without waiting: a worker that opens too many connections gets none of the host's time.
    private void Turn(Socket client, IPEndPoint? site)
    {
        _context.Counters.Refused();
        using (client)
        {
            if (site is null)
            {
                client.Blocking = false;
                _ = client.Send(ProxyAnswer.TooMany(_maxConnections), SocketFlags.None, out _);
            }
        }

        // A site port speaks whatever the public server speaks there, so the client cannot be told; the author can, once.
        if (Interlocked.Exchange(ref _told, 1) == 0)
        {
            _ = TellTurnedAsync();
        }
    }

    private async Task TellTurnedAsync()
    {
        try
        {
            await _context.TellAsync($"The egress door turned a connection away: a worker may have {_maxConnections} at a time. (Said once.)");
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            _context.Logger.EgressConnectionFailed(_context.Sandbox, e);
        }
    }
}
