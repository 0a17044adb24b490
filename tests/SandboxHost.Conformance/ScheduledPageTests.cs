using System.Globalization;
using System.Net;
using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>A scheduled function that its developer asks for by its URL.</summary>
[Collection<Alone>]
public sealed class ScheduledPageTests(ScheduledPageTests.Fixture fixture) : IClassFixture<ScheduledPageTests.Fixture>
{
    [Fact(Timeout = 30_000)]
    public async Task FC_54_it_gets_a_tick_with_the_next_run_of_its_schedule()
    {
        var (reply, _) = await fixture.AskAsync("/.netlify/functions/tick?q", method: HttpMethod.Get);
        var line = await fixture.Host.WaitForLineAsync("ticked ");
        var seen = JsonSerializer.Deserialize<JsonElement>(line[line.IndexOf('{')..]);

        Assert.Equal(HttpStatusCode.OK, reply.StatusCode);
        Assert.Equal(("POST", "schedule", "Netlify Clockwork", "application/json"), (Text(seen, "method"), Text(seen, "event"), Text(seen, "agent"), Text(seen, "type")));
        var next = Text(seen, "next_run");
        Assert.Matches(@"^\d{4}-\d\d-\d\dT06:30:00\.000Z$", next);
        var time = DateTimeOffset.Parse(next, CultureInfo.InvariantCulture);
        Assert.Equal(DayOfWeek.Monday, time.DayOfWeek);
        Assert.InRange(time - DateTimeOffset.UtcNow, TimeSpan.Zero, TimeSpan.FromDays(7));
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_54_its_developer_is_told_that_it_ran_and_that_its_url_does_not_answer_in_production()
    {
        var (reply, text) = await fixture.AskAsync("/.netlify/functions/tick");

        Assert.Equal((HttpStatusCode.OK, "text/plain"), (reply.StatusCode, reply.Content.Headers.ContentType!.MediaType));
        Assert.StartsWith("You made an HTTP request to `tick`, which is a scheduled function.", text);
        Assert.Contains("in production its URL does not answer", text);
        Assert.Matches("Its schedule is `30 6 \\* \\* 1`; the next run is due at `[^`]+06:30:00.000Z`", text);
        Assert.DoesNotContain("returned", text);
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_54_a_browser_gets_a_page()
    {
        var (reply, page) = await fixture.AskAsync("/.netlify/functions/tick", "text/html");

        Assert.Equal("text/html", reply.Content.Headers.ContentType!.MediaType);
        Assert.Contains("<p>You made an HTTP request to <code>tick</code>", page);
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_54_an_error_is_500_with_the_place_in_the_source()
    {
        var (reply, text) = await fixture.AskAsync("/.netlify/functions/fails");
        var (_, page) = await fixture.AskAsync("/.netlify/functions/fails", "text/html");

        Assert.Equal(HttpStatusCode.InternalServerError, reply.StatusCode);
        Assert.Contains("There was an error during execution of your scheduled function:\n\nRangeError: too <far>\n", text);
        Assert.Matches(@"at .*netlify/functions/fails\.mts:2:\d+", text);
        Assert.Contains("<h2>RangeError: too &lt;far&gt;</h2>", page);
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_54_what_it_returns_goes_nowhere_and_that_is_said()
    {
        var (reply, text) = await fixture.AskAsync("/.netlify/functions/returns");

        Assert.Equal(HttpStatusCode.OK, reply.StatusCode);
        Assert.Contains("It returned the status code `503`.", text);
        Assert.Contains("It returned `headers` and `body`. Is that a mistake?", text);
        Assert.DoesNotContain("unseen", text + reply.Headers);
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_54_clockwork_is_not_told_what_it_did()
    {
        var (_, text) = await fixture.AskAsync("/.netlify/functions/tick", method: HttpMethod.Post, userAgent: "Netlify Clockwork");

        Assert.StartsWith("It ran to its end.", text);
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_54_a_run_has_the_time_of_a_scheduled_function_and_not_of_a_request()
    {
        // 2 s here, where a request has 1.
        var (reply, text) = await fixture.AskAsync("/.netlify/functions/late?ms=1300");
        Assert.Equal(HttpStatusCode.OK, reply.StatusCode);
        Assert.Contains("It ran to its end.", text);

        (reply, text) = await fixture.AskAsync("/.netlify/functions/late?ms=60000");
        Assert.Equal(HttpStatusCode.InternalServerError, reply.StatusCode);
        Assert.Contains("\nTimeoutError: Task timed out after 2.00 seconds\n", text);
    }

    private static string Text(JsonElement seen, string name) => seen.GetProperty(name).GetString()!;

    public sealed class Fixture : SiteFixture
    {
        protected override string[] Arguments => ["--limit", "scheduled_time=2s", "--limit", "buffered_time=1s"];

        protected override void Fill(TemporarySite site)
        {
            site.Write("tick.mjs", """
                export default async (req) => {
                  const get = (name) => req.headers.get(name);
                  console.log(`ticked ${JSON.stringify({ method: req.method, event: get('x-nf-event'), agent: get('user-agent'), type: get('content-type'), ...await req.json() })}`);
                };
                export const config = { schedule: '30 6 * * 1' };
                """);
            site.Write("fails.mts", """
                export default async (): Promise<void> => {
                  throw new RangeError('too <far>');
                };
                export const config = { schedule: '@daily' };
                """);
            site.Write("returns.mjs", """
                export default async () => new Response('unseen', { status: 503, headers: { 'x-unseen': '1' } });
                export const config = { schedule: '@daily' };
                """);
            site.Write("late.mjs", """
                export default async (req) => {
                  await new Promise((resolve) => setTimeout(resolve, Number(new URL(req.url).searchParams.get('ms'))));
                };
                export const config = { schedule: '@daily' };
                """);
        }
    }
}
