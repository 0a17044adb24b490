namespace SandboxHost.Supervisor.Workers;

/// <summary>The pool that a worker belongs to.</summary>
internal interface IWorkerOwner
{
    void OnSlotFree(Worker worker);

    void OnWorkerLeaving(Worker worker);

    void OnWorkerGone(Worker worker);
}
