using System.Runtime.InteropServices;

namespace SandboxHost.Chaos.Load.Faults;

/// <summary>
/// The host's wall clock jumps, forwards and back. libfaketime lies to the host's process alone, so the machine's clock and
/// the workers' stay right, and host and workers disagree by as much, which a clock that is really set would not even do.
/// </summary>
internal sealed class SteppedClock : Fault
{
    private static readonly string[] Steps = ["+3600", "-3600", "+0", "+86400", "+0"];

    private static string Library =>
        $"/usr/lib/{(RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "aarch64" : "x86_64")}-linux-gnu/faketime/libfaketimeMT.so.1";

    public override string Title => "The clock is set";

    public override string Invariant =>
        "No request fails and no limit fires early or late: time limits and idle times don't count by the wall clock. What was accepted of background calls runs, and once.";

    protected override async Task InjectAsync(LoadSite site, FaultLength length, FaultReport report)
    {
        Assert.SkipUnless(File.Exists(Library), "No libfaketime: apt-get install faketime.");
        site.Folder.Write("work.mjs", BackgroundCalls.Source);
        using var folder = new TempFolder();
        var offset = folder.Write("offset", "+0");
        await using var host = await site.StartHostAsync(environment: new Dictionary<string, string>
        {
            ["LD_PRELOAD"] = Library,
            ["FAKETIME_TIMESTAMP_FILE"] = offset,
            // It looks at the file once a second; at every question it would cost the host more than the load does.
            ["FAKETIME_CACHE_DURATION"] = "1",
            // Only the wall clock: no other clock, no times of files, and no waits.
            ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1",
            ["FAKETIME_FORCE_MONOTONIC_FIX"] = "0",
            ["NO_FAKE_STAT"] = "1",
        });
        using var client = LoadSite.ClientOf(host);
        await using var load = LoadDriver.Start(LoadSite.AddressOf(host));
        await using var calls = new BackgroundCalls(client);
        foreach (var step in Steps)
        {
            await Task.Delay(length.Outage / (Steps.Length + 1));
            await File.WriteAllTextAsync(offset, step);
            var seconds = int.Parse(step);
            await Eventually.TrueAsync(async () => Math.Abs((await DateAsync(client) - DateTimeOffset.UtcNow).TotalSeconds - seconds) < 5, TimeSpan.FromSeconds(5), "the host has the clock");
        }

        await Task.Delay(length.Outage / (Steps.Length + 1));
        var result = await load.StopAsync();
        await calls.MustRunAsync(site.Ledger, TimeSpan.FromSeconds(10), report);
        report.Injected = $"The host's wall clock set to {string.Join(" s, ", Steps)} s of the right time, in turn (libfaketime in the host's process).";
        report.Judge(result, site.Ledger);
        report.CheckNone(result.Failures, "a request");
        report.Check(calls.Refusals.Count == 0, "background calls were refused");
    }

    // What the host thinks it is; its server renews the date once a second.
    private static async Task<DateTimeOffset> DateAsync(HttpClient client)
    {
        using var reply = await client.GetAsync("/read?id=look");
        return reply.Headers.Date!.Value;
    }
}
