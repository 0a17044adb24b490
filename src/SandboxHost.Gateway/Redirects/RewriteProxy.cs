using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using SandboxHost.Connections;
using SandboxHost.Deployments;
using SandboxHost.Egress;
using SandboxHost.Invocations;
using SandboxHost.Output;
using SandboxHost.Routing.Rules;
using Yarp.ReverseProxy.Forwarder;

namespace SandboxHost.Gateway.Redirects;

/// <summary>
/// Carries out rewrites to other hosts: the request goes there, and what comes back is the reply, both streamed. A site's
/// rewrites may go where its functions may.
/// </summary>
public sealed class RewriteProxy : IAsyncDisposable
{
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ConnectionLifetime = TimeSpan.FromMinutes(2);

    private readonly RewriteProxyOptions _options;
    private readonly ILogSink _output;
    private readonly TimeProvider _clock;
    private readonly ServiceProvider _services;
    private readonly IHttpForwarder _forwarder;

    // Connections are kept for the next request, so each policy has its own: one that a site's policy let through is not
    // there for another's. They go when the policy has gone with its site.
    private readonly ConditionalWeakTable<EgressPolicy, HttpMessageInvoker> _clients = [];

    public RewriteProxy(RewriteProxyOptions options, ILogSink output, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _output = output;
        _clock = clock;
        // The forwarder comes as a service only. What goes wrong is told by Tell, so it has no log.
        _services = new ServiceCollection().AddLogging().AddSingleton(clock).AddHttpForwarder().BuildServiceProvider();
        _forwarder = _services.GetRequiredService<IHttpForwarder>();
    }

    internal async Task ForwardAsync(HttpContext context, SiteSnapshot site, RedirectRule rule, string target, string requestId)
    {
        if (!Uri.TryCreate(target, UriKind.Absolute, out var address) || RewriteRequest.CameFromHere(context.Request))
        {
            await FailAsync(context, requestId, target, address is null ? "it is no address" : "this host sent the request here already: a loop");
            return;
        }

        // An upgrade would be a connection of its own kind, for which no limit holds.
        context.Features.Set<IHttpUpgradeFeature>(null);
        var error = await _forwarder.SendAsync(
            context,
            address.GetLeftPart(UriPartial.Authority),
            _clients.GetValue(site.Egress, NewClient),
            new ForwarderRequestConfig { ActivityTimeout = _options.Limit },
            new RewriteRequest(address, site, rule, requestId, _clock),
            context.RequestAborted);
        if (error == ForwarderError.None || context.RequestAborted.IsCancellationRequested)
        {
            return;
        }

        if (error == ForwarderError.RequestTimedOut && !context.Response.HasStarted)
        {
            Tell(requestId, target, $"no answer within {_options.Limit.TotalSeconds:0.###} s");
            await ErrorResponses.WriteAsync(
                context, new FunctionError(ErrorCode.ProxyTimeout, "The service behind this address did not answer in time."), requestId, showDetails: false);
            return;
        }

        await FailAsync(context, requestId, target, Reason(context.Features.Get<IForwarderErrorFeature>()?.Exception) ?? error.ToString());
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (_, client) in _clients)
        {
            client.Dispose();
        }

        await _services.DisposeAsync();
    }

    private async Task FailAsync(HttpContext context, string requestId, string target, string reason)
    {
        Tell(requestId, target, reason);
        if (context.Response.HasStarted)
        {
            context.Abort();
            return;
        }

        await ErrorResponses.WriteAsync(
            context, new FunctionError(ErrorCode.ProxyFailed, "The service behind this address can't be reached."), requestId, showDetails: false);
    }

    // Addresses are for who runs the site, not for who visits it.
    private void Tell(string requestId, string target, string reason) =>
        _output.Write(new OutputLine(null, requestId, OutputLevel.Error, $"A rewrite to {new Uri(target, UriKind.RelativeOrAbsolute)} failed: {reason}"));

    private static string? Reason(Exception? exception)
    {
        for (var cause = exception; cause is not null; cause = cause.InnerException)
        {
            if (cause is AddressRefusedException || cause.InnerException is null)
            {
                return cause.Message;
            }
        }

        return null;
    }

    private HttpMessageInvoker NewClient(EgressPolicy policy) => new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        AutomaticDecompression = DecompressionMethods.None,
        ActivityHeadersPropagator = null,
        ConnectTimeout = ConnectLimit,
        // Names are looked up again, and new addresses judged.
        PooledConnectionLifetime = ConnectionLifetime,
        EnableMultipleHttp2Connections = true,
        RequestHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
        ResponseHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
        ConnectCallback = (connection, token) => ConnectAsync(policy, connection.DnsEndPoint, token),
    });

    private async ValueTask<Stream> ConnectAsync(EgressPolicy policy, DnsEndPoint target, CancellationToken cancellationToken)
    {
        var (host, port) = (target.Host, target.Port);
        if (policy.JudgeName(host.Trim('[', ']'), port) is { IsAllowed: false } asked)
        {
            throw new AddressRefusedException($"{host}:{port} is not allowed ({asked.Rule}); [egress] in sandboxhost.toml says what is");
        }

        var addresses = IPAddress.TryParse(host.Trim('[', ']'), out var literal) ? [literal] : await Dns.GetHostAddressesAsync(host, cancellationToken);
        Exception failure = new AddressRefusedException($"{host} has no address");
        foreach (var address in addresses)
        {
            var verdict = policy.Judge(address, port, _options.OwnAddresses());
            if (!verdict.IsAllowed)
            {
                failure = new AddressRefusedException(
                    $"{host}:{port} is {address}, which is not allowed ({verdict.Rule}); [egress] allow in sandboxhost.toml can allow it");
                continue;
            }

            var socket = new Socket(EgressPolicy.Plain(address).AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                UnsentLimit.Set(socket);
                // The very address that was judged.
                await socket.ConnectAsync(EgressPolicy.Plain(address), port, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException ex)
            {
                socket.Dispose();
                failure = ex;
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }

        throw failure;
    }

    private sealed class AddressRefusedException(string message) : IOException(message);
}
