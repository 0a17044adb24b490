namespace SandboxHost.Chaos.Load.Faults;

/// <summary>A function is edited again and again while it is asked, on a developer's machine.</summary>
internal sealed class Edits : Fault
{
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(1);

    public override string Title => "A function is edited";

    public override string Invariant =>
        "No request fails. An edit shows, which should be within 1 s; from when it has shown, no request that is sent later is answered by an older version.";

    protected override async Task InjectAsync(LoadSite site, FaultLength length, FaultReport report)
    {
        await using var host = await site.StartHostAsync();
        using var client = LoadSite.ClientOf(host);
        await using var load = LoadDriver.Start(LoadSite.AddressOf(host));
        var edits = length.Pick(full: 40, brief: 8);
        var versions = new VersionTimeline();
        for (var version = 2; version <= edits + 1; version++)
        {
            var current = version;
            versions.Begin(version, load.Elapsed);
            site.WriteVersion(version);
            var took = await Eventually.TrueAsync(async () => await LoadSite.VersionAsync(client) == current, LoadDriver.HangLimit, $"version {version} shows");
            versions.Complete(load.Elapsed);
            report.Recovered("edit shown", took, LoadDriver.HangLimit, Promised);
        }

        var result = await load.StopAsync();
        report.Injected = $"{edits} edits of the function, each once the one before shows.";
        report.Judge(result, site.Ledger);
        report.CheckNone(result.Failures, "a request");
        report.CheckNone(result.Requests.Where(request => request.End == LoadEnd.Succeeded && versions.IsStale(request)), "an answer of a version that was gone");
    }
}
