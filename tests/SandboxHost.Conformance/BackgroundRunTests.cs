using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>Background functions, as their clients and their developer see them.</summary>
[Collection<Alone>]
public sealed class BackgroundRunTests(BackgroundRunTests.Fixture fixture) : IClassFixture<BackgroundRunTests.Fixture>
{
    [Theory(Timeout = 30_000)]
    [InlineData("GET")]
    [InlineData("POST")]
    [InlineData("DELETE")]
    public async Task FC_12_the_client_gets_202_and_nothing_else_whatever_the_function_returns(string method)
    {
        var (reply, text) = await fixture.AskAsync("/work", method: new HttpMethod(method));

        Assert.Equal((HttpStatusCode.Accepted, ""), (reply.StatusCode, text));
        Assert.Equal(0, reply.Content.Headers.ContentLength);
        Assert.False(reply.Headers.Contains("x-unseen"));
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_12_the_log_says_when_a_run_is_queued_and_when_it_is_done()
    {
        await fixture.AskAsync("/work");

        await fixture.Host.WaitForLineAsync("Queueing background function work for execution");
        await fixture.Host.WaitForLineAsync("Done executing background function work");
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_12_the_log_has_the_error_of_a_run_that_throws()
    {
        await fixture.AskAsync("/.netlify/functions/fails-background");

        var line = await fixture.Host.WaitForLineAsync("Background function fails-background failed (function_error)");
        Assert.EndsWith("too far", line);
    }

    [Theory(Timeout = 30_000)]
    [InlineData(256 * 1024, HttpStatusCode.Accepted)]
    [InlineData((256 * 1024) + 1, HttpStatusCode.RequestEntityTooLarge)]
    public async Task FC_12_a_payload_may_have_256_kb(int bytes, HttpStatusCode status)
    {
        var reply = await fixture.Client.PostAsync("/work", new ByteArrayContent(new byte[bytes]));

        Assert.Equal(status, reply.StatusCode);
        if (status != HttpStatusCode.Accepted)
        {
            var error = await reply.Content.ReadFromJsonAsync<JsonElement>();
            Assert.Equal(("PayloadTooLargeError", "request_too_large"), (error.GetProperty("errorType").GetString(), error.GetProperty("code").GetString()));
        }
    }

    public sealed class Fixture : SiteFixture
    {
        protected override void Fill(TemporarySite site)
        {
            site.Write("work.mjs", """
                export default async () => new Response('unseen', { status: 500, headers: { 'x-unseen': '1' } });
                export const config = { path: '/work', background: true };
                """);
            site.Write("fails-background.mts", """
                function throwIt(message: string): never {
                  throw new RangeError(message);
                }
                export default async (): Promise<void> => throwIt('too far');
                """);
        }
    }
}
