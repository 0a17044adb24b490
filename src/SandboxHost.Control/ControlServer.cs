using System.Net.Sockets;
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

    /// <summary>Null on a developer's machine, where nothing is deployed.</summary>
    public Deployer? Deployer { get; init; }
}

/// <summary>Serves the control API on a Unix socket that only the host's own user may open.</summary>
public sealed class ControlServer : IAsyncDisposable
{
    /// <summary>The list of a deploy's files is the largest.</summary>
    private const int MaxMessageBytes = 32 * 1024 * 1024;

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
        if (context.Deployer is not null)
        {
            builder.Services.AddSingleton(context.Deployer);
        }

        builder.Services.AddRoutingCore();
        builder.Services.AddGrpc(options =>
        {
            options.Interceptors.Add<ControlErrors>();
            options.MaxReceiveMessageSize = MaxMessageBytes;
        });
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
        if (context.Deployer is not null)
        {
            app.MapGrpcService<SitesEndpoint>();
            app.MapGrpcService<DeploysEndpoint>();
        }

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
}
