using System.Diagnostics;
using System.Net;

namespace SandboxHost.Chaos.Load.Faults;

/// <summary>The host has no descriptor left for new connections and new workers, for a while.</summary>
internal sealed class NoDescriptors : Fault
{
    private const int Left = 10;
    private const int NewClients = 40;

    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(1);

    public override string Title => "The host is out of descriptors";

    public override string Invariant =>
        "Who is connected is answered as before. New connections wait; a function that needs a new worker is 503 `start_failed`. The host lives, "
        + "and when there are descriptors again all who waited are answered within 1 s, and it holds no more of them than before.";

    protected override async Task InjectAsync(LoadSite site, FaultLength length, FaultReport report)
    {
        site.Folder.Write("cold.mjs", "export default async () => new Response('cold'); export const config = { path: '/cold' };");
        await using var host = await site.StartHostAsync(arguments: ["--placeholders", "0"]);
        using var client = LoadSite.ClientOf(host);
        await client.GetStringAsync("/read?id=look");
        await using var load = LoadDriver.Start(LoadSite.AddressOf(host), readsOnly: true);
        await Task.Delay(length.Outage / 4);
        var before = DescriptorLimit.CountOf(host.Id);
        var processor = Process.GetProcessById(host.Id);
        List<Task<HttpStatusCode>> waiting;
        int served;
        double busy;
        long released;
        using (DescriptorLimit.Leave(host.Id, Left))
        {
            waiting = [.. Enumerable.Range(0, NewClients).Select(_ => AskAnewAsync(host))];
            await Eventually.TrueAsync(() => DescriptorLimit.CountOf(host.Id) >= before + Left, TimeSpan.FromSeconds(5), "no descriptor is left");
            var (cpu, start) = (processor.TotalProcessorTime, Stopwatch.GetTimestamp());
            using var cold = await client.GetAsync("/cold");
            var text = await cold.Content.ReadAsStringAsync();
            report.Check((int)cold.StatusCode == 503 && text.Contains("\"start_failed\"", StringComparison.Ordinal), $"a function that needs a worker was answered with {(int)cold.StatusCode}: {text}");
            await Task.Delay(length.Outage / 2);
            served = waiting.Count(task => task.IsCompleted);
            processor.Refresh();
            busy = (processor.TotalProcessorTime - cpu) / Stopwatch.GetElapsedTime(start);
            released = Stopwatch.GetTimestamp();
        }

        var statuses = await Task.WhenAll(waiting);
        report.Recovered("all who waited answered", Stopwatch.GetElapsedTime(released), Promised);
        report.Check(statuses.All(status => status == HttpStatusCode.OK), $"new clients were answered with {string.Join(", ", statuses.Distinct())}");
        report.Recovered(
            "cold function served",
            await Eventually.TrueAsync(async () => (await client.GetAsync("/cold")).IsSuccessStatusCode, LoadDriver.HangLimit, "a cold function is served"),
            Promised);
        await Task.Delay(length.Outage / 4);

        var result = await load.StopAsync();
        report.Injected = $"The host's limit of descriptors set to {Left} more than it had ({before}) for {length.Outage.TotalSeconds / 2:0} s, with {NewClients} new clients: {served} were answered at once, {NewClients - served} waited. The host used {busy:P0} of a processor meanwhile.";
        report.Judge(result, site.Ledger);
        report.CheckNone(result.Failures, "a request of a client that is connected");
        // The worker of `cold` has some of its own.
        var took = await Eventually.TrueAsync(() => DescriptorLimit.CountOf(host.Id) <= before + Left, TimeSpan.FromSeconds(10), "the descriptors are given back");
        report.Note($"{DescriptorLimit.CountOf(host.Id)} descriptors {took.TotalSeconds:0.0} s after the load ended, {before} before.");
    }

    private static async Task<HttpStatusCode> AskAnewAsync(HostProcess host)
    {
        using var client = LoadSite.ClientOf(host);
        client.Timeout = TimeSpan.FromMinutes(2);
        using var reply = await client.GetAsync("/read?id=new");
        return reply.StatusCode;
    }
}
