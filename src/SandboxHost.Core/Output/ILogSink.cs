using SandboxHost.Deployments;

namespace SandboxHost.Output;

public enum OutputLevel
{
    Debug,
    Info,
    Warn,
    Error,
}

/// <summary>Something a function printed, or the host has to say about one of its invocations.</summary>
/// <param name="RequestId">The invocation that printed it; null when none can be named.</param>
public readonly record struct OutputLine(FunctionVersion? Function, string? RequestId, OutputLevel Level, string Text);

/// <summary>Takes what functions print. Must not block and must bound what it keeps.</summary>
public interface ILogSink
{
    void Write(in OutputLine line);
}
