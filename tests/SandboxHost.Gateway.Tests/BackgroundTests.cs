using System.Net;
using System.Text;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Output;

namespace SandboxHost.Gateway.Tests;

public sealed class BackgroundTests
{
    [TimedFact]
    public async Task The_client_gets_202_and_nothing_while_the_function_runs()
    {
        await using var host = await StartAsync();
        var go = new TaskCompletionSource<FakeExchange>();
        host.Invoker.Answer = (_, _) => go.Task;

        using var answer = await PostAsync(host, new StringContent("hello"));

        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        Assert.Equal("", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal(0, answer.Content.Headers.ContentLength);
        await host.Invoker.Asked;
        var request = host.Invoker.Single;
        Assert.Equal((InvocationTrigger.Background, "POST", "hello"), (request.Trigger, request.Method, Encoding.UTF8.GetString(request.Body.Complete.Span)));
        Assert.Equal(request.RequestId, Assert.Single(answer.Headers.GetValues("x-nf-request-id")));

        var exchange = FakeExchange.Text("ignored");
        go.SetResult(exchange);
        await exchange.Disposed;
    }

    [TimedFact]
    public async Task The_client_may_leave()
    {
        await using var host = await StartAsync();
        using (await PostAsync(host, new StringContent("")))
        {
        }

        host.Client.CancelPendingRequests();

        Assert.False((await host.Invoker.Asked).IsCancellationRequested);
    }

    [TimedTheory]
    [InlineData(65_536, false)]
    [InlineData(65_537, false)]
    [InlineData(2 * 1024 * 1024, false)]
    [InlineData(2 * 1024 * 1024, true)]
    public async Task A_body_up_to_the_limit_arrives_whole(int length, bool chunked)
    {
        await using var host = await StartAsync();
        var arrived = new TaskCompletionSource<long>();
        host.Invoker.Answer = async (request, token) =>
        {
            var bytes = request.Body.Reader is { } reader ? (await reader.ReadAtLeastAsync(length, token)).Buffer.Length : request.Body.Complete.Length;
            arrived.TrySetResult(bytes);
            return FakeExchange.Text("");
        };

        using var answer = await PostAsync(host, Content(length, chunked));

        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        Assert.Equal(length, await arrived.Task);
    }

    [TimedTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_body_over_the_limit_is_refused(bool chunked)
    {
        await using var host = await StartAsync();

        using var answer = await PostAsync(host, Content(2 * 1024 * 1024 + 1, chunked));

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        Assert.Empty(host.Invoker.Requests);
    }

    [TimedFact]
    public async Task A_run_is_told_of_when_it_is_queued_and_when_it_is_done()
    {
        await using var host = await StartAsync();
        using var answer = await PostAsync(host, new StringContent(""));

        await WaitForAsync(() => host.Output.Count == 2);

        Assert.Equal(
            [(OutputLevel.Info, "Queueing background function work for execution"), (OutputLevel.Info, "Done executing background function work")],
            host.Output.Select(line => (line.Level, line.Text)).OrderByDescending(line => line.Text));
    }

    [TimedFact]
    public async Task A_run_that_fails_is_told_of()
    {
        await using var host = await StartAsync();
        host.Invoker.Answers(FakeExchange.Failed(ErrorCode.Timeout, "It took too long."));
        using var answer = await PostAsync(host, new StringContent(""));

        await WaitForAsync(() => host.Output.Count == 2);

        Assert.Contains(host.Output, line => line is { Level: OutputLevel.Error, Text: "Background function work failed (timeout): It took too long." });
    }

    [TimedFact]
    public async Task A_bug_of_the_hosts_does_not_end_the_runner()
    {
        await using var host = await StartAsync();
        host.Invoker.Answer = (_, _) => throw new InvalidOperationException("a bug");
        for (var i = 0; i < 20; i++)
        {
            using var failed = await PostAsync(host, new StringContent(""));
        }

        await WaitForAsync(() => host.Output.Count == 40);
        var done = FakeExchange.Text("");
        host.Invoker.Answers(done);
        using var answer = await PostAsync(host, new StringContent(""));

        await done.Disposed.WaitAsync(TimeSpan.FromSeconds(2));
    }

    [TimedFact]
    public async Task Sixteen_run_at_a_time_a_thousand_wait_and_the_next_is_refused()
    {
        await using var host = await StartAsync();
        var go = new TaskCompletionSource<FakeExchange>();
        host.Invoker.Answer = (_, _) => go.Task;
        for (var i = 0; i < 16; i++)
        {
            using var running = await PostAsync(host, new StringContent(""));
        }

        await WaitForAsync(() => host.Invoker.Requests.Count == 16);
        for (var i = 0; i < 1000; i++)
        {
            using var waiting = await PostAsync(host, new StringContent(""));
            Assert.Equal(HttpStatusCode.Accepted, waiting.StatusCode);
        }

        using var refused = await PostAsync(host, new StringContent(""));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(10), refused.Headers.RetryAfter!.Delta);
        Assert.Equal(16, host.Invoker.Requests.Count);
        go.SetResult(FakeExchange.Text(""));
        await WaitForAsync(() => host.Invoker.Requests.Count == 1016);
    }

    [TimedFact]
    public async Task Stopping_cancels_what_runs()
    {
        var host = await StartAsync();
        host.Invoker.Answer = async (_, token) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token).ContinueWith(_ => { }, TaskScheduler.Default);
            return FakeExchange.Failed(ErrorCode.HostShutdown, "Stopping.");
        };
        using var answer = await PostAsync(host, new StringContent(""));
        await host.Invoker.Asked;

        await host.DisposeAsync();

        Assert.Equal(1, Assert.Single(host.Invoker.Exchanges).Disposals);
    }

    private static Task<GatewayHost> StartAsync() => GatewayHost.StartAsync(GatewayHost.Function("work", FunctionKind.Background));

    private static Task<HttpResponseMessage> PostAsync(GatewayHost host, HttpContent content) =>
        host.Client.PostAsync("/.netlify/functions/work", content, TestContext.Current.CancellationToken);

    private static StreamContent Content(int length, bool chunked)
    {
        var stream = new MemoryStream(new byte[length]);
        return chunked ? new StreamContent(new UnseekableStream(stream)) : new StreamContent(stream);
    }

    /// <summary>For what leaves no event: asks again until the test's time is up.</summary>
    private static async Task WaitForAsync(Func<bool> condition)
    {
        while (!condition())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, TestContext.Current.CancellationToken);
        }
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
