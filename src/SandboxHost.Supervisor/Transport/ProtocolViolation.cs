using SandboxHost.Invocations;

namespace SandboxHost.Supervisor.Transport;

/// <summary>A worker broke the worker protocol. The message names the clause in words; the worker is killed.</summary>
internal sealed class ProtocolViolation(string message) : Exception(message)
{
    /// <summary>What the worker's invocations end with.</summary>
    public static readonly FunctionError Error = new(ErrorCode.ProtocolViolation, "The worker broke the worker protocol.");
}
