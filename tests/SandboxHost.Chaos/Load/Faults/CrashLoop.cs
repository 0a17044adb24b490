using System.Collections.Concurrent;
using System.Net.Http.Headers;

namespace SandboxHost.Chaos.Load.Faults;

/// <summary>A function ends its worker at every call, and is asked all the time.</summary>
internal sealed class CrashLoop : Fault
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    /// <summary>Of the crashing function, a second, in the long run: each costs some 30 ms of CPU.</summary>
    private const double MaxStartsPerSecond = 2;

    public override string Title => "A function crashes at every call";

    public override string Invariant =>
        "After a few crashes the function is shut off: it is 503 with a reason and Retry-After, and costs no more than two starts a second. "
        + "No request to another function fails.";

    protected override async Task InjectAsync(LoadSite site, FaultLength length, FaultReport report)
    {
        site.Folder.Write("crash.mjs", "export default async () => { process.exit(3); }; export const config = { path: '/crash' };");
        await using var host = await site.StartHostAsync();
        using var client = LoadSite.ClientOf(host);
        client.Timeout = TimeSpan.FromMinutes(1);
        var workers = new HostWorkers(host);
        var answers = new ConcurrentQueue<(string Reason, RetryConditionHeaderValue? RetryAfter)>();
        await using var load = LoadDriver.Start(LoadSite.AddressOf(host));
        using var timer = new PeriodicTimer(Interval);
        var asked = new List<Task>();
        while (load.Elapsed < length.Load && await timer.WaitForNextTickAsync())
        {
            asked.Add(AskAsync(client, answers));
        }

        await Task.WhenAll(asked);
        var result = await load.StopAsync();
        var counts = answers.CountBy(answer => answer.Reason).OrderByDescending(each => each.Value).ToList();
        var starts = workers.StartedOf("crash");
        report.Injected = $"A function that calls `process.exit(3)`, asked {asked.Count} times, 20 times a second: {string.Join(", ", counts.Select(each => $"{each.Value} × {each.Key}"))}; {starts} of its workers were started.";
        report.Judge(result, site.Ledger);
        report.CheckNone(result.Failures, "a request to another function");
        var refused = answers.Where(answer => answer.Reason.StartsWith("503", StringComparison.Ordinal)).ToList();
        report.Check(refused.Count > asked.Count / 2, $"only {refused.Count} of {asked.Count} calls were refused");
        report.Check(refused.All(answer => answer.RetryAfter is not null), "503 without Retry-After");
        report.Check(starts <= MaxStartsPerSecond * length.Load.TotalSeconds, $"{starts} workers were started for it");
    }

    private static async Task AskAsync(HttpClient client, ConcurrentQueue<(string, RetryConditionHeaderValue?)> answers)
    {
        using var reply = await client.GetAsync("/crash");
        var (_, reason, _) = LoadAnswer.Judge("", (int)reply.StatusCode, null, await reply.Content.ReadAsStringAsync());
        answers.Enqueue(($"{(int)reply.StatusCode} `{reason}`", reply.Headers.RetryAfter));
    }
}
