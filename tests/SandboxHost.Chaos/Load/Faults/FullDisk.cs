namespace SandboxHost.Chaos.Load.Faults;

/// <summary>The disk with the site's state, and the one for temporary files, have no byte left for a while.</summary>
internal sealed class FullDisk : Fault
{
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(1);

    public override string Title => "The disk is full";

    public override string Invariant =>
        "Requests are answered as before. What has to be stored is refused by name (`store_failed`), and nothing that was accepted is lost. "
        + "An edit that can't be built says why. When there is room again, both work within 1 s.";

    protected override async Task InjectAsync(LoadSite site, FaultLength length, FaultReport report)
    {
        Assert.SkipUnless(Environment.UserName == "root", "Only root can mount a small disk.");
        site.Folder.Write("work.mjs", BackgroundCalls.Source);
        site.Folder.Write("edited.mjs", Edited("one"));
        using var state = new SmallDisk(Path.Combine(site.Folder.Directory, ".sandboxhost"), megabytes: 8);
        using var folder = new TempFolder();
        using var temporary = new SmallDisk(folder.File("tmp"), megabytes: 2);
        await using var host = await site.StartHostAsync(environment: new Dictionary<string, string> { ["TMPDIR"] = folder.File("tmp") });
        using var client = LoadSite.ClientOf(host);
        await using var load = LoadDriver.Start(LoadSite.AddressOf(host));
        await using var calls = new BackgroundCalls(client);
        await Task.Delay(length.Outage / 4);

        state.Fill();
        temporary.Fill();
        site.Folder.Write("edited.mjs", Edited("two"));
        await host.WaitForLineAsync("Failed to load function edited");
        await host.WaitForLineAsync("space left");
        await Task.Delay(length.Outage / 2);
        report.Check(calls.Refusals.Count > 0, "no background call was refused: the disk was not full");
        var failed = await client.GetStringAsync("/read?id=look");
        report.Check(failed.EndsWith("end", StringComparison.Ordinal), "a function did not answer");

        temporary.Empty();
        state.Empty();
        var accepted = await Eventually.TrueAsync(calls.IsAcceptedAsync, LoadDriver.HangLimit, "background calls are accepted");
        report.Recovered("background calls accepted", accepted, Promised);
        site.Folder.Write("edited.mjs", Edited("three"));
        var shown = await Eventually.TrueAsync(async () => await TextAsync(client) == "three", LoadDriver.HangLimit, "the edit shows");
        report.Recovered("edit shown", shown, Promised);
        await Task.Delay(length.Outage / 4);

        var result = await load.StopAsync();
        await calls.MustRunAsync(site.Ledger, TimeSpan.FromSeconds(15), report);
        report.Injected = $"The file systems of `.sandboxhost` (8 MB) and of temporary files (2 MB) filled to the last byte for {length.Outage.TotalSeconds / 2:0} s. An edit meanwhile was refused with the reason.";
        report.Judge(result, site.Ledger);
        report.CheckNone(result.Failures, "a request");
        report.Check(calls.Refusals.Keys.All(refusal => refusal == "503 `store_failed`"), $"background calls were refused with {string.Join(", ", calls.Refusals.Keys)}");
    }

    private static string Edited(string text) => $"export default async () => new Response('{text}'); export const config = {{ path: '/edited' }};";

    private static async Task<string> TextAsync(HttpClient client)
    {
        using var reply = await client.GetAsync("/edited");
        return await reply.Content.ReadAsStringAsync();
    }
}
