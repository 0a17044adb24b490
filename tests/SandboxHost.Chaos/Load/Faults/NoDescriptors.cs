using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace SandboxHost.Chaos.Load.Faults;

/// <summary>The host has no descriptor left for new connections and new workers, for a while.</summary>
internal sealed class NoDescriptors : Fault
{
    /// <summary>For clients.</summary>
    private const int Left = 10;

    /// <summary>Clients that it takes at most to use those up: the host gives some back meanwhile.</summary>
    private const int MostHeldClients = 400;

    /// <summary>That the host keeps for itself (docs/limits.md).</summary>
    private const int Reserve = 128;

    /// <summary>Of each worker that is started for those who waited.</summary>
    private const int WorkerDescriptors = 30;

    private const int NewClients = 20;

    /// <summary>Of one processor, beside what the load costs: a host that asked for each client again and again would need all of it.</summary>
    private const double MostBusyWaiting = 0.5;

    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(1);

    public override string Title => "The host is out of descriptors";

    public override string Invariant =>
        "Who is connected is answered as before. New connections wait, and cost nothing; a function that needs a new worker is 503 `start_failed`. The host "
        + "lives, and when there are descriptors again all who waited are answered within 1 s, and it holds no more of them than before.";

    protected override async Task InjectAsync(LoadSite site, FaultLength length, FaultReport report)
    {
        site.Folder.Write("cold.mjs", "export default async () => new Response('cold'); export const config = { path: '/cold' };");
        await using var host = await site.StartHostAsync(arguments: ["--placeholders", "0"]);
        using var client = LoadSite.ClientOf(host);
        await client.GetStringAsync("/read?id=look");
        await using var load = LoadDriver.Start(LoadSite.AddressOf(host), readsOnly: true);
        var processor = Process.GetProcessById(host.Id);
        var quiet = await BusyAsync(processor, length.Outage / 4);
        var workers = new HostWorkers(host);
        var (before, workersBefore) = (DescriptorLimit.CountOf(host.Id), workers.Serving().Count);
        load.KeepToConnections();
        var held = new List<Socket>();
        List<Task<HttpStatusCode>> waiting;
        int served;
        double busy;
        long released;
        using (var limit = DescriptorLimit.Leave(host.Id, Left + Reserve))
        {
            // They say nothing and stay. The last ones are not taken any more, and wait as those do who come after them.
            while (!await StaysAsync(limit, client) && held.Count < MostHeldClients)
            {
                held.Add(await ConnectAsync(host));
                await client.GetStringAsync("/read?id=look");
            }

            report.Check(limit.IsDownTo(Reserve), $"{held.Count} clients did not use up the descriptors");
            waiting = [.. Enumerable.Range(0, NewClients).Select(_ => AskAnewAsync(host))];
            using var cold = await client.GetAsync("/cold");
            var text = await cold.Content.ReadAsStringAsync();
            report.Check((int)cold.StatusCode == 503 && text.Contains("\"start_failed\"", StringComparison.Ordinal), $"a function that needs a worker was answered with {(int)cold.StatusCode}: {text}");
            busy = await BusyAsync(processor, length.Outage / 2);
            served = waiting.Count(task => task.IsCompleted);
            released = Stopwatch.GetTimestamp();
        }

        report.Check(served == 0, $"{served} of {NewClients} new clients were answered: there were descriptors");
        report.Check(busy < quiet + MostBusyWaiting, $"the host used {busy:P0} of a processor, {quiet:P0} before");
        var statuses = await Task.WhenAll(waiting);
        report.Recovered("all who waited answered", Stopwatch.GetElapsedTime(released), Promised);
        report.Check(statuses.All(status => status == HttpStatusCode.OK), $"new clients were answered with {string.Join(", ", statuses.Distinct())}");
        held.ForEach(socket => socket.Dispose());
        report.Recovered(
            "cold function served",
            await Eventually.TrueAsync(async () => (await client.GetAsync("/cold")).IsSuccessStatusCode, LoadDriver.HangLimit, "a cold function is served"),
            Promised);
        await Task.Delay(length.Outage / 4);

        var result = await load.StopAsync();
        report.Injected = $"The host's limit of descriptors set to {Left} more than it had ({before}) and the {Reserve} that it keeps for itself, for {length.Outage.TotalSeconds / 2:0} s, {held.Count} clients that connect and say nothing, and {NewClients} that ask: {NewClients - served} of them waited. The host used {busy:P0} of a processor meanwhile, {quiet:P0} before.";
        report.Judge(result, site.Ledger);
        report.CheckNone(result.Failures, "a request of a client that is connected");
        var allowed = before + ((workers.Serving().Count - workersBefore) * WorkerDescriptors);
        var took = await Eventually.TrueAsync(
            () => DescriptorLimit.CountOf(host.Id) <= allowed, TimeSpan.FromSeconds(10), $"from {DescriptorLimit.CountOf(host.Id)} descriptors to {allowed}");
        report.Note($"{DescriptorLimit.CountOf(host.Id)} descriptors {took.TotalSeconds:0.0} s after the load ended, {before} before, with {workersBefore} and {workers.Serving().Count} workers.");
    }

    /// <returns>Parts of one processor.</returns>
    // The host's own come and go: what was used up for a moment only is not.
    private static async Task<bool> StaysAsync(DescriptorLimit limit, HttpClient client)
    {
        if (!limit.IsDownTo(Reserve))
        {
            return false;
        }

        await client.GetStringAsync("/read?id=look");
        return limit.IsDownTo(Reserve);
    }

    private static async Task<double> BusyAsync(Process process, TimeSpan time)
    {
        process.Refresh();
        var (before, start) = (process.TotalProcessorTime, Stopwatch.GetTimestamp());
        await Task.Delay(time);
        process.Refresh();
        return (process.TotalProcessorTime - before) / Stopwatch.GetElapsedTime(start);
    }

    private static async Task<Socket> ConnectAsync(HostProcess host)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, host.Port);
        return socket;
    }

    private static async Task<HttpStatusCode> AskAnewAsync(HostProcess host)
    {
        using var client = LoadSite.ClientOf(host);
        client.Timeout = TimeSpan.FromMinutes(2);
        using var reply = await client.GetAsync("/read?id=new");
        return reply.StatusCode;
    }
}
