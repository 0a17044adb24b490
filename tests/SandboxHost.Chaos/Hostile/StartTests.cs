using System.Diagnostics;
using System.Net;

namespace SandboxHost.Chaos.Hostile;

/// <summary>A tenant that asks for many cold starts. Numbers are those of docs/threat-model.md.</summary>
[Collection(nameof(HostileCases))]
public sealed class StartTests(HostileHost hostile)
{
    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_47_a_flood_of_cold_starts_waits_for_itself_and_not_another_tenant() => hostile.RunAsync("one-slot", async attack =>
    {
        var flood = Enumerable.Range(0, HostileHost.CrowdSize).Select(async member =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/.netlify/functions/member-{member}");
            request.Headers.Host = $"{HostileHost.CrowdSite}.localhost:{attack.Host.Port}";
            using var reply = await attack.Client.SendAsync(request);
            return reply.StatusCode;
        }).ToList();

        // Asked for after all the others, and there before most of them.
        var watch = Stopwatch.StartNew();
        var text = await attack.AskForTextAsync("calm");
        var (took, before) = (watch.Elapsed, flood.Count(one => one.IsCompleted));
        Assert.All(await Task.WhenAll(flood), status => Assert.Equal(HttpStatusCode.OK, status));

        Assert.Equal("calm", text);
        Assert.InRange(took.TotalSeconds, 0, 2);
        Assert.InRange(before, 0, HostileHost.CrowdSize / 2);
    });
}
