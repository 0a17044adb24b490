using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using SandboxHost.Sandboxes;
using SandboxHost.Supervisor.Workers;

namespace SandboxHost.Supervisor.Transport;

/// <summary>
/// The server that workers dial: HTTP/2 on a Unix socket, apart from the public one, so that neither can be reached
/// through the other and each has limits of its own.
/// </summary>
internal sealed class WorkerLinkServer : IAsyncDisposable
{
    /// <summary>
    /// What a worker may send of one body before the host has taken it: four chunks, so that one is on its way to the client
    /// while the next ones come. Half as much makes one stream a fifth slower.
    /// </summary>
    private const int StreamWindow = 256 * 1024;

    /// <summary>Above the sum of what a worker's streams can hold, so that a stalled body never stops the session.</summary>
    private const int ConnectionWindow = 32 * 1024 * 1024;

    /// <summary>The session and two bodies for each of 63 invocations; a worker that has more open waits for its own.</summary>
    private const int StreamsPerConnection = ConnectionWindow / StreamWindow - 1;

    private readonly WebApplication _app;

    private WorkerLinkServer(WebApplication app) => _app = app;

    /// <summary>Listens at <see cref="SandboxLayout.LinkAddressFor"/> the given directory, which must exist.</summary>
    public static async Task<WorkerLinkServer> StartAsync(
        string directory, WorkerDirectory workers, SupervisorLogger logger, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var path = Path.Combine(directory, SandboxLayout.SocketName);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(loggers);
        builder.Services.AddSingleton(new WorkerLinkService(workers, logger));
        builder.Services.AddRoutingCore();
        builder.Services.AddGrpc(options =>
        {
            options.MaxReceiveMessageSize = FrameWriter.MaxMessageBytes + 1024;
            options.MaxSendMessageSize = FrameWriter.MaxMessageBytes + 1024;
            options.IgnoreUnknownServices = false;
            // gRPC bounds a message as it arrives, and not what it unfolds to: 256 KiB of it could become as many megabytes.
            options.CompressionProviders.Clear();
        });
        // One connection a worker, nearly always with something to say: waiting without a buffer costs a system call a read.
        builder.WebHost.UseKestrelCore().UseSockets(sockets => sockets.WaitForDataBeforeAllocatingBuffer = false).ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.Http2.InitialStreamWindowSize = StreamWindow;
            kestrel.Limits.Http2.InitialConnectionWindowSize = ConnectionWindow;
            kestrel.Limits.Http2.MaxStreamsPerConnection = StreamsPerConnection;
            kestrel.Limits.Http2.MaxFrameSize = 64 * 1024;
            kestrel.Limits.MaxConcurrentConnections = null;
            void Admit(ListenOptions listen)
            {
                listen.Protocols = HttpProtocols.Http2;
                listen.Use(next => connection => AdmitAsync(connection, next, workers));
            }

            if (OperatingSystem.IsWindows())
            {
                kestrel.ListenNamedPipe(SandboxLayout.PipeNameFor(directory), Admit);
            }
            else
            {
                kestrel.ListenUnixSocket(path, Admit);
            }
        });
        if (OperatingSystem.IsWindows())
        {
            // Only for the host's own user, which is the default and said here all the same.
            builder.WebHost.UseNamedPipes(pipes => pipes.CurrentUserOnly = true);
        }

        var app = builder.Build();
        app.UseRouting();
        app.MapGrpcService<WorkerLinkService>();
        await app.StartAsync(cancellationToken);

        // Who may speak is decided by the peer's uid, not by the file's mode; a worker only needs to reach it.
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, (UnixFileMode)0b110_110_110);
        }

        return new WorkerLinkServer(app);
    }

    public async ValueTask DisposeAsync()
    {
        using var atOnce = new CancellationTokenSource();
        await atOnce.CancelAsync();
        await _app.StopAsync(atOnce.Token);
        await _app.DisposeAsync();
    }

    private static async Task AdmitAsync(ConnectionContext connection, ConnectionDelegate next, WorkerDirectory workers)
    {
        PeerCredentials peer;
        try
        {
            // Who is at the other end of a pipe is not looked at: it is the host's own user, and the token says which worker.
            peer = OperatingSystem.IsWindows()
                ? new PeerCredentials(0, 0)
                : PeerCredentials.Read(connection.Features.GetRequiredFeature<IConnectionSocketFeature>().Socket);
        }
        catch (Exception ex) when (ex is System.Net.Sockets.SocketException or ObjectDisposedException)
        {
            // It dialled while the host was stopping, and is gone again.
            connection.Abort();
            return;
        }

        if (!workers.TryConnect(peer))
        {
            connection.Abort();
            return;
        }

        connection.Items[PeerCredentials.ItemKey] = peer;
        try
        {
            await next(connection);
        }
        finally
        {
            workers.OnDisconnected(peer);
        }
    }
}
