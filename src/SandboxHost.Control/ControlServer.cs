using System.Net.Sockets;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using SandboxHost.Deployments;
using SandboxHost.Events;
using SandboxHost.Runs;

namespace SandboxHost.Control;

/// <summary>What the control API needs of its host.</summary>
public sealed record ControlContext(IRunStore Runs, IScheduleStore Schedules, RunQueue Queue, PlatformEvents Events, SnapshotSource Snapshots, TimeProvider Clock)
{
    /// <summary>Schedules of deploys that are not published tick, too.</summary>
    public bool TicksUnpublished { get; init; }
}

/// <summary>Serves the control API on a Unix socket that only the host's own user may open.</summary>
public sealed class ControlServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly string _path;

    private ControlServer(WebApplication app, string path)
    {
        _app = app;
        _path = path;
    }

    /// <param name="path">A dead host's socket at this place is replaced; a live host's is not.</param>
    /// <exception cref="IOException">Somebody listens there.</exception>
    public static async Task<ControlServer> StartAsync(string path, ControlContext context, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ControlSocket.RemoveIfDead(path);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(loggers);
        builder.Services.AddSingleton(context);
        builder.Services.AddRoutingCore();
        builder.Services.AddGrpc(options => options.Interceptors.Add<StoreErrors>());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            // Not ListenUnixSocket, which takes no relative path.
            kestrel.Listen(new UnixDomainSocketEndPoint(ControlSocket.Shorten(path)), listen => listen.Protocols = HttpProtocols.Http2);
        });
        var app = builder.Build();
        app.UseRouting();
        app.MapGrpcService<RunsEndpoint>();
        app.MapGrpcService<SchedulesEndpoint>();
        app.MapGrpcService<EventsEndpoint>();
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }

        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        return new ControlServer(app, path);
    }

    public async ValueTask DisposeAsync()
    {
        using var atOnce = new CancellationTokenSource();
        await atOnce.CancelAsync();
        await _app.StopAsync(atOnce.Token);
        await _app.DisposeAsync();
        File.Delete(_path);
    }

    /// <summary>A store that fails is the host's trouble and passes; the caller is told so.</summary>
    private sealed class StoreErrors : Interceptor
    {
        public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
            TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
        {
            try
            {
                return await continuation(request, context);
            }
            catch (RunStoreException ex)
            {
                throw new RpcException(new Status(StatusCode.Unavailable, $"The store failed: {ex.Message}"));
            }
        }
    }
}
