using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using SandboxHost.Connections;
using SandboxHost.Gateway;

namespace SandboxHost.Server;

/// <summary>Where the host listens for the outside.</summary>
public sealed record ListenOptions
{
    /// <summary>Default: loopback only.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>HTTP/1.1. 0 picks a free port.</summary>
    public int Port { get; init; } = 8888;

    /// <summary>HTTP/2 without TLS, for clients that know (RFC 9113 §3.3). Null: none.</summary>
    public int? Http2Port { get; init; }

    /// <summary>HTTP/1.1 and HTTP/2 with TLS. Null: none.</summary>
    public int? TlsPort { get; init; }

    /// <summary>PEM files, for <see cref="TlsPort"/>.</summary>
    public (string Certificate, string Key)? TlsFiles { get; init; }

    /// <summary>Open connections; one more is closed at once. Default 10000.</summary>
    public int MaxConnections { get; init; } = 10_000;
}

/// <summary>The server that clients talk to: Kestrel with nothing between it and the pipeline.</summary>
public sealed class PublicServer : IAsyncDisposable
{
    private static readonly TimeSpan HeadTime = TimeSpan.FromSeconds(10);

    private readonly WebApplication _app;

    private PublicServer(WebApplication app) => _app = app;

    /// <summary>The addresses it listens at, with the ports that were picked.</summary>
    public IReadOnlyCollection<string> Addresses =>
        [.. _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses];

    /// <exception cref="IOException">A port is taken.</exception>
    public static async Task<PublicServer> StartAsync(
        ListenOptions options, FunctionPipeline pipeline, TimeProvider clock, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(pipeline);
        // A line ends with CR LF and with nothing else, so that nobody in front can see other lines than we do (RFC 9112 §2.2
        // leaves the choice). Kestrel has no option for it.
        AppContext.SetSwitch("Microsoft.AspNetCore.Server.Kestrel.DisableHttp1LineFeedTerminators", true);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(loggers);
        builder.WebHost.UseKestrelCore().UseSockets(Configure).ConfigureKestrel(kestrel => Configure(kestrel, options));
        // Kestrel asks the factory that was added last.
        builder.Services.AddSingleton<SocketTransportFactory>();
        builder.Services.AddSingleton<IConnectionListenerFactory>(services => new PatientListenerFactory(services.GetRequiredService<SocketTransportFactory>(), clock, loggers));
        if (options.TlsPort is not null)
        {
            builder.WebHost.UseKestrelHttpsConfiguration();
        }

        var app = builder.Build();
        app.Run(pipeline.HandleAsync);
        try
        {
            await app.StartAsync(cancellationToken);
            return new PublicServer(app);
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
    }

    /// <summary>Takes no new connection and lets running requests finish, for as long as the token allows.</summary>
    public async Task StopAsync(CancellationToken cancellationToken) => await _app.StopAsync(cancellationToken);

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private static void Configure(SocketTransportOptions sockets)
    {
        // Saves a system call a request (measured: a fifth more requests a second) for 4 KiB a connection.
        sockets.WaitForDataBeforeAllocatingBuffer = false;
        sockets.CreateBoundListenSocket = endpoint =>
        {
            var socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
            UnsentLimit.Set(socket);
            return socket;
        };
    }

    private static void Configure(KestrelServerOptions kestrel, ListenOptions options)
    {
        kestrel.AddServerHeader = false;
        kestrel.AllowSynchronousIO = false;
        // A header value is bytes (RFC 9110 §5.5); Latin-1 keeps each of them, in both directions.
        kestrel.RequestHeaderEncodingSelector = static name =>
            name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase) ? DigitsEncoding.Instance : Encoding.Latin1;
        kestrel.ResponseHeaderEncodingSelector = static _ => Encoding.Latin1;
        // Each function has its own limit; the body is counted as it streams.
        kestrel.Limits.MaxRequestBodySize = null;
        // A body may come as slowly as its function has time for: that limit holds, not a rate.
        kestrel.Limits.MinRequestBodyDataRate = null;
        // Of a head that dribbles in; nobody leases a worker for it meanwhile.
        kestrel.Limits.RequestHeadersTimeout = HeadTime;
        kestrel.Limits.MaxRequestLineSize = 16 * 1024;
        kestrel.Limits.MaxRequestHeadersTotalSize = 32 * 1024;
        kestrel.Limits.MaxConcurrentConnections = options.MaxConnections;
        kestrel.Listen(options.Address, options.Port, listen => listen.Protocols = HttpProtocols.Http1);
        if (options.Http2Port is { } http2)
        {
            kestrel.Listen(options.Address, http2, listen => listen.Protocols = HttpProtocols.Http2);
        }

        if (options.TlsPort is { } tls)
        {
            var (certificate, key) = options.TlsFiles ?? throw new InvalidOperationException("TLS needs a certificate and a key.");
            kestrel.Listen(options.Address, tls, listen =>
            {
                listen.Protocols = HttpProtocols.Http1AndHttp2;
                listen.UseHttps(X509Certificate2.CreateFromPemFile(certificate, key));
            });
        }
    }
}
