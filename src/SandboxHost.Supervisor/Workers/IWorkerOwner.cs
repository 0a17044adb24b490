using SandboxHost.Invocations;

namespace SandboxHost.Supervisor.Workers;

/// <summary>The pool that a worker belongs to.</summary>
internal interface IWorkerOwner
{
    /// <param name="answered">The invocation ended as it should, with a response if one was asked for.</param>
    void OnSlotFree(Worker worker, bool answered);

    void OnWorkerLeaving(Worker worker);

    void OnWorkerGone(Worker worker);

    /// <summary>The worker ends, or will, by its function's doing. Told once, before it is gone.</summary>
    void OnCrash(FunctionError how);
}
