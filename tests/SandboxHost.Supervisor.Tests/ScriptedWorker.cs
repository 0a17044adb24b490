using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Threading.Channels;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using SandboxHost.Protocol.Worker.V1;
using SandboxHost.Sandboxes;

namespace SandboxHost.Supervisor.Tests;

/// <summary>The other end of the link: does what the test says, lies included. What it gets it keeps for the test.</summary>
internal sealed class ScriptedWorker(FakeSandbox sandbox) : IDisposable
{
    // Bytes one way, so that a test can send what is no message at all.
    private static readonly Marshaller<byte[]> Bytes = Marshallers.Create(bytes => bytes, bytes => bytes);
    private static readonly Method<byte[], HostFrames> Session = new(
        MethodType.DuplexStreaming, WorkerService.Descriptor.FullName, nameof(Session), Bytes,
        Marshallers.Create(message => message.ToByteArray(), HostFrames.Parser.ParseFrom));
    private static readonly Method<byte[], byte[]> ResponseBody = new(
        MethodType.ClientStreaming, WorkerService.Descriptor.FullName, nameof(ResponseBody), Bytes, Bytes);

    private readonly Channel<HostFrame> _received = Channel.CreateUnbounded<HostFrame>();
    private readonly SemaphoreSlim _sending = new(1);
    private GrpcChannel? _channel;
    private HttpMessageInvoker? _http;
    private AsyncDuplexStreamingCall<byte[], HostFrames>? _session;

    public FakeSandbox Sandbox { get; } = sandbox;

    public string Token => Sandbox.Spec.Environment["SANDBOXHOST_TOKEN"];

    public WorkerService.WorkerServiceClient Client { get; private set; } = null!;

    /// <summary>What is set here goes with every call that sends bytes; with "grpc-internal-encoding-request" they are compressed.</summary>
    public Metadata Headers { get; set; } = [];

    /// <summary>Messages of the session, each with one frame or more.</summary>
    public int MessagesReceived { get; private set; }

    // ---- behaviour of ServeAsync ----

    public Error? LoadError { get; set; }

    public bool AnswersSpecialise { get; set; } = true;

    public bool WasWarmed { get; private set; }

    public bool WasSpecialised { get; private set; }

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
        _http = new HttpMessageInvoker(handler);
        _channel = GrpcChannel.ForAddress("http://worker", new GrpcChannelOptions
        {
            HttpHandler = handler,
            MaxSendMessageSize = null,
        });
        Client = new WorkerService.WorkerServiceClient(_channel);
    }

    /// <summary>Sends frames as one message. A link that is gone says nothing: the test sees it elsewhere.</summary>
    public Task SendAsync(params WorkerFrame[] frames) => SendAsync(new WorkerFrames { Frames = { frames } }.ToByteArray());

    /// <summary>Sends what may be no message.</summary>
    public async Task SendAsync(byte[] message)
    {
        await _sending.WaitAsync();
        try
        {
            _session ??= _channel!.CreateCallInvoker().AsyncDuplexStreamingCall(Session, null, new CallOptions(Headers));
            await _session.RequestStream.WriteAsync(message);
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

    /// <summary>Sends what may be no message as the first chunk of a response body.</summary>
    public async Task PushAsync(byte[] message)
    {
        using var call = _channel!.CreateCallInvoker().AsyncClientStreamingCall(ResponseBody, null, new CallOptions(Headers));
        try
        {
            await call.RequestStream.WriteAsync(message);
            await call.RequestStream.CompleteAsync();
            await call.ResponseAsync;
        }
        catch (Exception ex) when (ex is RpcException or InvalidOperationException or IOException)
        {
            // The host has hung up.
        }
    }

    /// <summary>Makes a call whose body is these bytes, prefixes of messages included.</summary>
    public async Task CallAsync(string method, byte[] body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://worker/{WorkerService.Descriptor.FullName}/{method}")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.TE.ParseAdd("trailers");
        try
        {
            using var response = await _http!.SendAsync(request, CancellationToken.None);
            await response.Content.CopyToAsync(Stream.Null);
        }
        catch (Exception ex) when (ex is HttpRequestException or IOException)
        {
            // The host has hung up.
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
        _http?.Dispose();
        _sending.Dispose();
    }

    private async Task OnFrameAsync(HostFrame frame)
    {
        switch (frame.KindCase)
        {
            case HostFrame.KindOneofCase.Warm:
                WasWarmed = true;
                await SendAsync(Frames.Warmed());
                break;
            case HostFrame.KindOneofCase.Specialise when AnswersSpecialise:
                WasSpecialised = true;
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
