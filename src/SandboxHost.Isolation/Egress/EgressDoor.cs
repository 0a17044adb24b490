using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using SandboxHost.Connections;
using SandboxHost.Egress;
using SandboxHost.Isolation.Egress.Names;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Egress;

/// <summary>What a socket of the door is for.</summary>
internal enum DoorKind
{
    /// <summary>The HTTP proxy.</summary>
    Proxy,

    /// <summary>A port of everywhere, for programs that know no proxy.</summary>
    Transparent,

    /// <summary>A port of the host's public server, at the sandbox's loopback.</summary>
    Site,

    /// <summary>The name server, over TCP.</summary>
    NameServer,

    /// <summary>The name server, over UDP.</summary>
    NameServerDatagrams,
}

/// <summary>A socket that listens inside of the worker's network namespace.</summary>
internal readonly record struct DoorListener(Socket Socket, DoorKind Kind);

/// <summary>
/// The only way out of a sandbox. It listens inside the worker's network namespace and dials from the host's: an HTTP proxy,
/// a name server, the TCP ports of everywhere, and the site ports, which lead to the host's public server. One bound and
/// one count for all of it. Disposing closes every connection.
/// </summary>
internal sealed class EgressDoor : IAsyncDisposable
{
    public const int NameServerPort = 53;
    public static readonly int ProxyPort = new Uri(SandboxLayout.EgressProxy).Port;

    private const double AcceptsPerSecond = 500;
    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(100);
    private readonly Lock _gate = new();
    private readonly List<DoorListener> _listeners = [];
    private readonly List<Task> _accepting = [];
    private readonly WorkerEgress _worker;
    private readonly NameServer _nameServer;
    private readonly EgressOptions _options;
    private readonly TokenBucket _accepts;
    private readonly CancellationTokenSource _closing = new();
    private readonly ConcurrentDictionary<Socket, Task> _connections = new();
    private int _open;

    public EgressDoor(IEnumerable<DoorListener> listeners, EgressContext context, EgressOptions options)
    {
        _worker = new WorkerEgress(context, options.Limits);
        _nameServer = new NameServer(_worker);
        _options = options;
        _accepts = new TokenBucket(AcceptsPerSecond, AcceptsPerSecond, context.Time);
        Serve(listeners);
    }

    /// <exception cref="SandboxException">A step failed; the message names it.</exception>
    public static EgressDoor Open(int processId, EgressContext context, EgressOptions options)
    {
        var loopback = IPAddress.Loopback;
        var wanted = new List<(WantedSocket Socket, DoorKind Kind)>
        {
            (new WantedSocket(new IPEndPoint(loopback, ProxyPort)), DoorKind.Proxy),
            (new WantedSocket(new IPEndPoint(loopback, NameServerPort)), DoorKind.NameServer),
            (new WantedSocket(new IPEndPoint(loopback, NameServerPort), IsDatagram: true), DoorKind.NameServerDatagrams),
        };
        wanted.AddRange(Transparent(options.TransparentPorts));

        // Whatever localhost means to a client: some try the one address first, some the other, some only one. A port that
        // is a transparent one as well is told apart when a connection comes.
        foreach (var port in (options.Sites?.Ports ?? []).Where(port => !options.TransparentPorts.Contains(port)))
        {
            wanted.Add((new WantedSocket(new IPEndPoint(loopback, port)), DoorKind.Site));
            wanted.Add((new WantedSocket(new IPEndPoint(IPAddress.IPv6Loopback, port)), DoorKind.Site));
        }

        return new EgressDoor(OpenInside(processId, wanted, everywhereIsLocal: true), context, options);
    }

    public int OpenConnections => _connections.Count;

    public EgressUsage ReadUsage() => _worker.Counters.Read();

    /// <summary>Says whose worker this is and what it may reach; until then it reaches nothing but the host's own server.</summary>
    public void Bind(string site, EgressPolicy policy) => _worker.Bind(site, policy);

    /// <summary>Opens ports that the site's policy has and the host's list has not.</summary>
    /// <exception cref="SandboxException">A step failed; the message names it.</exception>
    public void OpenPorts(int processId, IEnumerable<int> ports)
    {
        var wanted = Transparent(ports.Except(_options.TransparentPorts).Except(_options.Sites?.Ports ?? []).Where(EgressOptions.CanBeTransparent)).ToList();
        if (wanted.Count > 0)
        {
            Serve(OpenInside(processId, wanted, everywhereIsLocal: false));
        }
    }

    /// <summary>Stops accepting and ends what runs, without waiting for it.</summary>
    public void Close()
    {
        // Never disposed: it has no timer, and a door may be closed more than once.
        _closing.Cancel();
        _worker.Close();
        lock (_gate)
        {
            _listeners.ForEach(listener => listener.Socket.Dispose());
        }
    }

    public async ValueTask DisposeAsync()
    {
        Close();
        await Task.WhenAll(_accepting);
        await Task.WhenAll(_connections.Values);
    }

    private static IEnumerable<(WantedSocket Socket, DoorKind Kind)> Transparent(IEnumerable<int> ports)
    {
        // One socket takes both families, where there are two.
        var anywhere = Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any;
        return ports.Distinct().Select(port => (new WantedSocket(new IPEndPoint(anywhere, port)), DoorKind.Transparent));
    }

    private static IEnumerable<DoorListener> OpenInside(int processId, List<(WantedSocket Socket, DoorKind Kind)> wanted, bool everywhereIsLocal)
    {
        var sockets = NamespaceListener.Open(processId, [.. wanted.Select(one => one.Socket)], everywhereIsLocal);
        return sockets.Zip(wanted).Where(pair => pair.First is not null).Select(pair => new DoorListener(pair.First!, pair.Second.Kind));
    }

