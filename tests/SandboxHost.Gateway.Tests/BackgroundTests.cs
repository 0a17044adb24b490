using System.Net;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using SandboxHost.Deployments;
using SandboxHost.Output;
using SandboxHost.Runs;

namespace SandboxHost.Gateway.Tests;

public sealed class BackgroundTests
{
    private static readonly FunctionKey Work = new("1", "work");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [TimedFact]
    public async Task The_call_is_stored_as_it_came_and_then_the_client_gets_202_and_nothing()
    {
        await using var host = await StartAsync();
        using var call = new HttpRequestMessage(HttpMethod.Put, "/.netlify/functions/work?a=b");
        call.Content = new StringContent("hello");
        call.Headers.Add("x-own", ["1", "2"]);
        call.Headers.Add("x-sandboxhost-attempt", "9");

        using var answer = await host.Client.SendAsync(call, Stop);

        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        Assert.Equal("", await answer.Content.ReadAsStringAsync(Stop));
        Assert.Equal(0, answer.Content.Headers.ContentLength);
        var claimed = (await ClaimAsync(host))!;
        Assert.Equal(Assert.Single(answer.Headers.GetValues("x-nf-request-id")), claimed.Run.Id);
        Assert.Equal((RunKind.Background, "0", "127.0.0.1", null), (claimed.Run.Kind, claimed.Run.DeployId, claimed.Request.ClientIp, claimed.Request.Route));
        Assert.Equal(("PUT", $"{host.Address}.netlify/functions/work?a=b", "hello"), (claimed.Request.Method, claimed.Request.Url, Encoding.UTF8.GetString(claimed.Request.Body.Span)));
        Assert.Contains("x-own", claimed.Request.Headers);
        Assert.DoesNotContain("x-sandboxhost-attempt", claimed.Request.Headers);
        Assert.Empty(host.Invoker.Requests);
        Assert.Equal("Queueing background function work for execution", Assert.Single(host.Output).Text);
    }

    [TimedFact]
    public async Task The_path_that_matched_is_kept()
    {
        await using var host = await GatewayHost.StartAsync(GatewayHost.Function("work", FunctionKind.Background, "/a", "/jobs/:id"));

        using var answer = await host.Client.PostAsync("/jobs/7", null, Stop);

        Assert.Equal("/jobs/:id", (await ClaimAsync(host))!.Request.Route);
    }

    [TimedTheory]
    [InlineData(65_536, false)]
    [InlineData(65_537, false)]
    [InlineData(2 * 1024 * 1024, false)]
    [InlineData(2 * 1024 * 1024, true)]
    public async Task A_body_up_to_the_limit_is_stored_whole(int length, bool chunked)
    {
        await using var host = await StartAsync();

        using var answer = await PostAsync(host, Content(length, chunked));

        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        Assert.Equal(length, (await ClaimAsync(host))!.Request.Body.Length);
    }

    [TimedTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_body_over_the_limit_is_refused(bool chunked)
    {
        await using var host = await StartAsync();

        using var answer = await PostAsync(host, Content(2 * 1024 * 1024 + 1, chunked));

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        Assert.Empty(await host.Runs.ListAsync(new RunQuery(), Stop));
    }

    [TimedFact]
    public async Task A_body_that_never_ends_is_given_up_when_its_time_is_over()
    {
        var clock = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var host = await GatewayHost.StartAsync(clock, GatewayHost.Function("work", FunctionKind.Background));
        using var client = await host.ConnectAsync();
        await client.SendAsync("POST /.netlify/functions/work HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 10\r\n\r\nhalf");

        // The timer is set when the head has been read, which nobody tells.
        var answer = client.ReceiveUntilAsync("\r\n\r\n");
        while (!answer.IsCompleted)
        {
            clock.Advance(TimeSpan.FromSeconds(10));
            await Task.WhenAny(answer, Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Stop));
        }

        Assert.StartsWith("HTTP/1.1 400 ", await answer);
        Assert.Empty(await host.Runs.ListAsync(new RunQuery(), Stop));
    }

    [TimedFact]
    public async Task A_full_queue_refuses_the_next()
    {
        await using var host = await StartAsync();
        for (var i = 0; i < 3; i++)
        {
            using var waiting = await PostAsync(host, new StringContent(""));
            Assert.Equal(HttpStatusCode.Accepted, waiting.StatusCode);
        }

        using var refused = await PostAsync(host, new StringContent(""));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(10), refused.Headers.RetryAfter!.Delta);
        Assert.Contains("\"overloaded\"", await refused.Content.ReadAsStringAsync(Stop));
        Assert.Equal(3, (await host.Runs.ListAsync(new RunQuery(), Stop)).Count);
    }

    [TimedFact]
    public async Task What_cannot_be_stored_is_503_and_never_202()
    {
        await using var host = await StartAsync();
        await host.BreakStoreAsync();

        using var refused = await PostAsync(host, new StringContent(""));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.Contains("\"store_failed\"", await refused.Content.ReadAsStringAsync(Stop));
        Assert.Contains("store_failed", Assert.Single(host.Output, line => line.Level == OutputLevel.Error).Text);
    }

    private static Task<GatewayHost> StartAsync() => GatewayHost.StartAsync(GatewayHost.Function("work", FunctionKind.Background));

    private static Task<HttpResponseMessage> PostAsync(GatewayHost host, HttpContent content) => host.Client.PostAsync("/.netlify/functions/work", content, Stop);

    private static Task<ClaimedRun?> ClaimAsync(GatewayHost host) => host.Runs.ClaimAsync(Work, "test", TimeProvider.System.GetUtcNow(), Stop);

    private static StreamContent Content(int length, bool chunked)
    {
        var stream = new MemoryStream(new byte[length]);
        return chunked ? new StreamContent(new UnseekableStream(stream)) : new StreamContent(stream);
    }

    private sealed class UnseekableStream(Stream inner) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
