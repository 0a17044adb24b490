using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using SandboxHost.Deployments;
using SandboxHost.Output;
using SandboxHost.Supervisor.Inspection;

namespace SandboxHost.Server;

/// <summary>
/// The one port for debuggers: lists every function as a target of Node's inspector (GET /json/list), and passes a
/// WebSocket at /FUNCTION, or /SITE/FUNCTION when there are several sites, on to that function's worker. Addresses stay the
/// same when a function is reloaded, so that a debugger finds its way back.
/// </summary>
/// <remarks>
/// Loopback only. Because a target's address can be guessed, a web page must not get in: requests whose Host is a name
/// other than localhost (DNS rebinding), or whose Origin is a web page's, are refused.
/// </remarks>
public sealed class InspectorServer : IAsyncDisposable
{
    private const int MaxHandshakeBytes = 4096;

    private readonly SnapshotSource _snapshots;
    private readonly WorkerInspectors _inspectors;
    private readonly ILogSink _output;
    private readonly WebApplication _app;

    private InspectorServer(SnapshotSource snapshots, WorkerInspectors inspectors, ILogSink output, WebApplication app)
    {
        _snapshots = snapshots;
        _inspectors = inspectors;
        _output = output;
        _app = app;
    }

    /// <summary>127.0.0.1:PORT.</summary>
    public string Address => new Uri(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Authority;

    /// <param name="port">0 picks a free one.</param>
    /// <exception cref="IOException">The port is taken.</exception>
    public static async Task<InspectorServer> StartAsync(
        int port, SnapshotSource snapshots, WorkerInspectors inspectors, ILogSink output, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(loggers);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentUpgradedConnections = 100;
            kestrel.Listen(IPAddress.Loopback, port);
        });
        var app = builder.Build();
        var server = new InspectorServer(snapshots, inspectors, output, app);
        app.Run(server.HandleAsync);
        try
        {
            await app.StartAsync(cancellationToken);
            return server;
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var atOnce = new CancellationTokenSource();
        await atOnce.CancelAsync();
        await _app.StopAsync(atOnce.Token);
        await _app.DisposeAsync();
    }

    private async Task HandleAsync(HttpContext context)
    {
        if (IsFromWebPage(context.Request))
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            return;
        }

