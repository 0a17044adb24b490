using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using CsCheck;
using Google.Protobuf;
using SandboxHost.Protocol.Worker.V1;
using SandboxHost.Sandboxes;

namespace SandboxHost.Supervisor.Tests;

/// <summary>HTTP/2 itself, gone wrong: frames of a decent worker that are changed, cut, repeated, left out and put in another order.</summary>
public sealed class LinkBytesTests
{
    private const int Lives = 60;
    private const byte Data = 0, Headers = 1, Settings = 4, EndHeaders = 4;

    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(40);

    private static readonly Gen<(int Kind, double At, double To, byte Value)[]> Changes =
        Gen.Select(Gen.Int[0, 5], Gen.Double.Unit, Gen.Double.Unit, Gen.Frequency((1, Gen.Const((byte)0xFF)), (2, Gen.Byte))).Array[0, 5];

    [TimedFact]
    public async Task Random_bytes_on_the_link_harm_nobody_else()
    {
        await using var host = await TestHost.StartAsync(successors: 8);
        host.Launcher.Prepare = worker => worker.OnInvoke = (self, invoke) => self.SendAsync(Frames.Answer(invoke.Id));
        var decent = host.Add("decent");
        await AskAsync(host, decent);
        host.Launcher.Prepare = _ => { };
        var number = 0;
        await Changes.SampleAsync(
            async changes =>
            {
                host.Launcher.Script = worker => LieAsync(worker, changes);
                var function = host.Add($"f{Interlocked.Increment(ref number)}");
                var lied = host.InvokeAsync(function);

                await AskAsync(host, decent);
                await using (var exchange = await lied.WaitAsync(TestHost.Limit))
                {
                    // It says everything before it is asked. A host that reads late finds that it was asked by then.
                    Assert.True(exchange.Error is not null || exchange.Response is not null);
                }

                host.Remove(function);
            },
            iter: Lives,
            threads: 1);

        Assert.Equal(0, host.Launcher.Workers[0].Sandbox.Kills);
    }

    private static async Task AskAsync(TestHost host, SandboxHost.Deployments.FunctionVersion function)
    {
        await using var exchange = await host.InvokeAsync(function).WaitAsync(TestHost.Limit);
        Assert.Equal(200, exchange.Response?.Status);
    }

    // Says what it has to say, waits a moment for the host to hang up, and ends.
    private static async Task LieAsync(ScriptedWorker worker, (int Kind, double At, double To, byte Value)[] changes)
    {
        await worker.Sandbox.Watched;
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(worker.Sandbox.Spec.HostDirectory, SandboxLayout.SocketName)));
            await socket.SendAsync(Change(LifeOf(worker), changes));
            var buffer = new byte[4096];
            while (await socket.ReceiveAsync(buffer, patience.Token) > 0)
            {
            }
        }
        catch (Exception ex) when (ex is SocketException or OperationCanceledException)
        {
            // The host hung up, or waits for more.
        }

        worker.Sandbox.Exit(new SandboxExit(SandboxExitReason.Exited));
    }

    private static List<byte[]> LifeOf(ScriptedWorker worker) =>
    [
        Encoding.ASCII.GetBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        Frame(Settings, 0, 0, []),
        Frame(Headers, EndHeaders, 1, [.. Call("Session")]),
        Frame(Data, 0, 1, Message(new WorkerFrames { Frames = { Frames.Hello(worker.Token) } })),
        Frame(Data, 0, 1, Message(new WorkerFrames { Frames = { Frames.Specialised() } })),
        Frame(Data, 0, 1, Message(new WorkerFrames { Frames = { Frames.Log("x"), Frames.Response(1) } })),
        Frame(Headers, EndHeaders, 3, [.. Call("ResponseBody")]),
        Frame(Data, 1, 3, Message(Frames.Chunk(1, 100, last: true))),
    ];

    private static byte[] Change(List<byte[]> frames, (int Kind, double At, double To, byte Value)[] changes)
    {
        foreach (var (kind, at, to, value) in changes)
        {
            var (i, j) = ((int)(at * frames.Count), (int)(to * frames.Count));
            var frame = (byte[])frames[i].Clone();
            switch (kind)
            {
                case 0: frame[(int)(to * frame.Length)] = value; frames[i] = frame; break;
                case 1: frames[i] = frame[..(int)(to * frame.Length)]; break;
                case 2: frames.Insert(j, frame); break;
                case 3: (frames[i], frames[j]) = (frames[j], frames[i]); break;
                case 4 when frames.Count > 1: frames.RemoveAt(i); break;
                default: frames[i] = [.. frame, value, value]; break;
            }

            frames.RemoveAll(one => one.Length == 0);
            if (frames.Count == 0)
            {
                break;
            }
        }

        return [.. frames.SelectMany(frame => frame)];
    }

    private static byte[] Frame(byte type, byte flags, int stream, byte[] payload)
    {
        var head = new byte[9];
        BinaryPrimitives.WriteInt32BigEndian(head, payload.Length << 8);
        (head[3], head[4]) = (type, flags);
        BinaryPrimitives.WriteInt32BigEndian(head.AsSpan(5), stream);
        return [.. head, .. payload];
    }

    private static byte[] Message(IMessage message)
    {
        var bytes = message.ToByteArray();
        var prefix = new byte[5];
        BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), bytes.Length);
        return [.. prefix, .. bytes];
    }

    // Header fields as literals that are not indexed (RFC 7541 §6.2.2).
    private static IEnumerable<byte> Call(string method) =>
        new[] { (":method", "POST"), (":scheme", "http"), (":path", $"/{WorkerService.Descriptor.FullName}/{method}"), (":authority", "worker"), ("content-type", "application/grpc"), ("te", "trailers") }
            .SelectMany(field => (byte[])[0, (byte)field.Item1.Length, .. Encoding.ASCII.GetBytes(field.Item1), (byte)field.Item2.Length, .. Encoding.ASCII.GetBytes(field.Item2)]);
}
