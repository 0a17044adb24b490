using System.IO.Pipelines;
using Google.Protobuf;
using Grpc.Core;
using SandboxHost.Invocations;
using SandboxHost.Protocol.Worker.V1;

namespace SandboxHost.Supervisor.Tests;

/// <summary>Every frame that a worker may not send ends it, with that name, and nobody else.</summary>
public sealed class ViolationTests
{
    // The worker serves; 1 is the invocation that the frames are about and 2 an innocent one on the same worker.
    private static readonly Dictionary<string, WorkerFrame[]> Illegal = new()
    {
        ["a second response"] = [Frames.Response(1), Frames.Response(1)],
        ["a second end"] = [Frames.Streamed(1), Frames.Ended(1), Frames.Ended(1)],
        ["a response after the end"] = [Frames.Streamed(1), Frames.Ended(1), Frames.Response(1)],
        ["a response to an id that was never issued"] = [Frames.Answer(3)],
        ["a response to id 0"] = [Frames.Answer(0)],
        ["an end of an id that was never issued"] = [Frames.Ended(99)],
        ["an acceptance of an id that was never issued"] = [Frames.Accepted(1, 3)],
        ["a log line of an id that was never issued"] = [Frames.Log("", id: 3)],
        ["a second acceptance"] = [Frames.Accepted(1), Frames.Accepted(1)],
        ["a second acceptance in one frame"] = [Frames.Accepted(1, 1)],
        ["a pong without a ping"] = [Frames.Pong(1)],
        ["a pong with nonce 0"] = [Frames.Pong(0)],
        ["a second hello"] = [Frames.Hello("")],
        ["a warm-up that nobody asked for"] = [Frames.Warmed()],
        ["a second specialisation"] = [Frames.Specialised()],
        ["an empty frame"] = [new WorkerFrame()],
        ["status 99"] = [Frames.Response(1, 99)],
        ["status 100"] = [Frames.Response(1, 100)],
        ["status 600"] = [Frames.Response(1, 600)],
        ["an upper-case header name"] = [Frames.Response(1, headers: ["Accept", "x"])],
        ["an empty header name"] = [Frames.Response(1, headers: ["", "x"])],
        ["a header name with a line break"] = [Frames.Response(1, headers: ["a\r\nb", "x"])],
        ["a header value with a line break"] = [Frames.Response(1, headers: ["a", "x\r\nset-cookie: y"])],
        ["a header value with NUL"] = [Frames.Response(1, headers: ["a", "x\0"])],
        ["a header value that is no byte"] = [Frames.Response(1, headers: ["a", "€"])],
        ["an uneven header list"] = [Frames.Response(1, headers: ["a"])],
        ["201 headers"] = [Frames.Response(1, headers: [.. Enumerable.Repeat("a", 402)])],
        ["more than 64 KiB of headers"] = [Frames.Response(1, headers: ["a", new string('x', 65_536)])],
        ["more than 64 KiB of body in a frame"] = [Frames.Response(1, body: ByteString.CopyFrom(new byte[65_537]))],
        ["a streamed body of an ended invocation"] = [Frames.Streamed(1, ended: true)],
        ["a streamed body of length 0"] = [Frames.Streamed(1, length: 0)],
        ["a streamed body of negative length"] = [Frames.Streamed(1, length: -2)],
        ["completion without a response"] = [Frames.Ended(1)],
        ["an unspecified outcome"] = [Frames.Ended(1, Outcome.Unspecified)],
        ["an outcome that does not exist"] = [Frames.Ended(1, (Outcome)9)],
        ["more than 64 KiB of a log line"] = [Frames.Log(new string('x', 65_537))],
        ["a message of more than 256 KiB"] = [Frames.Log(new string('x', 300_000))],
    };

    private static readonly Dictionary<string, Func<ScriptedWorker, Task>> IllegalCalls = new()
    {
        ["a response body that was not announced"] = async worker =>
        {
            await worker.SendAsync(Frames.Response(1));
            await PushAsync(worker, Frames.Chunk(1, 1));
        },
        ["a response body of an id that was never issued"] = worker => PushAsync(worker, Frames.Chunk(3, 1)),
        ["a response body of id 0"] = worker => PushAsync(worker, Frames.Chunk(0, 1)),
        ["a second response body"] = async worker =>
        {
            await worker.SendAsync(Frames.Streamed(1));
            await PushAsync(worker, Frames.Chunk(1, 1));
            await PushAsync(worker, Frames.Chunk(1, 1));
        },
        ["a request body that does not stream"] = worker => PullAsync(worker, 1),
        ["a request body of an id that was never issued"] = worker => PullAsync(worker, 3),
    };

    public static TheoryData<string> FrameCases => [.. Illegal.Keys];

    public static TheoryData<string> CallCases => [.. IllegalCalls.Keys];

    [TimedTheory]
    [MemberData(nameof(FrameCases))]
    public Task An_illegal_frame_ends_its_worker_and_no_other(string what) =>
        EndsItsWorkerAndNoOtherAsync(async worker =>
        {
            foreach (var frame in Illegal[what])
            {
                await worker.SendAsync(frame);
            }
        });

    [TimedTheory]
    [MemberData(nameof(CallCases))]
    public Task An_illegal_body_call_ends_its_worker_and_no_other(string what) => EndsItsWorkerAndNoOtherAsync(IllegalCalls[what]);