        if (context.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true } upgrade)
        {
            await AttachAsync(context, upgrade);
            return;
        }

        object? reply = context.Request.Path.Value switch
        {
            "/json" or "/json/list" => List(context.Request.Host.Value ?? Address),
            "/json/version" => new Dictionary<string, string> { ["Browser"] = "node.js/v24", ["Protocol-Version"] = "1.1" },
            _ => null,
        };
        if (reply is null)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        var body = JsonSerializer.SerializeToUtf8Bytes(reply);
        context.Response.ContentType = "application/json; charset=UTF-8";
        context.Response.ContentLength = body.Length;
        await context.Response.BodyWriter.WriteAsync(body, context.RequestAborted);
    }

    /// <summary>The targets, in the words of Node's own list.</summary>
    private List<Dictionary<string, string>> List(string host) => [.. Targets().Select(target => new Dictionary<string, string>
    {
        ["description"] = $"function {target.Function.Name} of {target.Function.Site.Name}",
        ["devtoolsFrontendUrl"] = $"devtools://devtools/bundled/js_app.html?experiments=true&v8only=true&ws={host}{target.Path}",
        ["id"] = target.Path[1..],
        ["title"] = target.Path[1..],
        ["type"] = "node",
        ["url"] = new Uri(Path.Combine(target.Function.ArtifactDirectory, target.Function.Entry)).AbsoluteUri,
        ["webSocketDebuggerUrl"] = $"ws://{host}{target.Path}",
    })];

    private IEnumerable<(string Path, FunctionVersion Function)> Targets()
    {
        var sites = _snapshots.Current.Sites;
        return
            from site in sites
            from function in site.Functions
            where function.BuildError is null
            select (sites.Count == 1 ? $"/{function.Name}" : $"/{site.Identity.Name}/{function.Name}", function);
    }

    private async Task AttachAsync(HttpContext context, IHttpUpgradeFeature upgrade)
    {
        var target = Targets().FirstOrDefault(target => target.Path == context.Request.Path.Value);
        var key = context.Request.Headers.SecWebSocketKey.ToString();
        if (target.Function is null || key.Length == 0)
        {
            context.Response.StatusCode = target.Function is null ? StatusCodes.Status404NotFound : StatusCodes.Status400BadRequest;
            return;
        }

        var (connection, error) = await _inspectors.ConnectAsync(target.Function, context.RequestAborted);
        if (connection is null)
        {
            // Debuggers show a status at best; the developer looks at the console.
            var reason = error!.Thrown is { } thrown ? $"{thrown.Type}: {thrown.Message}" : error.Message;
            _output.Write(new OutputLine(target.Function, null, OutputLevel.Error, $"A debugger could not attach: {reason}"));
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return;
        }

        await using (connection)
        {
            if (await ShakeHandsAsync(connection, key, context.RequestAborted) is not { } accept)
            {
                context.Response.StatusCode = StatusCodes.Status502BadGateway;
                return;
            }

            context.Response.Headers.Upgrade = "websocket";
            context.Response.Headers.SecWebSocketAccept = accept;
            await using var debugger = await upgrade.UpgradeAsync();
            await PipeAsync(debugger, connection);
        }
    }

    /// <summary>Asks the inspector for a WebSocket in the debugger's name. Without extensions: the inspector has none.</summary>
    /// <returns>Its Sec-WebSocket-Accept; null when it refused.</returns>
    private static async Task<string?> ShakeHandsAsync(InspectorConnection connection, string key, CancellationToken cancellationToken)
    {
        const string Accept = "sec-websocket-accept:";
        var request = $"GET {connection.Path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n";
        await connection.Stream.WriteAsync(Encoding.ASCII.GetBytes(request), cancellationToken);

        // A byte at a time, so that nothing of what follows the head is taken; it is short, and there is one a debugger.
        var head = new StringBuilder();
        var next = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (head.Length == MaxHandshakeBytes || await connection.Stream.ReadAsync(next, cancellationToken) == 0)
            {
                return null;
            }

            head.Append((char)next[0]);
        }

        var lines = head.ToString().Split("\r\n");
        var accept = lines.FirstOrDefault(line => line.StartsWith(Accept, StringComparison.OrdinalIgnoreCase));
        return lines[0].StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal) ? accept?[Accept.Length..].Trim() : null;
    }

    /// <summary>Until either side hangs up, or the worker is about to go.</summary>
    private static async Task PipeAsync(Stream debugger, InspectorConnection connection)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(connection.Detached);
        var up = CopyAsync(debugger, connection.Stream, over.Token);
        var down = CopyAsync(connection.Stream, debugger, over.Token);
        await Task.WhenAny(up, down);
        await over.CancelAsync();
        await connection.Stream.DisposeAsync();
        await Task.WhenAll(up, down);
    }

    private static async Task CopyAsync(Stream from, Stream to, CancellationToken over)
    {
        try
        {
            await from.CopyToAsync(to, over);
        }
        catch (Exception ex) when (ex is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // One of the two hung up, which is how it ends.
        }
    }

    // Debuggers send no Origin, or one of their own scheme; browsers send the page's with every WebSocket.
    private static bool IsFromWebPage(HttpRequest request)
    {
        var host = request.Host.Host;
        var isLocal = IPAddress.TryParse(host, out _) || string.Equals(host, "localhost", StringComparison.OrdinalIgnoreCase);
        return !isLocal || request.Headers.Origin.Any(origin => origin is not null
            && !origin.StartsWith("devtools://", StringComparison.OrdinalIgnoreCase)
            && !origin.StartsWith("vscode-", StringComparison.OrdinalIgnoreCase));
    }
}
