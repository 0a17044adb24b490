using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using SandboxHost.Deployments;
using SandboxHost.Egress;
using SandboxHost.Events;
using SandboxHost.Gateway.Redirects;
using SandboxHost.Output;
using SandboxHost.Routing;
using SandboxHost.Routing.Rules;
using SandboxHost.Runs;
using SandboxHost.Storage;

namespace SandboxHost.Gateway.Tests;

/// <summary>The pipeline behind a real Kestrel on a free loopback port, set up as the server sets it up.</summary>
internal sealed class GatewayHost : IAsyncDisposable, ILogSink
{
    private readonly SnapshotSource _snapshots = new();
    private readonly TempFolder _folder = new();
    private readonly SqliteDatabase _database;
    private readonly RewriteProxy _proxy;
    private readonly WebApplication _app;

    private GatewayHost(TimeProvider clock, SiteSnapshot site, RewriteProxyOptions proxyOptions)
    {
        Functions = site.Functions;
        _snapshots.Publish(new HostSnapshot([site]));
        _database = SqliteDatabase.Open(_folder.File("state.db"), maxBytes: 16 * FunctionLimits.Megabyte);
        Runs = new SqliteRunStore(_database);
        var queue = new RunQueue(Runs) { MaxWaiting = 3 };
        _proxy = new RewriteProxy(proxyOptions, this, clock);
        var pipeline = new FunctionPipeline(
            _snapshots, Invoker, this, clock, new BackgroundCalls(queue, this, clock), new PlatformEvents(queue, Invoker, this, clock), _proxy);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.RequestHeaderEncodingSelector = static _ => Encoding.Latin1;
            kestrel.ResponseHeaderEncodingSelector = static _ => Encoding.Latin1;
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1);
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
        });
        _app = builder.Build();
        _app.Run(pipeline.HandleAsync);
    }

    public FakeInvoker Invoker { get; } = new();

    /// <summary>What background calls are stored in; nobody runs them here.</summary>
    public IRunStore Runs { get; }

    public IReadOnlyList<FunctionVersion> Functions { get; }

    public ConcurrentQueue<OutputLine> Output { get; } = new();

    public HttpClient Client { get; private set; } = null!;

    public Uri Address { get; private set; } = null!;

    public Uri Http2Address { get; private set; } = null!;

    public static FunctionVersion Function(string name, FunctionKind kind = FunctionKind.Http, params string[] paths) => Make(name, kind, paths);

    public static FunctionVersion Make(
        string name, FunctionKind kind, string[] paths, RateLimitRule? rateLimit = null, string? schedule = null, string deployContext = "dev") => new()
        {
            Site = new SiteIdentity("1", "site", "http://localhost", "2"),
            Deploy = new DeployIdentity("0", deployContext, Published: deployContext == "production"),
            RateLimit = rateLimit,
            Schedule = schedule,
            Name = name,
            Kind = kind,
            Runtime = "node",
            ArtifactDirectory = "/nowhere",
            Entry = name + ".mjs",
            Routes = [.. paths.Select(path => new FunctionRoute(RoutePattern.TryParse(path, out var pattern, out _) ? pattern : throw new InvalidOperationException(path), []))],
            Environment = new Dictionary<string, string>(),
            Limits = FunctionLimits.Default with { RequestBytes = 1000, BackgroundBytes = 2 * FunctionLimits.Megabyte },
            ShowErrors = name.StartsWith("shown", StringComparison.Ordinal),
        };

    /// <summary>With one function for every path, unless the test brings others.</summary>
    public static async Task<GatewayHost> StartAsync(params FunctionVersion[] functions) => await StartAsync(TimeProvider.System, functions);

    public static async Task<GatewayHost> StartAsync(TimeProvider clock, params FunctionVersion[] functions) =>
        await StartAsync(clock, SiteOf(functions.Length > 0 ? functions : [Function("all", FunctionKind.Http, "/*")]), new RewriteProxyOptions());

    public static SiteSnapshot SiteOf(
        IReadOnlyList<FunctionVersion> functions, PublishedFiles? files = null, RedirectTable? redirects = null, HeaderTable? headers = null, string? eventSecret = null,
        EgressPolicy? egress = null) => new()
        {
            Identity = new SiteIdentity("1", "site", "http://localhost", "2"),
            HostNames = ["one.example", "two.example"],
            Functions = functions,
            Routes = new RouteTable(functions),
            Files = files,
            Redirects = redirects ?? RedirectTable.Empty,
            Headers = headers ?? HeaderTable.Empty,
            EventSecret = eventSecret,
            Egress = egress ?? EgressPolicy.Internet,
        };

    public static async Task<GatewayHost> StartAsync(TimeProvider clock, SiteSnapshot site, RewriteProxyOptions proxyOptions)
    {
        var host = new GatewayHost(clock, site, proxyOptions);
        await host._app.StartAsync(TestContext.Current.CancellationToken);
        Uri[] addresses = [.. host._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Select(address => new Uri(address))];
        host.Address = addresses[0];
        host.Http2Address = addresses[1];
        host.Client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false }) { BaseAddress = host.Address };
        return host;
    }

    /// <summary>The site has these functions from now on.</summary>
    public void Publish(params FunctionVersion[] functions) => _snapshots.Publish(new HostSnapshot([new SiteSnapshot
    {
        Identity = functions[0].Site,
        HostNames = ["one.example", "two.example"],
        Functions = functions,
        Routes = new RouteTable(functions),
    }]));

    /// <summary>The site is this one from now on.</summary>
    public void Publish(SiteSnapshot site) => _snapshots.Publish(new HostSnapshot([site]));

    public Task<RawClient> ConnectAsync() => RawClient.ConnectAsync(Address);

    /// <summary>From now on the store takes nothing.</summary>
    public async Task BreakStoreAsync() => await _database.DisposeAsync();

    public void Write(in OutputLine line) => Output.Enqueue(line);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
        await _proxy.DisposeAsync();
        await BreakStoreAsync();
        _folder.Dispose();
    }
}
