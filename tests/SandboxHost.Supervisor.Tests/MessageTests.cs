using System.Buffers.Binary;
using System.IO.Pipelines;
using Google.Protobuf;
using Grpc.Core;
using SandboxHost.Invocations;
using SandboxHost.Protocol.Worker.V1;

namespace SandboxHost.Supervisor.Tests;

/// <summary>What is wrong before there is a frame: the bytes of a message, and how much of them there is.</summary>
public sealed class MessageTests
{
    private static readonly Metadata Compressed = new() { { "grpc-internal-encoding-request", "gzip" } };

    // 50 KiB on the wire: the limit of a message is about what arrives, so what it unfolds to would have none.
    private static readonly string Unfolded = new('x', 50 << 20);

    private static readonly Dictionary<string, byte[]> NoMessages = new()
    {
        ["a field that is longer than its message"] = [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x07],
        ["a negative length"] = [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
        ["a number without an end"] = [0x0A, 0xFF],
        ["field 0"] = [0x02, 0x00],
        ["a group without an end"] = [0x0B],
        ["more than 256 KiB"] = new byte[300_000],
    };

    // Flag, then the length in four bytes.
    private static readonly Dictionary<string, byte[]> NoPrefixes = new()
    {
        ["2 GB"] = [0, 0x80, 0, 0, 0],
        ["4 GB"] = [0, 0xFF, 0xFF, 0xFF, 0xFF],
        ["2 GB less one"] = [0, 0x7F, 0xFF, 0xFF, 0xFF],
        ["a flag that does not exist"] = [2, 0, 0, 0, 0],
        ["a compressed message of no encoding"] = [1, 0, 0, 0, 1, 0],
        ["a message that is cut"] = [0, 0, 0, 0, 9, 1],
        ["a prefix that is cut"] = [0, 0],
    };

    public static TheoryData<string> Cases => [.. NoMessages.Keys];

    public static TheoryData<string> PrefixCases => [.. NoPrefixes.Keys];

    [TimedTheory]
    [MemberData(nameof(Cases))]
    public async Task A_message_that_is_none_ends_its_worker_at_once_by_that_name(string what)
    {
        await using var host = await TestHost.StartAsync();
        var (worker, _, begun) = await host.BeginAsync(host.Add(), "POST");

        await worker.SendAsync(NoMessages[what]);

        await using var exchange = await begun;
        Assert.Equal(ErrorCode.ProtocolViolation, exchange.Error?.Code);
        Assert.True(worker.Sandbox.Kills > 0);
    }

    [TimedTheory]
    [MemberData(nameof(Cases))]
    public async Task A_chunk_that_is_none_ends_its_worker_at_once_by_that_name(string what)
    {
        await using var host = await TestHost.StartAsync();
        var (worker, _, begun) = await host.BeginAsync(host.Add(), "POST");

        await worker.PushAsync(NoMessages[what]);

        await using var exchange = await begun;
        Assert.Equal(ErrorCode.ProtocolViolation, exchange.Error?.Code);
        Assert.True(worker.Sandbox.Kills > 0);
    }

    [TimedTheory]
    [MemberData(nameof(PrefixCases))]
    public async Task A_session_with_a_prefix_that_is_none_ends_its_worker_at_once_by_that_name(string what)
    {
        await using var host = await TestHost.StartAsync();
        host.Launcher.Script = async worker =>
        {
            await worker.DialAsync();
            await worker.CallAsync("Session", [.. Framed(new WorkerFrames { Frames = { Frames.Hello(worker.Token) } }), .. NoPrefixes[what]]);
        };

        await using var exchange = await host.InvokeAsync(host.Add());

        Assert.Equal(ErrorCode.ProtocolViolation, exchange.Error?.Code);
        Assert.True((await host.Launcher.NextAsync()).Sandbox.Kills > 0);
    }

    [TimedTheory]
    [MemberData(nameof(PrefixCases))]
    public async Task A_body_that_a_wrong_prefix_cuts_does_not_pass_for_whole(string what)
    {
        await using var host = await TestHost.StartAsync();
        var (worker, invoke, begun) = await host.BeginAsync(host.Add());
        await worker.SendAsync(Frames.Streamed(invoke.Id));
        await using var exchange = await begun;
        var copy = exchange.CopyBodyToAsync(PipeWriter.Create(Stream.Null));

        await worker.CallAsync("ResponseBody", [.. Framed(Frames.Chunk(invoke.Id, 10)), .. NoPrefixes[what]]);

        Assert.Equal(ErrorCode.ProtocolViolation, (await copy.AsTask().WaitAsync(TestHost.Limit))?.Code);
        await worker.Sandbox.Disposed.WaitAsync(TestHost.Limit);
    }

    [TimedFact]
    public async Task A_message_that_is_compressed_is_not_unfolded()
    {
        await using var host = await TestHost.StartAsync();
        host.Launcher.Script = async worker =>
        {
            worker.Headers = Compressed;
            await worker.DialAsync();
            var hello = Frames.Hello(worker.Token);
            hello.Hello.RuntimeVersion = Unfolded;
            await worker.SendAsync(hello);
        };

        await using var exchange = await host.InvokeAsync(host.Add());

        Assert.Equal(ErrorCode.StartFailed, exchange.Error?.Code);
        Assert.True((await host.Launcher.NextAsync()).Sandbox.Kills > 0);
    }

    [TimedFact]
    public async Task A_chunk_that_is_compressed_is_not_unfolded()
    {
        await using var host = await TestHost.StartAsync();
        var (worker, invoke, begun) = await host.BeginAsync(host.Add(), "POST");
        worker.Headers = Compressed;
        var before = GC.GetTotalAllocatedBytes(precise: true);

        await worker.PushAsync(new BodyChunk { Id = invoke.Id, Data = ByteString.CopyFromUtf8(Unfolded) }.ToByteArray());

        await using var exchange = await begun;
        Assert.Equal(ErrorCode.ProtocolViolation, exchange.Error?.Code);
        Assert.True(worker.Sandbox.Kills > 0);
        // The worker is in this process, and so is what it made of its chunk: three times its size. The host would add four.
        Assert.InRange((GC.GetTotalAllocatedBytes(precise: true) - before) / (double)Unfolded.Length, 0, 4.5);
    }

    private static byte[] Framed(IMessage message)
    {
        var bytes = message.ToByteArray();
        var prefix = new byte[5];
        BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), bytes.Length);
        return [.. prefix, .. bytes];
    }
}
