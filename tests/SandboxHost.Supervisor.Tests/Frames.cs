using Google.Protobuf;
using SandboxHost.Protocol.Worker.V1;

namespace SandboxHost.Supervisor.Tests;

/// <summary>Frames as a worker writes them.</summary>
internal static class Frames
{
    public static WorkerFrame Hello(string token, uint version = 1) =>
        new() { Hello = new Hello { Token = token, ProtocolVersion = version, Runtime = "node", RuntimeVersion = "24.0.0" } };

    public static WorkerFrame Warmed() => new() { Warmed = new Warmed() };

    public static WorkerFrame Specialised(Error? error = null, params CodeCacheFile[] codeCache) =>
        new() { Specialised = new Specialised { LoadError = error, CodeCache = { codeCache } } };

    public static WorkerFrame Accepted(params uint[] ids) => new() { Accepted = new Accepted { Ids = { ids } } };

    /// <summary>A complete answer; the invocation is over with it.</summary>
    public static WorkerFrame Answer(uint id, string body = "ok") => Response(id, ended: true, body: ByteString.CopyFromUtf8(body));

    /// <summary>A head with which the invocation is not over.</summary>
    public static WorkerFrame Response(uint id, uint status = 200, bool ended = false, ByteString? body = null, params string[] headers) =>
        new() { Response = new Response { Id = id, Status = status, Ended = ended, BodyKind = BodyKind.Complete, Body = body ?? ByteString.Empty, Headers = { headers } } };

    public static WorkerFrame Streamed(uint id, bool ended = false, long length = -1) =>
        new() { Response = new Response { Id = id, Status = 200, BodyKind = BodyKind.Streamed, Streaming = true, Ended = ended, BodyLength = length } };

    public static WorkerFrame Ended(uint id, Outcome outcome = Outcome.Completed) => new() { Ended = new Ended { Id = id, Outcome = outcome } };

    public static WorkerFrame Log(string text, uint id = 0) => new() { Log = new Log { Id = id, Level = Level.Info, Text = text } };

    public static WorkerFrame Pong(ulong nonce) => new() { Pong = new Pong { Nonce = nonce } };

    public static BodyChunk Chunk(uint id, int length, bool last = false) =>
        new() { Id = id, Data = ByteString.CopyFrom(new byte[length]), Last = last };
}
