using System.Diagnostics;
using System.Globalization;

namespace SandboxHost.Chaos.Load.Faults;

/// <summary>The host itself gets SIGKILL under load, and is started again at once, as a service manager does.</summary>
internal sealed class KilledHost : Fault
{
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(1);

    /// <summary>Most of a start is the just-in-time compiler's, so the promise is the package's (docs/decisions/0016).</summary>
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(10);

    public override string Title => "The host is killed";

    public override string Invariant =>
        "Its workers are gone within 1 s, and nothing of it is left when the next host serves, which should be within 1 s of its start. "
        + "Requests fail only between the two, by a connection that is refused or reset; none hangs, none is cut in silence, no write is run twice.";

    protected override async Task InjectAsync(LoadSite site, FaultLength length, FaultReport report)
    {
        var data = Directory.CreateTempSubdirectory("sandboxhost-test-data-");
        try
        {
            await KillAsync(site, data.FullName, length, report);
        }
        finally
        {
            data.Delete(recursive: true);
        }
    }

    private static async Task KillAsync(LoadSite site, string data, FaultLength length, FaultReport report)
    {
        var host = await ServeAsync(site, data, port: 0);
        await site.DeployAsync(data);
        var (port, address) = (host.Port, LoadSite.AddressOf(host));
        using var client = LoadSite.ClientOf(host, LoadSite.HostName);
        await LoadSite.AskInEachWayAsync(client);
        var outages = new List<(TimeSpan From, TimeSpan To)>();
        var rounds = length.Pick(full: 6, brief: 2);
        LoadResult result;
        await using (var load = LoadDriver.Start(address, LoadSite.HostName))
        {
            for (var round = 0; round < rounds; round++)
            {
                await Task.Delay(length.Load / rounds);
                var from = load.Elapsed;
                var killed = host;
                await killed.KillAsync();
                var gone = Eventually.TrueAsync(() => Leftovers.WorkerProcesses(killed.Instance).Count == 0, LoadDriver.HangLimit, "the workers are gone");

                var started = Stopwatch.GetTimestamp();
                host = await ServeAsync(site, data, port);
                await Eventually.TrueAsync(() => AnswersAsync(client), LoadDriver.HangLimit, "the next host serves");
                report.Recovered("next host serves", Stopwatch.GetElapsedTime(started), StartLimit, Promised);
                outages.Add((from, load.Elapsed));
                report.Recovered("workers of the killed host gone", await gone, Promised);
                var left = host.Instance == killed.Instance ? [] : Leftovers.Of(killed.Instance).ToList();
                report.Check(left.Count == 0, $"left by the killed host: {string.Join(", ", left)}");
                await killed.DisposeAsync();
            }

            await Task.Delay(TimeSpan.FromSeconds(1));
            result = await load.StopAsync();
        }

        await host.DisposeAsync();
        report.Injected = $"SIGKILL to a host that serves a deploy: {rounds} times, each time started again at once over the same data and port.";
        report.Judge(result, site.Ledger);
        report.CheckNone(result.Failures.Where(request => request.End != LoadEnd.Reset), "another end than a broken connection");
        report.CheckNone(result.Failures.Where(request => !outages.Any(outage => request.Ended >= outage.From && request.Due <= outage.To)), "a request while a host served");
    }

    private static Task<HostProcess> ServeAsync(LoadSite site, string data, int port) => HostProcess.ServeAsync(
        data, "-q", "--port", port.ToString(CultureInfo.InvariantCulture), "--egress-allow", $"localhost:{site.Ledger.Port}");

    private static async Task<bool> AnswersAsync(HttpClient client)
    {
        try
        {
            using var reply = await client.GetAsync("/read?id=look");
            return reply.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
