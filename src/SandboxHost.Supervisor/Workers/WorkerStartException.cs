using SandboxHost.Invocations;

namespace SandboxHost.Supervisor.Workers;

/// <summary>A worker did not become ready.</summary>
internal sealed class WorkerStartException : Exception
{
    public WorkerStartException(FunctionError error, Exception? innerException = null)
        : base(error.Message, innerException) => Error = error;

    public WorkerStartException(string message, Exception innerException)
        : this(new FunctionError(ErrorCode.StartFailed, "No worker could be started."), innerException) => Detail = message;

    public FunctionError Error { get; }

    /// <summary>For the operator.</summary>
    public string? Detail { get; }
}
