using System.Net.Sockets;
using System.Threading.Channels;
using Grpc.Core;
using Grpc.Net.Client;
using SandboxHost.Protocol.Worker.V1;
using SandboxHost.Sandboxes;

namespace SandboxHost.Supervisor.Tests;

/// <summary>The other end of the link: does what the test says, lies included. What it gets it keeps for the test.</summary>
internal sealed class ScriptedWorker(FakeSandbox sandbox) : IDisposable
{
    private readonly Channel<HostFrame> _received = Channel.CreateUnbounded<HostFrame>();
    private readonly SemaphoreSlim _sending = new(1);
    private GrpcChannel? _channel;
    private AsyncDuplexStreamingCall<WorkerFrames, HostFrames>? _session;

    public FakeSandbox Sandbox { get; } = sandbox;

    public string Token => Sandbox.Spec.Environment["SANDBOXHOST_TOKEN"];

    public WorkerService.WorkerServiceClient Client { get; private set; } = null!;

    /// <summary>Messages of the session, each with one frame or more.</summary>
    public int MessagesReceived { get; private set; }

    // ---- behaviour of ServeAsync ----

    public Error? LoadError { get; set; }

    public bool AnswersSpecialise { get; set; } = true;

    public bool AnswersPings { get; set; } = true;

    public bool LeavesWhenDrained { get; set; } = true;

    /// <summary>When set, invocations go here instead of to <see cref="NextAsync"/>.</summary>
    public Func<ScriptedWorker, Invoke, Task>? OnInvoke { get; set; }

    public async Task DialAsync()
    {
        await Sandbox.Watched;
        var path = Path.Combine(Sandbox.Spec.HostDirectory, SandboxLayout.SocketName);
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (_, token) =>
            {
                if (Sandbox.Connection is not null)
                {
                    throw new IOException("A worker dials once.");
                }

                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), token);
                Sandbox.Connection = new LinkConnection(socket);
                if (Sandbox.IsDead)
                {
                    Sandbox.Connection.Sever();
                }

                return Sandbox.Connection;
            },
        };
        _channel = GrpcChannel.ForAddress("http://worker", new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            MaxSendMessageSize = null,
        });
        Client = new WorkerService.WorkerServiceClient(_channel);
    }

    /// <summary>Sends frames as one message. A link that is gone says nothing: the test sees it elsewhere.</summary>
    public async Task SendAsync(params WorkerFrame[] frames)
    {
        await _sending.WaitAsync();
        try
        {
            _session ??= Client.Session();
            await _session.RequestStream.WriteAsync(new WorkerFrames { Frames = { frames } });
        }
        catch (Exception ex) when (ex is RpcException or InvalidOperationException or IOException or ObjectDisposedException)
        {
            // The host has hung up.
        }
        finally
        {
            _sending.Release();
        }
    }

    /// <summary>Ends its half of the session; the connection stays.</summary>
    public Task EndHalfAsync() => _session!.RequestStream.CompleteAsync();

    /// <summary>Lives the life of a decent worker.</summary>
    public async Task ServeAsync()
    {
        await DialAsync();
        await SendAsync(Frames.Hello(Token));
        await ListenAsync();
    }

    /// <summary>Reads until the host ends the session.</summary>
    public async Task ListenAsync()
    {
        try
        {
            while (await _session!.ResponseStream.MoveNext())
            {
                MessagesReceived++;
                foreach (var frame in _session.ResponseStream.Current.Frames)
                {
                    await OnFrameAsync(frame);
                }
            }
        }
        catch (Exception ex) when (ex is RpcException or InvalidOperationException or IOException or ObjectDisposedException)
        {
            // The host has hung up.
        }

        _received.Writer.TryComplete();
    }

    /// <summary>The next frame of a kind; others that came before it are passed over.</summary>
    public async Task<HostFrame> NextAsync(HostFrame.KindOneofCase kind)
    {
        await foreach (var frame in _received.Reader.ReadAllAsync())
        {
            if (frame.KindCase == kind)
            {
                return frame;
            }
        }

        throw new InvalidOperationException($"The session ended without a {kind}.");
    }

    public async Task<Invoke> NextInvokeAsync() => (await NextAsync(HostFrame.KindOneofCase.Invoke)).Invoke;

    public async Task<Cancel> NextCancelAsync() => (await NextAsync(HostFrame.KindOneofCase.Cancel)).Cancel;

    /// <summary>Whether a frame of this kind waits to be looked at.</summary>
    public bool HasReceived(HostFrame.KindOneofCase kind) => _received.Reader.TryPeek(out var frame) && frame.KindCase == kind;

    public void Dispose()
    {
        Sandbox.Connection?.Dispose();
        _session?.Dispose();
        _channel?.Dispose();
        _sending.Dispose();
    }

    private async Task OnFrameAsync(HostFrame frame)
    {
        switch (frame.KindCase)
        {
            case HostFrame.KindOneofCase.Warm:
                await SendAsync(Frames.Warmed());
                break;
            case HostFrame.KindOneofCase.Specialise when AnswersSpecialise:
                await SendAsync(Frames.Specialised(LoadError));
                break;
            case HostFrame.KindOneofCase.Ping when AnswersPings:
                await SendAsync(Frames.Pong(frame.Ping.Nonce));
                break;
            case HostFrame.KindOneofCase.Invoke when OnInvoke is not null:
                _ = OnInvoke(this, frame.Invoke);
                return;
            case HostFrame.KindOneofCase.Drain when LeavesWhenDrained:
                Sandbox.Exit(new SandboxExit(SandboxExitReason.Exited));
                break;
            default:
                break;
        }

        _received.Writer.TryWrite(frame);
    }
}
