using Google.Protobuf;
using Grpc.Core;
using SandboxHost.Invocations;

namespace SandboxHost.Supervisor.Transport;

/// <summary>A worker broke the worker protocol. The message names the clause in words; the worker is killed.</summary>
internal sealed class ProtocolViolation(string message) : Exception(message)
{
    /// <summary>What the worker's invocations end with.</summary>
    public static readonly FunctionError Error = new(ErrorCode.ProtocolViolation, "The worker broke the worker protocol.");

    /// <summary>
    /// What is wrong with a message that could not be read; null when it is the connection. gRPC has a type of exception for
    /// each layer of a message: the prefix, its flag and its length, the size, the content.
    /// </summary>
    public static ProtocolViolation? In(Exception exception) => exception switch
    {
        ProtocolViolation violation => violation,
        InvalidProtocolBufferException => new ProtocolViolation("a message is none of the protocol's"),
        // Of the two exceptions for a prefix this one has no type of its own, so gRPC's words have to do.
        IOException { Message: var text } when text.StartsWith("Message too large", StringComparison.Ordinal) => new ProtocolViolation("a message is larger than 256 KiB"),
        InvalidDataException => new ProtocolViolation("a message has a prefix that gRPC does not allow"),
        RpcException { StatusCode: StatusCode.ResourceExhausted } => new ProtocolViolation("a message is larger than 256 KiB"),
        RpcException { StatusCode: StatusCode.Unimplemented } => new ProtocolViolation("a message is compressed"),
        RpcException { StatusCode: StatusCode.Internal } => new ProtocolViolation("a message is cut, or not encoded as it says"),
        _ => null,
    };
}
