using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace SandboxHost.Conformance;

/// <summary>Work that was accepted survives the death of the host and of workers.</summary>
public sealed partial class DurableRunTests
{
    private const string Work = """
        export default async (req) => {
          const id = (await req.text()).slice(0, 4);
          const attempt = req.headers.get('x-sandboxhost-attempt');
          console.log(`begin ${id} ${attempt}`);
          await new Promise((resolve) => setTimeout(resolve, 60));
          console.log(`done ${id} ${attempt}`);
        };
        export const config = { background: true, path: '/work' };
        """;

    [Fact(Timeout = 120_000)]
    public async Task FC_12_five_hundred_runs_survive_a_host_that_is_killed_while_they_run()
    {
        using var site = new TemporarySite(("work.js", Work));
        var lines = new List<string>();
        await using (var first = await HostProcess.StartAsync(site.Directory))
        {
            await PostAllAsync(first, 500);
            await first.WaitForLineAsync(_ => Lines(first, "done").Count >= 100, TimeSpan.FromSeconds(30));
            await first.KillAsync();
            lines.AddRange(first.Output);
        }

        await using var second = await HostProcess.StartAsync(site.Directory);
        var runs = new List<JsonElement>();
        await Eventually.TrueAsync(
            async () =>
            {
                var list = await RunAsync(site, 0, "runs", "list", "--state", "succeeded", "--limit", "1000", "--json");
                runs = [.. JsonDocument.Parse(list).RootElement.EnumerateArray()];
                return runs.Count >= 500;
            },
            TimeSpan.FromSeconds(60),
            "all have run");
        lines.AddRange(second.Output);

        Assert.Equal(500, runs.Count);
        Assert.All(runs, run => Assert.Equal(run.GetProperty("attempt").GetInt32(), 1 + run.GetProperty("interruptions").GetInt32()));
        // Only what ran when the host died began twice: eight workers of the function at most.
        Assert.InRange(runs.Count(run => run.GetProperty("attempt").GetInt32() == 2), 1, 8);
        Assert.DoesNotContain(runs, run => run.GetProperty("attempt").GetInt32() > 2);
        // No attempt has two beginnings. (What functions said last may have died with the host.)
        var begun = lines.Select(line => Report().Match(line)).Where(match => match.Success && match.Groups["what"].Value == "begin").Select(match => match.Value).ToList();
        Assert.InRange(begun.Count, 490, 508);
        Assert.Equal(begun.Count, begun.Distinct().Count());
    }

    [Fact(Timeout = 120_000)]
    public async Task FC_12_runs_survive_workers_that_are_killed_at_random()
    {
        using var site = new TemporarySite(("work.js", Work));
        site.WriteFile("sandboxhost.toml", "[limits]\nbackground_retries = '100ms,100ms,100ms,100ms,100ms,100ms,100ms,100ms,100ms,100ms'\n");
        await using var host = await HostProcess.StartAsync(site.Directory);
        await PostAllAsync(host, 500);
        var killed = 0;
        var random = new Random(7);
        int Done() => host.Output.Count(line => line.EndsWith("Done executing background function work", StringComparison.Ordinal));
        // By what is done and not by the clock: on a slow machine a worker would die before it is up, each time.
        for (var done = 25; done <= 500; done += 25)
        {
            var enough = done;
            await host.WaitForLineAsync(_ => Done() >= enough, TestMachine.Seconds(60));
            var workers = host.Output.Select(line => Started().Match(line)).Where(match => match.Success)
                .Select(match => int.Parse(match.Groups["id"].Value)).Where(id => Directory.Exists($"/proc/{id}")).ToArray();
            // None, where on a busy machine so much was told to be done at once that they died faster than others start.
            killed += workers.Length > 0 && TryKill(random.GetItems(workers, 1)[0]) ? 1 : 0;
        }

        var begun = host.Output.Select(line => Report().Match(line)).Where(match => match.Success && match.Groups["what"].Value == "begin").Select(match => match.Value).ToList();
        Assert.InRange(killed, 15, 20);
        Assert.Contains(host.Output, line => line.Contains("failed (worker_exited), attempt", StringComparison.Ordinal));
        Assert.Equal(begun.Count, begun.Distinct().Count());
        Assert.DoesNotContain(host.Output, line => line.Contains("given up", StringComparison.Ordinal));
    }

    [Fact(Timeout = 120_000)]
    public async Task FC_12_a_call_that_cannot_be_stored_is_503_and_never_202()
    {
        using var site = new TemporarySite(("work.js", Work));
        await using var host = await HostProcess.StartAsync(site.Directory, "--background-store-size", "1mb");
        using var client = new HttpClient { BaseAddress = host.Address };
        var accepted = 0;
        HttpResponseMessage? refused = null;
        for (var i = 0; i < 40 && refused is null; i++)
        {
            var answer = await client.PostAsync("/work", new StringContent($"{i:D4} {new string('x', 100_000)}"));
            if (answer.StatusCode == HttpStatusCode.Accepted)
            {
                accepted++;
            }
            else
            {
                refused = answer;
            }
        }

        Assert.NotNull(refused);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.Contains("store_failed", await refused.Content.ReadAsStringAsync());
        Assert.NotNull(refused.Headers.RetryAfter);
        await host.WaitForLineAsync(_ => Ids(host.Output, "done").Count == accepted, TimeSpan.FromSeconds(20));
        Assert.Equal(accepted, Ids(host.Output, "begin").Count);
    }