    private void Serve(IEnumerable<DoorListener> listeners)
    {
        lock (_gate)
        {
            foreach (var listener in listeners)
            {
                if (_closing.IsCancellationRequested)
                {
                    listener.Socket.Dispose();
                    continue;
                }

                _listeners.Add(listener);
                if (listener.Kind == DoorKind.NameServerDatagrams)
                {
                    _accepting.Add(AnswerDatagramsAsync(listener));
                    continue;
                }

                UnsentLimit.Set(listener.Socket);
                _accepting.Add(AcceptAsync(listener));
            }
        }
    }

    private async Task AnswerDatagramsAsync(DoorListener listener)
    {
        // Away from the constructor's thread before anything happens.
        await Task.Yield();
        try
        {
            await _nameServer.ServeAsync(listener.Socket, _closing.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // Closed.
        }
    }

    private async Task AcceptAsync(DoorListener listener)
    {
        await Task.Yield();
        while (!_closing.IsCancellationRequested)
        {
            try
            {
                // Nobody shuts the door for it: who knocks waits in the kernel.
                while (DescriptorReserve.IsReached && !_closing.IsCancellationRequested)
                {
                    await PauseAsync(AcceptPause);
                }

                var client = await listener.Socket.AcceptAsync(_closing.Token);
                Serve(client, KindOf(client, listener.Kind));

                // Turning connections away costs the host as well. What comes faster waits in the kernel, at the cost of who sends it.
                if (_accepts.Take(1) is { Ticks: > 0 } wait)
                {
                    await PauseAsync(wait);
                }
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e) when (!_closing.IsCancellationRequested)
            {
                // The worker hung up at once, or there was no descriptor in spite of the reserve: neither is a reason to shut the door.
                _worker.Context.Logger.EgressAcceptFailed(_worker.Context.Sandbox, e);
                await PauseAsync(AcceptPause);
            }
            catch (SocketException)
            {
                return;
            }
        }
    }

    private DoorKind KindOf(Socket client, DoorKind kind) =>
        kind == DoorKind.Transparent && _options.Sites is { } sites && client.LocalEndPoint is IPEndPoint end
        && sites.Ports.Contains(end.Port) && IPAddress.IsLoopback(EgressPolicy.Plain(end.Address))
            ? DoorKind.Site
            : kind;

    private async Task PauseAsync(TimeSpan time)
    {
        try
        {
            await Task.Delay(time, _worker.Context.Time, _closing.Token);
        }
        catch (OperationCanceledException)
        {
            // Closed meanwhile; the loop sees it.
        }
    }

    private void Serve(Socket client, DoorKind kind)
    {
        if (Interlocked.Increment(ref _open) > _options.Limits.MaxConnections)
        {
            Interlocked.Decrement(ref _open);
            Turn(client, kind, LimitName.Connections);
            return;
        }

        var isTooFast = kind is DoorKind.Proxy or DoorKind.Transparent && !_worker.TryConnect();
        if (isTooFast && kind == DoorKind.Transparent)
        {
            Interlocked.Decrement(ref _open);
            Turn(client, kind, LimitName.Rate);
            return;
        }

        // Added before it runs, so that its end finds itself to remove.
        var start = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _connections[client] = ServeAsync(client, kind, isTooFast, start.Task);
        start.SetResult();
    }

    private async Task ServeAsync(Socket client, DoorKind kind, bool isTooFast, Task start)
    {
        await start;
        try
        {
            await (kind switch
            {
                DoorKind.Proxy when isTooFast => new EgressConnection(client, _worker).TurnAwayAsync(LimitName.Rate, _closing.Token),
                DoorKind.Proxy => new EgressConnection(client, _worker).RunAsync(_closing.Token),
                DoorKind.Transparent => new TransparentConnection(client, _worker).RunAsync(_closing.Token),
                DoorKind.Site => new SiteConnection(client, ServerFor(client), _worker).RunAsync(_closing.Token),
                _ => _nameServer.ServeStreamAsync(client, _closing.Token),
            });
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Either side went away, nothing moved for too long, or judging failed: this connection ends, the door stays.
            _worker.Context.Logger.EgressConnectionFailed(_worker.Context.Sandbox, e);
        }
        finally
        {
            client.Dispose();
            _connections.TryRemove(client, out _);
            Interlocked.Decrement(ref _open);
        }
    }

    private IPEndPoint ServerFor(Socket client) => new(_options.Sites!.Address, ((IPEndPoint)client.LocalEndPoint!).Port);

    // Best effort and without waiting: a worker that opens too many connections gets none of the host's time.
    private void Turn(Socket client, DoorKind kind, string limit)
    {
        // Other clients than the proxy's speak something else and cannot be told; the author can.
        _ = TellTurnedAsync(limit);
        using (client)
        {
            if (kind == DoorKind.Proxy)
            {
                client.Blocking = false;
                _ = client.Send(ProxyAnswer.Busy(limit), SocketFlags.None, out _);
            }
            else
            {
                client.LingerState = new LingerOption(enable: true, seconds: 0);
            }
        }
    }

    private async Task TellTurnedAsync(string limit)
    {
        try
        {
            await _worker.TurnAwayAsync(limit);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            _worker.Context.Logger.EgressConnectionFailed(_worker.Context.Sandbox, e);
        }
    }
}
