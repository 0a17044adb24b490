using SandboxHost.Invocations;
using SandboxHost.Supervisor.Workers;

namespace SandboxHost.Supervisor.Pools;

/// <summary>A slot on a worker, or why there is none. The slot comes back when the invocation on it is over.</summary>
internal readonly record struct Lease(Worker? Worker, FunctionError? Error);

/// <summary>A request that waits for a slot.</summary>
/// <param name="Since">The clock's timestamp.</param>
internal sealed record Waiter(long Since)
{
    public TaskCompletionSource<Lease> Lease { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Its place in the queue.</summary>
    public LinkedListNode<Waiter>? Node { get; set; }
}
