using System.IO.Pipelines;
using Google.Protobuf;
using SandboxHost.Protocol.Worker.V1;
using SandboxHost.Supervisor.Transport;

namespace SandboxHost.Fuzzing.Targets;

/// <summary>Chunks of a response body. What was cut never passes for whole.</summary>
internal static class BodyTarget
{
    public static FuzzTarget Create() => new("body", "chunks of a response body", Run, Seeds());

    // The first byte is the length that the head announced; 0 is none.
    private static void Run(byte[] input)
    {
        if (input.Length == 0)
        {
            return;
        }

        var loose = new LooseSession();
        loose.Serve(1, "GET");
        var invocation = loose.Invocations[0];
        invocation.OnResponse(new Response { Id = 1, Status = 200, BodyKind = BodyKind.Streamed, Streaming = true, BodyLength = input[0] == 0 ? -1 : input[0] });
        using var taken = new MemoryStream();
        var copy = invocation.CopyBodyToAsync(PipeWriter.Create(taken)).AsTask();
        var chunks = new Messages<BodyChunk>(BodyChunk.Parser, input.AsMemory(1));
        var isLast = false;
        try
        {
            if (chunks.MoveNext(CancellationToken.None).GetAwaiter().GetResult() && loose.Session.Find(chunks.Current.Id) is { } about)
            {
                // A stream that ends without its last chunk is explained a moment later, on a clock that stands still here.
                invocation.OnEnded(new Ended { Id = 1, Outcome = Outcome.Completed });
                about.ReceiveResponseBodyAsync(chunks.Current, chunks, CancellationToken.None).GetAwaiter().GetResult();
                isLast = chunks.Current.Last;
            }
        }
        catch (Exception ex) when (ProtocolViolation.In(ex) is not null)
        {
            // As it should be: the worker ends.
        }

        loose.End();
        FuzzTarget.Holds(copy.IsCompletedSuccessfully, "whoever copies a body is told of its end");
        FuzzTarget.Holds(copy.Result is not null || isLast, "a body without its last chunk is cut");
        FuzzTarget.Holds(taken.Length <= (input[0] == 0 ? 100_000 : input[0]), "no more passes than may");
    }

    private static List<byte[]> Seeds()
    {
        static byte[] Of(byte length, params BodyChunk[] chunks) => [length, .. Messages<BodyChunk>.Write(chunks)];
        static BodyChunk Chunk(string text, bool last = false) => new() { Id = 1, Data = ByteString.CopyFromUtf8(text), Last = last };
        return
        [
            Of(0, Chunk("one"), Chunk("two", last: true)), Of(6, Chunk("one"), Chunk("two", last: true)), Of(3, Chunk("one"), Chunk("two", last: true)),
            Of(0, Chunk("one")), Of(0, Chunk("", last: true)), Of(0, new BodyChunk { Id = 2, Last = true }), Of(0, Chunk(new string('x', 60_000)), Chunk(new string('x', 60_000), last: true)),
        ];
    }
}
