using SandboxHost.Supervisor.Workers;

namespace SandboxHost.Supervisor.Pools;

/// <summary>Who of a pool's workers gets the next invocation. Used under the pool's lock.</summary>
internal static class WorkerSlots
{
    /// <summary>Runs nothing, and could.</summary>
    public static bool IsIdle(Worker worker) => worker is { SlotsTaken: 0, IsLeaving: false };

    /// <summary>Reserves a slot on the worker that was used last and has one free, and puts it at the end.</summary>
    public static Worker? TakeSlot(this List<Worker> workers, int concurrency)
    {
        for (var i = workers.Count - 1; i >= 0; i--)
        {
            var worker = workers[i];
            if (!worker.IsLeaving && worker.SlotsTaken < concurrency)
            {
                worker.SlotsTaken++;
                if (i != workers.Count - 1)
                {
                    workers.RemoveAt(i);
                    workers.Add(worker);
                }

                return worker;
            }
        }

        return null;
    }

    /// <summary>Gives free slots to those who wait, in their order.</summary>
    public static void Serve(this List<Worker> workers, LinkedList<Waiter> waiters, int concurrency)
    {
        while (waiters.First is { } first && workers.TakeSlot(concurrency) is { } worker)
        {
            waiters.Remove(first);
            if (!first.Value.Lease.TrySetResult(new Lease(worker, null)))
            {
                worker.SlotsTaken--;
            }
        }
    }
}
