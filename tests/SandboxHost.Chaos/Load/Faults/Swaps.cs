using System.Diagnostics;
using SandboxHost.Control;
using SandboxHost.Protocol.Control.V1;

namespace SandboxHost.Chaos.Load.Faults;

/// <summary>One deploy of a site is published in place of the other, again and again, while it is asked.</summary>
internal sealed class Swaps : Fault
{
    private const int Deploys = 3;

    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(1);

    /// <summary>A swap waits for workers of what comes, but no longer than 3 s.</summary>
    private static readonly TimeSpan PublishLimit = TimeSpan.FromSeconds(4);

    public override string Title => "Deploys are swapped";

    public override string Invariant =>
        "No request fails. Publishing takes as long as a worker of the new deploy takes to start, which should be less than 1 s, and at most 4 s; from when it is "
        + "done, no request that is sent later is answered by the deploy before, and the new one answers within 1 s.";

    protected override async Task InjectAsync(LoadSite site, FaultLength length, FaultReport report)
    {
        var data = Directory.CreateTempSubdirectory("sandboxhost-test-data-");
        try
        {
            await using var host = await HostProcess.ServeAsync(data.FullName, "-q", "--egress-allow", $"localhost:{site.Ledger.Port}");
            await SwapAsync(site, data.FullName, host, length, report);
        }
        finally
        {
            data.Delete(recursive: true);
        }
    }

    private static async Task SwapAsync(LoadSite site, string data, HostProcess host, FaultLength length, FaultReport report)
    {
        var deploys = new List<string>();
        for (var version = 1; version <= Deploys; version++)
        {
            site.WriteVersion(version);
            deploys.Add(await site.DeployAsync(data));
        }

        using var channel = ControlChannel.Open(data);
        var control = new DeploysService.DeploysServiceClient(channel);
        await control.PublishDeployAsync(new DeployId { Id = deploys[0] });
        using var client = LoadSite.ClientOf(host, LoadSite.HostName);
        await LoadSite.AskInEachWayAsync(client);

        await using var load = LoadDriver.Start(LoadSite.AddressOf(host), LoadSite.HostName);
        var swaps = length.Pick(full: 200, brief: 10);
        var versions = new VersionTimeline();
        for (var swap = 1; swap <= swaps; swap++)
        {
            var (version, start) = ((swap % Deploys) + 1, Stopwatch.GetTimestamp());
            versions.Begin(version, load.Elapsed);
            await control.PublishDeployAsync(new DeployId { Id = deploys[version - 1] }, deadline: DateTime.UtcNow + LoadDriver.HangLimit);
            versions.Complete(load.Elapsed);
            report.Recovered("deploy published", Stopwatch.GetElapsedTime(start), PublishLimit, Promised);
            start = Stopwatch.GetTimestamp();
            report.Check(await LoadSite.VersionAsync(client) == version, "another deploy answered than the one that was published");
            report.Recovered("answer of the new deploy", Stopwatch.GetElapsedTime(start), Promised);
        }

        var result = await load.StopAsync();
        report.Injected = $"{swaps} times another of {Deploys} deploys published, each once the one before has answered.";
        report.Judge(result, site.Ledger);
        report.CheckNone(result.Failures, "a request");
        report.CheckNone(result.Requests.Where(request => request.End == LoadEnd.Succeeded && versions.IsStale(request)), "an answer of a deploy that was gone");
    }
}
