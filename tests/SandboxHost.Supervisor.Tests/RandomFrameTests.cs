using CsCheck;
using Google.Protobuf;
using SandboxHost.Invocations;
using SandboxHost.Protocol.Worker.V1;

namespace SandboxHost.Supervisor.Tests;

/// <summary>Whatever a worker sends, the host goes on: the invocation is answered or the worker is gone.</summary>
public sealed class RandomFrameTests
{
    private const int Sequences = 60;

    private static readonly Gen<uint> Id = Gen.Frequency((8, Gen.Const(1u)), (1, Gen.Const(0u)), (1, Gen.UInt));

    private static readonly Gen<string> Text = Gen.String[Gen.Char["aA-:\r\n\0 €\u00ff"], 0, 8];

    private static readonly Gen<WorkerFrame> Response =
        from id in Id
        from status in Gen.Frequency((4, Gen.Const(200u)), (1, Gen.UInt[0, 1000]))
        from headers in Gen.Frequency((3, Gen.Const(Array.Empty<string>())), (1, Gen.Const(new[] { "accept", "x" })), (1, Text.Array[0, 5]))
        from kind in Gen.Int[0, 3]
        from length in Gen.Long[-3, 10]
        from flags in Gen.Int[0, 3]
        select new WorkerFrame
        {
            Response = new Response
            {
                Id = id,
                Status = status,
                Headers = { headers },
                BodyKind = (BodyKind)kind,
                BodyLength = length,
                Body = ByteString.CopyFromUtf8("body"),
                Ended = (flags & 1) != 0,
                Streaming = (flags & 2) != 0,
            },
        };

    private static readonly Gen<WorkerFrame> Ended =
        from id in Id
        from outcome in Gen.Int[0, 4]
        select Frames.Ended(id, (Outcome)outcome);

    private static readonly Gen<WorkerFrame> Frame = Gen.Frequency(
        (6, Response),
        (4, Ended),
        (3, Id.Array[0, 3].Select(ids => Frames.Accepted(ids))),
        (3, Gen.Select(Text, Id, Frames.Log)),
        (1, Gen.ULong[0, 2].Select(Frames.Pong)),
        (1, Gen.Const(new WorkerFrame { Leaving = new Leaving { Reason = "random" } })),
        (1, Gen.OneOf(Gen.Const(Frames.Warmed()), Gen.Const(Frames.Specialised()), Gen.Const(Frames.Hello("x")), Gen.Const(new WorkerFrame()))));

    [TimedFact]
    public async Task Random_frames_end_in_an_answer_or_in_a_dead_worker()
    {
        await using var host = await TestHost.StartAsync(successors: 8);
        var number = 0;
        await Frame.Array[1, 8].SampleAsync(
            async frames =>
            {
                var function = host.Add($"f{Interlocked.Increment(ref number)}", limits => limits with { StreamingTime = TimeSpan.FromMilliseconds(50), BufferedTime = TimeSpan.FromMilliseconds(200) });
                // Not idempotent and accepted, so that it is not replayed.
                var (worker, invoke, begun) = await host.BeginAsync(function, "POST");
                await worker.SendAsync(frames);
                if (!worker.Sandbox.IsDead)
                {
                    // In case nothing of it mattered.
                    await worker.SendAsync(Frames.Answer(invoke.Id));
                }

                await using (var exchange = await begun.WaitAsync(TestHost.Limit))
                {
                    Assert.True(exchange.Response is not null || exchange.Error is not null);
                    if (exchange.Response is { IsStreamed: true })
                    {
                        // No body follows: it is cut, by the end of the time or of the worker.
                        Assert.NotNull(await exchange.CopyBodyToAsync(System.IO.Pipelines.PipeWriter.Create(Stream.Null)).AsTask().WaitAsync(TestHost.Limit));
                    }
                    else if (exchange.Error?.Code == ErrorCode.ProtocolViolation)
                    {
                        await worker.Sandbox.Disposed.WaitAsync(TestHost.Limit);
                    }
                }

                host.Remove(function);
            },
            iter: Sequences,
            threads: 1);
    }
}
