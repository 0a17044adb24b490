using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>A function that speaks the worker protocol over its runner's own connection, from inside of a real sandbox.</summary>
[Collection<Alone>]
public sealed class ForgeryTests(HostFixture fixture)
{
    private HttpClient Client => fixture.Client;

    [Fact(Timeout = 20_000)]
    public async Task A_function_finds_one_socket_and_it_is_the_link() =>
        Assert.Equal(1, await Client.GetFromJsonAsync<int>("/forge?kind=look"));

    [Theory(Timeout = 30_000)]
    [InlineData("next-id", "an id that was never issued")]
    [InlineData("huge-id", "an id that was never issued")]
    [InlineData("id-0", "an id that was never issued")]
    [InlineData("negative-length", "a message is none of the protocol's")]
    [InlineData("2-gb-prefix", "a message is larger than 256 KiB")]
    [InlineData("too-large", "a message is larger than 256 KiB")]
    [InlineData("garbage", null)]
    [InlineData("huge-frame", null)]
    public async Task FC_31_a_function_that_forges_frames_ends_its_own_worker_and_nothing_else(string kind, string? violation)
    {
        // What answers twenty calls between its deaths is no crash loop.
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(1, await Client.GetFromJsonAsync<int>("/forge?kind=look"));
        }

        // Somebody else's call runs all the while.
        var other = Client.GetAsync("/drip");

        var reply = await Client.GetAsync($"/forge?kind={kind}");

        Assert.Equal(HttpStatusCode.BadGateway, reply.StatusCode);
        var error = await reply.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(violation is null ? "worker_exited" : "protocol_violation", error.GetProperty("code").GetString());
        if (violation is not null)
        {
            await fixture.Host.WaitForLineAsync(violation);
        }

        Assert.Equal("plain", await Client.GetStringAsync("/.netlify/functions/plain"));
        Assert.Equal(1, await Client.GetFromJsonAsync<int>("/forge?kind=look"));

        // Its own limit of a second ends it, as it would have otherwise.
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => other);
        await fixture.Host.WaitForLineAsync("(timeout): Task timed out after 1.00 seconds");
    }
}