    [TimedTheory]
    [InlineData("a response")]
    [InlineData("an end")]
    [InlineData("an acceptance")]
    [InlineData("a warm-up that nobody asked for")]
    public async Task A_frame_that_comes_before_the_function_ends_the_worker(string what)
    {
        await using var host = await TestHost.StartAsync();
        host.Launcher.Prepare = worker => worker.AnswersSpecialise = false;
        var exchange = host.InvokeAsync(host.Add());
        var worker = await host.Launcher.NextAsync();
        await worker.NextAsync(HostFrame.KindOneofCase.Specialise);

        await worker.SendAsync(what switch
        {
            "a response" => Frames.Answer(1),
            "an end" => Frames.Ended(1),
            "an acceptance" => Frames.Accepted(1),
            _ => Frames.Warmed(),
        });

        Assert.Equal(ErrorCode.ProtocolViolation, (await exchange).Error?.Code);
        Assert.True(worker.Sandbox.Kills > 0);
    }

    [TimedFact]
    public async Task A_chunk_of_more_than_64_KiB_cuts_the_body_and_ends_the_worker()
    {
        await using var host = await TestHost.StartAsync();
        var (worker, invoke, begun) = await host.BeginAsync(host.Add());
        await worker.SendAsync(Frames.Streamed(invoke.Id));
        await using var exchange = await begun;
        var copy = exchange.CopyBodyToAsync(PipeWriter.Create(Stream.Null));

        await PushAsync(worker, Frames.Chunk(invoke.Id, 65_537, last: true));

        Assert.Equal(ErrorCode.ProtocolViolation, (await copy)?.Code);
        await worker.Sandbox.Disposed.WaitAsync(TestHost.Limit);
    }

    [TimedFact]
    public async Task A_request_body_pulled_twice_ends_the_worker()
    {
        await using var host = await TestHost.StartAsync();
        var pipe = new Pipe();
        var (worker, invoke, begun) = await host.BeginAsync(host.Add(), "POST", RequestBody.FromReader(pipe.Reader));

        await pipe.Writer.WriteAsync(new byte[1]);
        using var first = worker.Client.RequestBody(new BodyRef { Id = invoke.Id });
        Assert.True(await first.ResponseStream.MoveNext());
        await PullAsync(worker, invoke.Id);

        await using var exchange = await begun;
        Assert.Equal(ErrorCode.ProtocolViolation, exchange.Error?.Code);
        await worker.Sandbox.Disposed.WaitAsync(TestHost.Limit);
    }

    [TimedFact]
    public async Task Frames_about_an_invocation_that_has_ended_are_late_and_not_illegal()
    {
        await using var host = await TestHost.StartAsync();
        var function = host.Add();
        var (worker, invoke, begun) = await host.BeginAsync(function);
        await worker.SendAsync(Frames.Answer(invoke.Id));
        await using var first = await begun;

        await worker.SendAsync(Frames.Answer(1), Frames.Ended(1), Frames.Accepted(1), Frames.Response(1, 99), Frames.Log("late", 1));
        await PullAsync(worker, 1);
        await PushAsync(worker, Frames.Chunk(1, 1));

        var next = host.InvokeAsync(function);
        await worker.SendAsync(Frames.Answer((await worker.NextInvokeAsync()).Id));
        await using var second = await next;
        Assert.Equal(200, second.Response?.Status);
        Assert.Equal(0, worker.Sandbox.Kills);
    }

    /// <summary>Sends one chunk as a response body.</summary>
    private static async Task PushAsync(ScriptedWorker worker, BodyChunk chunk)
    {
        var call = worker.Client.ResponseBody();
        try
        {
            await call.RequestStream.WriteAsync(chunk);
            await call.RequestStream.CompleteAsync();
        }
        catch (Exception ex) when (ex is RpcException or InvalidOperationException)
        {
            // The host has hung up.
        }
    }

    private static async Task PullAsync(ScriptedWorker worker, uint id)
    {
        using var call = worker.Client.RequestBody(new BodyRef { Id = id });
        try
        {
            while (await call.ResponseStream.MoveNext())
            {
                // Whatever comes.
            }
        }
        catch (RpcException)
        {
            // The host has hung up.
        }
    }

    private static async Task EndsItsWorkerAndNoOtherAsync(Func<ScriptedWorker, Task> lie)
    {
        await using var host = await TestHost.StartAsync();
        var (liar, function) = (host.Add("liar"), host.Add("other"));
        var (other, otherInvoke, otherBegun) = await host.BeginAsync(function);
        var (worker, _, about) = await host.BeginAsync(liar, "POST");
        var innocent = host.InvokeAsync(liar, "POST");
        Assert.Equal(2u, (await worker.NextInvokeAsync()).Id);

        await lie(worker);

        await using var lost = await innocent;
        Assert.Equal(ErrorCode.ProtocolViolation, lost.Error?.Code);
        await worker.Sandbox.Disposed.WaitAsync(TestHost.Limit);
        Assert.True(worker.Sandbox.Kills > 0);
        await using var first = await about;
        Assert.True(first.Error?.Code is ErrorCode.ProtocolViolation || first.Response is not null);

        await other.SendAsync(Frames.Answer(otherInvoke.Id));
        await using var answer = await otherBegun;
        Assert.Equal(200, answer.Response?.Status);
        Assert.Equal(0, other.Sandbox.Kills);
    }
}
