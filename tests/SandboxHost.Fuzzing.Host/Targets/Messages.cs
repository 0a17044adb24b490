using System.Buffers.Binary;
using Google.Protobuf;
using Grpc.Core;

namespace SandboxHost.Fuzzing.Targets;

/// <summary>A stream of messages out of an input: two bytes of length, then the bytes that a worker says are a message.</summary>
internal sealed class Messages<T>(MessageParser<T> parser, ReadOnlyMemory<byte> input) : IAsyncStreamReader<T>
    where T : IMessage<T>
{
    private ReadOnlyMemory<byte> _rest = input;

    public T Current { get; private set; } = default!;

    public Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        if (_rest.Length < 2)
        {
            return Task.FromResult(false);
        }

        var length = Math.Min(BinaryPrimitives.ReadUInt16BigEndian(_rest.Span), _rest.Length - 2);
        var message = _rest.Slice(2, length);
        _rest = _rest[(2 + length)..];
        try
        {
            Current = parser.ParseFrom(message.Span);
            return Task.FromResult(true);
        }
        catch (InvalidProtocolBufferException ex)
        {
            return Task.FromException<bool>(ex);
        }
    }

    public static byte[] Write(IEnumerable<T> messages)
    {
        using var bytes = new MemoryStream();
        foreach (var message in messages.Select(message => message.ToByteArray()))
        {
            bytes.WriteByte((byte)(message.Length >> 8));
            bytes.WriteByte((byte)message.Length);
            bytes.Write(message);
        }

        return bytes.ToArray();
    }
}
