using Google.Protobuf;
using SandboxHost.Invocations;
using SandboxHost.Protocol.Worker.V1;
using SandboxHost.Supervisor.Transport;

namespace SandboxHost.Fuzzing.Targets;

/// <summary>Messages of a worker, from the bytes on: the parser, the state machine, the heads of responses.</summary>
internal static class SessionTarget
{
    public static FuzzTarget Create() => new("session", "messages of a worker: protobuf, states, heads of responses", Run, Seeds());

    // The first byte says in which state the messages come: whether it serves, how many invocations run, of which method.
    private static void Run(byte[] input)
    {
        if (input.Length == 0)
        {
            return;
        }

        var loose = new LooseSession();
        if ((input[0] & 1) != 0)
        {
            loose.Serve((input[0] >> 1) & 3, (input[0] & 8) != 0 ? "POST" : "GET");
        }

        try
        {
            loose.Session.ReadAsync(new Messages<WorkerFrames>(WorkerFrames.Parser, input.AsMemory(1)), CancellationToken.None).GetAwaiter().GetResult();
        }
        catch (Exception ex) when (ProtocolViolation.In(ex) is not null)
        {
            // As it should be: the worker ends.
        }

        foreach (var response in loose.Invocations.Select(invocation => invocation.Response).OfType<InvocationResponse>())
        {
            FuzzTarget.Holds(response.Status is >= 200 and <= 599, "a status is one of HTTP's");
            FuzzTarget.Holds(response.Headers.Count is var count && count % 2 == 0 && count <= 400, "headers are pairs, and not too many");
            FuzzTarget.Holds(!response.Headers.Any(text => text.AsSpan().ContainsAny('\r', '\n', '\0')), "no header holds the end of a line");
            FuzzTarget.Holds(response.Body.Length <= 64 * 1024, "a body in a frame is at most 64 KiB");
        }

        loose.End();
    }

    private static List<byte[]> Seeds()
    {
        static WorkerFrame Response(uint id, Action<Response>? change = null)
        {
            var response = new Response { Id = id, Status = 200, BodyKind = BodyKind.Complete, Body = ByteString.CopyFromUtf8("ok"), Headers = { "content-type", "text/plain" } };
            change?.Invoke(response);
            return new WorkerFrame { Response = response };
        }

        WorkerFrame[][] lives =
        [
            [new WorkerFrame { Accepted = new Accepted { Ids = { 1, 2, 3 } } }, Response(1, response => response.Ended = true), Response(2), new WorkerFrame { Ended = new Ended { Id = 2, Outcome = Outcome.Completed } }],
            [Response(1, response => (response.BodyKind, response.Streaming, response.BodyLength) = (BodyKind.Streamed, true, -1)), new WorkerFrame { Ended = new Ended { Id = 1, Outcome = Outcome.Completed } }],
            [new WorkerFrame { Ended = new Ended { Id = 1, Outcome = Outcome.FunctionError, Error = new Error { Type = "Error", Message = "x", Trace = { "at /function/a.mjs:1" } } } }],
            [new WorkerFrame { Ended = new Ended { Id = 1, Outcome = Outcome.Exited, ExitCode = 3 } }, new WorkerFrame { Leaving = new Leaving { Reason = "exit" } }],
            [new WorkerFrame { Log = new Log { Id = 1, Level = Level.Warn, Text = "x", Dropped = 3 } }, new WorkerFrame { Pong = new Pong { Nonce = 1 } }],
            [new WorkerFrame { Hello = new Hello { ProtocolVersion = 1, Token = "x", Runtime = "node" } }, new WorkerFrame { Warmed = new Warmed() }, new WorkerFrame { Specialised = new Specialised() }],
        ];
        return [.. lives.Select((frames, i) => (byte[])[(byte)(7 + (8 * (i % 2))), .. Messages<WorkerFrames>.Write(frames.Select(frame => new WorkerFrames { Frames = { frame } }))])];
    }
}
