using System.Net.Sockets;
using System.Text;
using SandboxHost.Invocations;
using SandboxHost.Sandboxes;

namespace SandboxHost.Supervisor.Tests;

/// <summary>The socket at which workers offer their inspectors, against workers that do not as they should.</summary>
public sealed class InspectorTests
{
    private const string TokenVariable = "SANDBOXHOST_INSPECTOR_TOKEN";

    [TimedFact]
    public async Task A_debugger_starts_a_worker_and_gets_the_connection_that_it_offers()
    {
        await using var host = await TestHost.StartAsync(change: options => options with { Inspect = true });
        var (inspectors, function) = (host.Inspectors!, host.Add());
        var connecting = inspectors.ConnectAsync(function, CancellationToken.None);
        var worker = await host.Launcher.NextAsync();

        using var offer = await OfferAsync(host, $"{worker.Sandbox.Spec.Environment[TokenVariable]} /abc\n");
        var (connection, error) = await connecting;

        Assert.Null(error);
        Assert.Equal("/abc", connection!.Path);
        await connection.Stream.WriteAsync("ping"u8.ToArray());
        Assert.Equal("ping", await ReceiveAsync(offer));
        await connection.DisposeAsync();
        Assert.Equal("", await ReceiveAsync(offer));
    }

    [TimedTheory]
    [InlineData("wrong token", "0123456789ABCDEF0123456789ABCDEF /abc\n")]
    [InlineData("no path", "{token}\n")]
    [InlineData("too many words", "{token} /abc /def\n")]
    [InlineData("more than a line", "{token} /abc\nmore")]
    [InlineData("a line without end", "{long}")]
    public async Task An_offer_that_is_not_as_it_should_be_is_turned_away(string what, string line)
    {
        await using var host = await TestHost.StartAsync(change: options => options with { Inspect = true });
        var (worker, invoke, exchange) = await host.BeginAsync(host.Add());
        var token = worker.Sandbox.Spec.Environment[TokenVariable];

        using var offer = await OfferAsync(host, line.Replace("{token}", token).Replace("{long}", new string('x', 1000)));

        Assert.True(await ReceiveAsync(offer) == "", what);
        await worker.SendAsync(Frames.Answer(invoke.Id));
        await (await exchange).DisposeAsync();
    }

    [TimedFact]
    public async Task One_offer_waits_and_a_second_is_turned_away()
    {
        await using var host = await TestHost.StartAsync(change: options => options with { Inspect = true });
        var function = host.Add();
        var (worker, invoke, exchange) = await host.BeginAsync(function);
        var line = $"{worker.Sandbox.Spec.Environment[TokenVariable]} /abc\n";

        using var one = await OfferAsync(host, line);
        using var two = await OfferAsync(host, line);
        var turned = await Task.WhenAny(ReceiveAsync(one), ReceiveAsync(two));
        Assert.Equal("", await turned);
        var (connection, _) = await host.Inspectors!.ConnectAsync(function, CancellationToken.None);

        Assert.NotNull(connection);
        await connection.DisposeAsync();
        await worker.SendAsync(Frames.Answer(invoke.Id));
        await (await exchange).DisposeAsync();
    }

    [TimedFact]
    public async Task A_debugger_gets_in_while_every_slot_is_taken()
    {
        await using var host = await TestHost.StartAsync(change: options => options with { Inspect = true });
        var function = host.Add(limits: limits => limits with { Concurrency = 1, MaxWorkers = 1 });
        var (worker, invoke, exchange) = await host.BeginAsync(function);
        using var offer = await OfferAsync(host, $"{worker.Sandbox.Spec.Environment[TokenVariable]} /abc\n");

        var (connection, _) = await host.Inspectors!.ConnectAsync(function, CancellationToken.None);

        Assert.NotNull(connection);
        await connection.DisposeAsync();
        await worker.SendAsync(Frames.Answer(invoke.Id));
        await (await exchange).DisposeAsync();
    }

    [TimedFact]
    public async Task Debuggers_are_sent_away_when_the_function_is_no_longer_live()
    {
        await using var host = await TestHost.StartAsync(change: options => options with { Inspect = true });
        var function = host.Add();
        var connecting = host.Inspectors!.ConnectAsync(function, CancellationToken.None);
        var worker = await host.Launcher.NextAsync();
        using var offer = await OfferAsync(host, $"{worker.Sandbox.Spec.Environment[TokenVariable]} /abc\n");
        var (connection, _) = await connecting;
        var detached = new TaskCompletionSource();
        using var registration = connection!.Detached.Register(detached.SetResult);

        host.Remove(function);

        await detached.Task;
        await connection.DisposeAsync();
        await worker.Sandbox.Disposed;
    }

    [TimedFact]
    public async Task A_worker_that_does_not_start_is_told_to_the_debugger()
    {
        await using var host = await TestHost.StartAsync(change: options => options with { Inspect = true });
        host.Launcher.Failure = new SandboxException("no sandbox today");

        var (connection, error) = await host.Inspectors!.ConnectAsync(host.Add(), CancellationToken.None);

        Assert.Null(connection);
        Assert.Equal(ErrorCode.StartFailed, error!.Code);
    }

    [TimedFact]
    public async Task Without_being_asked_for_there_is_neither_socket_nor_token()
    {
        await using var host = await TestHost.StartAsync();
        var (worker, invoke, exchange) = await host.BeginAsync(host.Add());

        Assert.Null(host.Inspectors);
        Assert.False(File.Exists(SocketOf(host)));
        Assert.DoesNotContain(TokenVariable, worker.Sandbox.Spec.Environment.Keys);
        await worker.SendAsync(Frames.Answer(invoke.Id));
        await (await exchange).DisposeAsync();
    }

    private static string SocketOf(TestHost host) => Path.Combine(host.LinkDirectory, SandboxLayout.InspectorSocketName);

    private static async Task<Socket> OfferAsync(TestHost host, string line)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketOf(host)));
        await socket.SendAsync(Encoding.ASCII.GetBytes(line));
        return socket;
    }

    /// <summary>What comes next; empty when the host hung up.</summary>
    private static async Task<string> ReceiveAsync(Socket socket)
    {
        var buffer = new byte[100];
        try
        {
            return Encoding.ASCII.GetString(buffer, 0, await socket.ReceiveAsync(buffer));
        }
        catch (SocketException)
        {
            return "";
        }
    }
}
