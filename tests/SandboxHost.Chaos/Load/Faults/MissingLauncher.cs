using System.Diagnostics;
using System.Net;

namespace SandboxHost.Chaos.Load.Faults;

/// <summary>The program that starts sandboxes is away for a while, as during an update that goes wrong.</summary>
internal sealed class MissingLauncher : Fault
{
    private const int ColdFunctions = 6;
    private const string Launcher = "launcher/sandboxhost-launcher";

    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(1);

    public override string Title => "The launcher is missing";

    public override string Invariant =>
        "Functions that have a worker serve on without a failure. A function that needs a new one gets a sandbox that stands ready, or is 503 "
        + "`start_failed` with Retry-After, at once. When the launcher is back, cold functions are served within 1 s.";

    protected override async Task InjectAsync(LoadSite site, FaultLength length, FaultReport report)
    {
        for (var number = 0; number <= ColdFunctions; number++)
        {
            site.Folder.Write($"cold{number}.mjs", "export default async () => new Response('cold');");
        }

        using var installation = new TempFolder();
        Furnish(installation);
        await using var host = await site.StartHostAsync(environment: new Dictionary<string, string> { ["SANDBOXHOST_HOME"] = installation.Path });
        using var client = LoadSite.ClientOf(host);
        await using var load = LoadDriver.Start(LoadSite.AddressOf(host));
        await Task.Delay(length.Outage / 8);
        File.Move(installation.File(Launcher), installation.File(Launcher + ".away"));

        var slowest = TimeSpan.Zero;
        var statuses = new List<int>();
        for (var number = 1; number <= ColdFunctions; number++)
        {
            var start = Stopwatch.GetTimestamp();
            using var reply = await client.GetAsync($"/.netlify/functions/cold{number}");
            slowest = TimeSpan.FromTicks(Math.Max(slowest.Ticks, Stopwatch.GetElapsedTime(start).Ticks));
            statuses.Add((int)reply.StatusCode);
            if (reply.StatusCode != HttpStatusCode.OK)
            {
                var body = await reply.Content.ReadAsStringAsync();
                report.Check(reply.StatusCode == HttpStatusCode.ServiceUnavailable && body.Contains("\"start_failed\"", StringComparison.Ordinal), $"a cold function was answered with {(int)reply.StatusCode}: {body}");
                report.Check(reply.Headers.RetryAfter is not null, "503 without Retry-After");
            }

            await Task.Delay(length.Outage / 16);
        }

        report.Check(statuses[^1] == 503, $"the last cold function was answered with {statuses[^1]}: the launcher was not missed");
        report.Check(slowest < TimeSpan.FromSeconds(1), $"an answer to a cold function took {slowest.TotalMilliseconds:0} ms");
        File.Move(installation.File(Launcher + ".away"), installation.File(Launcher));
        var took = await Eventually.TrueAsync(
            async () => (await client.GetAsync($"/.netlify/functions/cold{ColdFunctions}")).IsSuccessStatusCode, LoadDriver.HangLimit, "the cold function is served");
        report.Recovered("cold function served", took, Promised);
        await Task.Delay(length.Outage / 8);

        var result = await load.StopAsync();
        report.Injected = $"The launcher's file renamed for {length.Outage.TotalSeconds * ColdFunctions / 16:0} s; {ColdFunctions} cold functions asked meanwhile: answered with {string.Join(", ", statuses)}, none later than {slowest.TotalMilliseconds:0} ms.";
        report.Judge(result, site.Ledger);
        report.CheckNone(result.Failures, "a request to a function that has a worker");
    }

    // An installation of its own, laid out as a package, so that nobody else misses the launcher.
    private static void Furnish(TempFolder installation)
    {
        Directory.CreateDirectory(installation.File("launcher"));
        File.Copy(Repository.PathOf("artifacts/" + Launcher), installation.File(Launcher));
        File.CreateSymbolicLink(installation.File("runners"), Repository.PathOf("artifacts/runners"));
        File.CreateSymbolicLink(installation.File("runtimes"), Repository.PathOf("runtimes"));
    }
}
