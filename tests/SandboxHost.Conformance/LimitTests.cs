using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>Every limit: at it all is well, above it a named end. Their values here are small ones, set in tests/functions/site/sandboxhost.toml.</summary>
[Collection<Alone>]
public sealed class LimitTests(HostFixture fixture)
{
    private HttpClient Client => fixture.Client;

    [Fact(Timeout = 20_000)]
    public async Task FC_21_a_stream_is_reset_at_its_time_limit_and_never_ended_as_if_complete()
    {
        using var client = await RawClient.ConnectAsync(fixture.Host.Port);
        var watch = Stopwatch.StartNew();
        await client.SendAsync("GET /drip HTTP/1.1\r\nHost: localhost\r\n\r\n");
        await client.ReadUntilAsync("first");
        var rest = await client.ReadToEndAsync();

        Assert.InRange(watch.Elapsed.TotalSeconds, 0.8, 2.5);
        Assert.Contains("drip", rest);
        Assert.DoesNotContain("\r\n0\r\n\r\n", rest);
        await fixture.Host.WaitForLineAsync("(timeout): Task timed out after 1.00 seconds");
    }

    [Fact(Timeout = 20_000)]
    public async Task FC_22_a_stream_may_have_its_size_and_not_a_byte_more()
    {
        const int limit = 200 * 1024;
        Assert.Equal(limit, (await Client.GetByteArrayAsync($"/sized?stream&bytes={limit}")).Length);

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => Client.GetByteArrayAsync($"/sized?stream&bytes={limit + 1}"));
        await fixture.Host.WaitForLineAsync("(response_too_large)");
    }

    [Fact(Timeout = 20_000)]
    public async Task FC_23_a_buffered_reply_that_is_late_is_504_with_its_name()
    {
        var reply = await Client.GetAsync("/slow?ms=60000");

        Assert.Equal(HttpStatusCode.GatewayTimeout, reply.StatusCode);
        var error = await reply.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("timeout", error.GetProperty("code").GetString());
        Assert.Equal("Task timed out after 1.00 seconds", error.GetProperty("errorMessage").GetString());
    }

    [Fact(Timeout = 20_000)]
    public async Task FC_23_a_blocked_event_loop_is_ended_and_replaced()
    {
        var blocked = Client.GetAsync("/slow?block");

        Assert.Equal(HttpStatusCode.GatewayTimeout, (await blocked).StatusCode);
        Assert.Equal("late", await Client.GetStringAsync("/slow?ms=1"));
    }

    [Fact(Timeout = 20_000)]
    public async Task FC_23_a_timeout_lets_the_neighbours_on_the_worker_finish()
    {
        await Client.GetStringAsync("/slow?ms=1");
        var offender = Client.GetAsync("/slow?ms=60000");
        var neighbours = new List<Task<string>>();
        while (!offender.IsCompleted)
        {
            neighbours.Add(Client.GetStringAsync("/slow?ms=400"));
            await Task.WhenAny(offender, neighbours[^1]);
        }

        Assert.Equal(HttpStatusCode.GatewayTimeout, (await offender).StatusCode);
        Assert.All(await Task.WhenAll(neighbours), text => Assert.Equal("late", text));
    }

    [Fact(Timeout = 20_000)]
    public async Task FC_24_a_buffered_reply_above_its_size_is_502_with_its_name()
    {
        const int limit = 100 * 1024;
        Assert.Equal(limit, (await Client.GetByteArrayAsync($"/sized?bytes={limit}")).Length);
        var reply = await Client.GetAsync($"/sized?bytes={limit + 1}");

        Assert.Equal(HttpStatusCode.BadGateway, reply.StatusCode);
        Assert.Equal("response_too_large", (await reply.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString());
    }

    [Fact(Timeout = 20_000)]
    public async Task FC_25_a_request_body_above_its_size_is_413_announced_or_not()
    {
        var announced = await Client.PostAsync("/ignore-body", new ByteArrayContent(new byte[1025]));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, announced.StatusCode);
        Assert.Equal("request_too_large", (await announced.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString());

        using var request = new HttpRequestMessage(HttpMethod.Post, "/inspect") { Content = new StreamContent(new MemoryStream(new byte[(6 << 20) + 1])) };
        request.Headers.TransferEncodingChunked = true;
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await Client.SendAsync(request)).StatusCode);
    }

    [Theory(Timeout = 60_000)]
    [InlineData("/heap", @"^The function's JavaScript heap reached its limit, before the worker reached its memory limit of 512 MB \(peak \d+ MB\)\.$")]
    [InlineData("/memory", @"^The function used more memory than its limit of 192 MB \(peak 19\d MB\)\.$")]
    public async Task FC_26_a_function_above_its_memory_is_out_of_memory_with_limit_and_peak(string path, string message)
    {
        // Not a GET, which would be tried on two more workers.
        var reply = await Client.PostAsync(path, null);

        Assert.Equal(HttpStatusCode.BadGateway, reply.StatusCode);
        var error = await reply.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("out_of_memory", error.GetProperty("code").GetString());
        Assert.Matches(message, error.GetProperty("errorMessage").GetString());
        Assert.Equal("plain", await Client.GetStringAsync("/.netlify/functions/plain"));
    }

    [Fact(Timeout = 20_000)]
    public async Task FC_26_a_function_that_aborts_is_not_called_out_of_memory()
    {
        var error = await (await Client.PostAsync("/memory?abort", null)).Content.ReadFromJsonAsync<JsonElement>();

        Assert.Equal("worker_exited", error.GetProperty("code").GetString());
        Assert.Equal("The worker aborted (SIGABRT).", error.GetProperty("errorMessage").GetString());
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_27_a_function_gets_its_share_of_the_processors()
    {
        var used = (await Client.GetFromJsonAsync<JsonElement>("/spin?ms=2000")).GetProperty("cpus").GetDouble();

        Assert.InRange(used, 0.4, 0.65);
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_27_a_worker_starts_with_the_whole_machine_and_gets_its_share_with_its_function()
    {
        Assert.Equal("plain", await Client.GetStringAsync("/.netlify/functions/plain"));

        await Eventually.TrueAsync(() => Quotas().Contains(null), TimeSpan.FromSeconds(20), "a placeholder stands ready, without a quota");
        Assert.Contains(0.5, Quotas());
    }

    /// <summary>vCPUs of every worker of the host; null for one without a quota.</summary>
    private List<double?> Quotas() =>
    [
        .. Leftovers.Groups(fixture.Host.Instance).SelectMany(Directory.EnumerateDirectories)
            .SelectMany(group => new[] { group + "/cpu.max", group + "/cpu.cfs_quota_us" }).Where(File.Exists)
            .Select(file => double.TryParse(File.ReadAllText(file).Split(' ')[0], out var quota) && quota > 0 ? quota / 20_000 : (double?)null),
    ];
}
