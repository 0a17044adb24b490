namespace SandboxHost.Chaos.Load.Faults;

/// <summary>One version of a function replaces the other, again and again, while it is asked.</summary>
internal sealed class Swaps : Fault
{
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(1);

    public override string Title => "Versions are swapped";

    public override string Invariant =>
        "No request fails. A swap shows within 1 s; from when it has shown, no request that is sent later is answered by an older version.";

    protected override async Task InjectAsync(LoadSite site, FaultLength length, FaultReport report)
    {
        await using var host = await site.StartHostAsync();
        using var client = LoadSite.ClientOf(host);
        await using var load = LoadDriver.Start(LoadSite.AddressOf(host));
        var swaps = length.Pick(full: 200, brief: 10);
        var shown = new List<(TimeSpan At, int Version)>();
        using var timer = new PeriodicTimer(length.Load / swaps);
        for (var version = 2; version <= swaps + 1 && await timer.WaitForNextTickAsync(); version++)
        {
            var current = version;
            site.WriteVersion(version);
            var took = await Eventually.TrueAsync(async () => await VersionAsync(client) == current, LoadDriver.HangLimit, $"version {version} shows");
            shown.Add((load.Elapsed, version));
            report.Recovered("swap shown", took, Promised);
        }

        var result = await load.StopAsync();
        report.Injected = $"{swaps} edits of the function, one every {length.Load.TotalMilliseconds / swaps:0} ms.";
        report.Judge(result, site.Ledger);
        report.CheckNone(result.Failures, "a request");
        report.CheckNone(
            result.Requests.Where(request => request.End == LoadEnd.Succeeded && request.Version < shown.LastOrDefault(each => each.At < request.Due, (default, 1)).Version),
            "an answer of a version that was gone");
    }

    private static async Task<int> VersionAsync(HttpClient client)
    {
        var text = await client.GetStringAsync("/read?id=look");
        return int.Parse(text.Split('\n')[1]["version ".Length..]);
    }
}