    [Fact(Timeout = 120_000)]
    public async Task FC_12_a_host_that_stops_gives_its_runs_to_the_next()
    {
        using var site = new TemporarySite(("slow.js", """
            export default async (req) => {
              const attempt = req.headers.get('x-sandboxhost-attempt');
              console.log(`begin slow ${attempt}`);
              await new Promise((resolve) => setTimeout(resolve, attempt === '1' ? 60_000 : 1));
              console.log(`done slow ${attempt}`);
            };
            export const config = { background: true, path: '/slow' };
            """));
        await using (var first = await HostProcess.StartAsync(site.Directory))
        {
            using var client = new HttpClient { BaseAddress = first.Address };
            Assert.Equal(HttpStatusCode.Accepted, (await client.PostAsync("/slow", null)).StatusCode);
            await first.WaitForLineAsync("begin slow 1");
        }

        await using var second = await HostProcess.StartAsync(site.Directory);
        await second.WaitForLineAsync("done slow 2");
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_12_runs_can_be_looked_at_repeated_and_removed()
    {
        using var site = new TemporarySite(("fails.js", """
            export default async (req) => {
              if (req.headers.get('x-sandboxhost-attempt') === '1') throw new RangeError('too far');
            };
            export const config = { background: true };
            """), ("tick.js", "export default async () => console.log('tock'); export const config = { schedule: '@daily' };"));
        site.WriteFile("sandboxhost.toml", "[limits]\nbackground_retries = 'none'\n");
        await using var host = await HostProcess.StartAsync(site.Directory);
        using var client = new HttpClient { BaseAddress = host.Address };
        var id = Assert.Single((await client.PostAsync("/.netlify/functions/fails", null)).Headers.GetValues("x-nf-request-id"));
        await host.WaitForLineAsync("given up");

        Assert.Contains(id, await RunAsync(site, 0, "runs", "list", "--state", "dead"));
        Assert.Contains("RangeError: too far", await RunAsync(site, 0, "runs", "show", id));
        Assert.Contains("waiting", await RunAsync(site, 0, "runs", "redrive", id));
        await host.WaitForLineAsync("Done executing background function fails");
        Assert.Contains("only a dead run", await RunAsync(site, 1, "runs", "redrive", id));
        Assert.Contains("\"attempt\": 2", await RunAsync(site, 0, "runs", "show", id, "--json"));
        Assert.Contains("is removed", await RunAsync(site, 0, "runs", "purge", id));
        Assert.Contains("There is no run", await RunAsync(site, 1, "runs", "show", id));

        Assert.Contains("does not tick", await RunAsync(site, 0, "schedules", "list"));
        Assert.Contains("is waiting", await RunAsync(site, 0, "schedules", "run", "tick"));
        await host.WaitForLineAsync("tock");
        Assert.Contains("no scheduled function", await RunAsync(site, 1, "schedules", "run", "fails"));
        await host.StopAsync();
        Assert.Contains("No host serves", await RunAsync(site, 1, "runs", "list"));
    }

    private static async Task<string> RunAsync(TemporarySite site, int exitCode, params string[] arguments)
    {
        var run = await CommandRun.SandboxHostAsync([.. arguments, "--cwd", site.Directory]);
        Assert.True(run.ExitCode == exitCode, $"{string.Join(' ', arguments)} ended with {run.ExitCode}: {run.Output}{run.Errors}");
        return run.Output + run.Errors;
    }

    private static bool TryKill(int processId)
    {
        try
        {
            Signals.Send(processId, Signals.Kill);
            return true;
        }
        catch (InvalidOperationException)
        {
            // It ended by itself in this moment.
            return false;
        }
    }

    private static async Task PostAllAsync(HostProcess host, int count)
    {
        using var client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 20 }) { BaseAddress = host.Address };
        await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 20 }, async (i, token) =>
        {
            using var answer = await client.PostAsync("/work", new StringContent($"{i:D4}"), token);
            Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        });
    }

    private static HashSet<string> Lines(HostProcess host, string what) => Ids(host.Output, what);

    private static HashSet<string> Ids(IEnumerable<string> lines, string what) =>
        lines.Select(line => Report().Match(line)).Where(match => match.Success && match.Groups["what"].Value == what).Select(match => match.Groups["id"].Value).ToHashSet();

    [GeneratedRegex(@"Sandbox \S+ started: process (?<id>\d+)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Started();

    [GeneratedRegex(@"\b(?<what>begin|done) (?<id>\d{4}) (?<attempt>\d+)$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Report();
}
