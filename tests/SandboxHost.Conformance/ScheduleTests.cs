namespace SandboxHost.Conformance;

/// <summary>Schedules on a developer's machine. Waits for the next minute of the clock.</summary>
public sealed class ScheduleTests
{
    [Fact(Timeout = 120_000)]
    public async Task FC_13_a_schedule_ticks_on_a_machine_that_asks_for_it()
    {
        using var site = new TemporarySite(("tick.js", """
            export default async (req) => {
              console.log('tick', (await req.json()).next_run, req.headers.get('x-nf-event'), req.headers.get('user-agent'));
            };
            export const config = { schedule: '* * * * *' };
            """));
        await using var host = await HostProcess.StartAsync(site.Directory, "--schedules");

        var line = await host.WaitForLineAsync(line => line.Contains("tick 2", StringComparison.Ordinal), TimeSpan.FromSeconds(80));

        Assert.Contains(":00.000Z schedule Netlify Clockwork", line);
    }
}
