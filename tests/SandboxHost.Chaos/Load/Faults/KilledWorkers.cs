namespace SandboxHost.Chaos.Load.Faults;

/// <summary>Once a second, one process of one worker gets SIGKILL: bubblewrap's, or the runner's.</summary>
internal sealed class KilledWorkers : Fault
{
    /// <summary>Fewer requests say nothing about a thousandth of them.</summary>
    private const int EnoughForAShare = 10_000;

    private const double Share = 0.999;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    public override string Title => "A worker is killed every second";

    public override string Invariant =>
        "Every request that may be repeated, or that no function had taken yet, succeeds; of all requests at least 99.9 % do. "
        + "None hangs, none is answered twice or run twice, none is cut without an error. A write that a function had taken when "
        + "its worker died fails with `worker_exited`; a stream whose head was out is reset.";

    protected override async Task InjectAsync(LoadSite site, FaultLength length, FaultReport report)
    {
        await using var host = await site.StartHostAsync();
        var workers = new HostWorkers(host);
        var random = new Random(7);
        var killed = 0;
        await using var load = LoadDriver.Start(LoadSite.AddressOf(host));
        for (var due = Interval; due < length.Load; due += Interval)
        {
            // At any moment of it: the load has a beat of its own, and kills in step with it would meet the same requests each time.
            await Task.Delay(TimeSpan.FromTicks(Math.Max(0, (due + (Interval * random.NextDouble()) - load.Elapsed).Ticks)));
            killed += KillOne(workers, random) ? 1 : 0;
        }

        var result = await load.StopAsync();
        report.Injected = $"SIGKILL to a process of a random serving worker, once in each second: {killed} times.";
        report.Judge(result, site.Ledger);
        report.CheckNone(result.FailuresOf(LoadKind.Read), "a request that may be repeated");
        report.CheckNone(result.FailuresOf(LoadKind.Write).Where(request => request.Reason != "worker_exited"), "a write that no function had taken");
        report.CheckNone(result.FailuresOf(LoadKind.Stream).Where(request => request.End != LoadEnd.Reset), "a stream that had not begun");
        report.Check(killed >= length.Load.TotalSeconds - 2, "too few workers could be killed");
        var share = (double)report.Load!.Succeeded / report.Load.Sent;
        report.Check(report.Load.Sent < EnoughForAShare || share >= Share, $"only {share:P3} succeeded");
        var writes = result.FailuresOf(LoadKind.Write).ToList();
        report.Note($"{writes.Count} writes failed with their worker; functions had begun with {writes.Count(request => site.Ledger.RunsOf(request.Id) == 1)} of them.");
    }

    private static bool KillOne(HostWorkers workers, Random random)
    {
        if (workers.Serving() is not { Count: > 0 } serving)
        {
            return false;
        }

        var worker = random.GetItems([.. serving], 1)[0];
        if (workers.ProcessesOf(worker) is not { Count: > 0 } processes)
        {
            return false;
        }

        try
        {
            Signals.Send(random.GetItems([.. processes], 1)[0], Signals.Kill);
            return true;
        }
        catch (InvalidOperationException)
        {
            // It ended by itself in this moment.
            return false;
        }
    }
}
