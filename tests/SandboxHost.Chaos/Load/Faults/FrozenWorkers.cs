namespace SandboxHost.Chaos.Load.Faults;

/// <summary>The workers' runners get SIGSTOP: they live, hold their connections and do nothing.</summary>
internal sealed class FrozenWorkers : Fault
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(6);

    /// <summary>Beyond the time limit: for noticing that its event loop does not answer (250 ms), and for killing it.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    public override string Title => "Workers stand still";

    public override string Invariant =>
        "A worker that is stopped holds up the requests that it has, as many as its slots at most, until their time limit; they end with "
        + "`timeout`, or begin again elsewhere when the worker is killed (a write that was taken: `worker_exited`; a stream whose head was out: reset). It is replaced, and nobody else notices. None hangs, none is run twice.";

    protected override async Task InjectAsync(LoadSite site, FaultLength length, FaultReport report)
    {
        await using var host = await site.StartHostAsync();
        var workers = new HostWorkers(host);
        var (rounds, stopped) = (0, 0);
        await using var load = LoadDriver.Start(LoadSite.AddressOf(host));
        do
        {
            await Task.Delay(TimeSpan.FromSeconds(1));
            var held = workers.Serving().Where(worker => worker.Function == LoadSite.Function).ToList();
            foreach (var worker in held)
            {
                Signals.Send(workers.RunnerOf(worker)!.Value, Signals.Stop);
            }

            stopped += held.Count;
            var took = await Eventually.TrueAsync(() => held.All(worker => workers.ProcessesOf(worker).Count == 0), LoadDriver.HangLimit, "the stopped workers are gone");
            report.Recovered("stopped workers gone", took, LoadSite.TimeLimit + Grace);
            var next = (++rounds * Interval) - load.Elapsed;
            if (next > TimeSpan.Zero)
            {
                await Task.Delay(next);
            }
        }
        while (load.Elapsed < length.Load);

        var result = await load.StopAsync();
        report.Injected = $"SIGSTOP to the runners of all workers that serve the load: {rounds} times, {stopped} workers. The function's time limit is {LoadSite.TimeLimit.TotalSeconds} s, and a worker has {LoadSite.Concurrency} slots.";
        report.Judge(result, site.Ledger);
        report.CheckNone(
            result.Failures.Where(request => request is not ({ Reason: "timeout" } or { Kind: LoadKind.Write, Reason: "worker_exited" } or { Kind: LoadKind.Stream, End: LoadEnd.Reset })),
            "another end than these");
        var failed = result.Failures.Count();
        report.Check(failed <= stopped * LoadSite.Concurrency, $"{failed} requests failed; {stopped} workers had {stopped * LoadSite.Concurrency} slots");
    }
}
