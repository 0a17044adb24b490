using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using SandboxHost.Isolation;

namespace SandboxHost.Server;

/// <summary>
/// Kestrel's own sockets, which take no client while descriptors are scarce. Without it Kestrel takes them to the last one,
/// and then tries again at once and for ever, which costs a processor, and the process its life: see <see cref="DescriptorReserve"/>.
/// </summary>
internal sealed class PatientListenerFactory(IConnectionListenerFactory sockets, TimeProvider clock, ILoggerFactory loggers) : IConnectionListenerFactory
{
    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        new PatientListener(await sockets.BindAsync(endpoint, cancellationToken), clock, loggers.CreateLogger<PatientListener>());
}

/// <summary>One port.</summary>
internal sealed class PatientListener(IConnectionListener listener, TimeProvider clock, ILogger logger) : IConnectionListener
{
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(50);

    /// <summary>Between two lines of the log.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromMinutes(1);

    private readonly CancellationTokenSource _unbound = new();
    private long? _toldAt;

    public EndPoint EndPoint => listener.EndPoint;

    /// <returns>Null when the port was given up.</returns>
    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (DescriptorReserve.IsReached)
        {
            Tell();
            try
            {
                await Task.Delay(Rest, clock, _unbound.Token);
            }
            catch (OperationCanceledException)
            {
                return null;
            }
        }

        return await listener.AcceptAsync(cancellationToken);
    }

    public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        await _unbound.CancelAsync();
        await listener.UnbindAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await listener.DisposeAsync();
        _unbound.Dispose();
    }

    private void Tell()
    {
        if (_toldAt is not { } then || clock.GetElapsedTime(then) >= Silence)
        {
            _toldAt = clock.GetTimestamp();
            logger.ClientsWait();
        }
    }
}
