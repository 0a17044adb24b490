using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Text;
using SandboxHost.Invocations;

namespace SandboxHost.Gateway.Tests;

/// <summary>What a client gets of a function's response.</summary>
public sealed class ResponseTests
{
    [TimedFact]
    public async Task Status_headers_and_body_arrive()
    {
        var answer = await AnswerAsync(FakeExchange.Of(418, "tea", "content-type", "text/x-tea", "x-a", "1", "x-a", "2"));

        Assert.StartsWith("HTTP/1.1 418 ", answer);
        Assert.Contains("content-type: text/x-tea\r\n", answer, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("x-a: 1\r\nx-a: 2\r\n", answer);
        Assert.Contains("Content-Length: 3\r\n", answer, StringComparison.OrdinalIgnoreCase);
        Assert.EndsWith("\r\n\r\ntea", answer);
    }

    [TimedFact]
    public async Task The_request_id_is_the_hosts_and_goes_both_ways()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Invoker.Answers(FakeExchange.Text("", "x-nf-request-id", "mine"));

        using var answer = await host.Client.GetAsync("/", TestContext.Current.CancellationToken);

        Assert.Equal([host.Invoker.Single.RequestId], answer.Headers.GetValues("x-nf-request-id"));
        Assert.Equal(26, host.Invoker.Single.RequestId.Length);
    }

    [TimedFact]
    public async Task Cookies_stay_apart()
    {
        var answer = await AnswerAsync(FakeExchange.Text("", "set-cookie", "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "set-cookie", "b=2"));

        Assert.Contains("set-cookie: a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT\r\nset-cookie: b=2\r\n", answer, StringComparison.OrdinalIgnoreCase);
    }

    [TimedTheory]
    [InlineData("connection", "x-a")]
    [InlineData("keep-alive", "timeout=5")]
    [InlineData("transfer-encoding", "chunked")]
    [InlineData("upgrade", "h2c")]
    [InlineData("trailer", "x")]
    [InlineData("proxy-authenticate", "Basic")]
    public async Task Headers_of_one_connection_do_not_come_from_a_function(string name, string value) =>
        Assert.DoesNotContain($"{name}: {value}", await AnswerAsync(FakeExchange.Text("ok", name, value)), StringComparison.OrdinalIgnoreCase);

    [TimedTheory]
    [InlineData("3")]
    [InlineData("300")]
    [InlineData("abc")]
    public async Task A_length_that_the_function_claims_does_not_count_when_the_body_is_there(string claim)
    {
        var answer = await AnswerAsync(FakeExchange.Text("hello", "content-length", claim));

        Assert.Contains("content-length: 5\r\n", answer, StringComparison.OrdinalIgnoreCase);
        Assert.EndsWith("\r\n\r\nhello", answer);
    }

    [TimedTheory]
    [InlineData("3")]
    [InlineData("300")]
    public async Task A_length_that_the_function_claims_does_not_count_when_the_body_streams(string claim)
    {
        var answer = await AnswerAsync(FakeExchange.Stream(writer => WriteAsync(writer, "hello"), headers: ["content-length", claim]));

        Assert.DoesNotContain("content-length", answer, StringComparison.OrdinalIgnoreCase);
        Assert.EndsWith("\r\n\r\n5\r\nhello\r\n0\r\n\r\n", answer);
    }

    [TimedFact]
    public async Task A_length_that_the_worker_knows_is_sent_with_a_stream()
    {
        var answer = await AnswerAsync(FakeExchange.Stream(writer => WriteAsync(writer, "hello"), length: 5));

        Assert.Contains("content-length: 5\r\n", answer, StringComparison.OrdinalIgnoreCase);
        Assert.EndsWith("\r\n\r\nhello", answer);
    }

    [TimedFact]
    public async Task A_stream_shorter_than_its_length_is_not_ended_as_if_it_were_complete()
    {
        var answer = await AnswerAsync(FakeExchange.Stream(writer => WriteAsync(writer, "he"), length: 5), keepAlive: true);

        Assert.EndsWith("\r\n\r\nhe", answer);
    }

    [TimedTheory]
    [InlineData(204)]
    [InlineData(205)]
    [InlineData(304)]
    public async Task Some_answers_have_no_body_whatever_the_function_returned(int status)
    {
        var answer = await AnswerAsync(FakeExchange.Of(status, "body", "etag", "x", "content-length", "4"));

        Assert.StartsWith($"HTTP/1.1 {status} ", answer);
        Assert.Contains("etag: x\r\n", answer, StringComparison.OrdinalIgnoreCase);
        Assert.EndsWith("\r\n\r\n", answer);
        Assert.Equal(status == 304, answer.Contains("content-length: 4", StringComparison.OrdinalIgnoreCase));
    }

    [TimedTheory]
    [InlineData(204)]
    [InlineData(205)]
    [InlineData(304)]
    public async Task The_same_with_a_streamed_body(int status)
    {
        var exchange = FakeExchange.Stream(writer => WriteAsync(writer, "body"), status: status);

        Assert.EndsWith("\r\n\r\n", await AnswerAsync(exchange));
        Assert.Equal(1, exchange.Disposals);
    }

    [TimedFact]
    public async Task Head_gets_the_head_that_get_would_get()
    {
        var answer = await AnswerAsync(FakeExchange.Text("hello"), method: "HEAD");

        Assert.Contains("content-length: 5\r\n", answer, StringComparison.OrdinalIgnoreCase);
        Assert.EndsWith("\r\n\r\n", answer);
    }

    [TimedFact]
    public async Task Head_keeps_the_length_that_the_function_claims_when_it_returns_no_body()
    {
        var answer = await AnswerAsync(FakeExchange.Text("", "content-length", "1234"), method: "HEAD");

        Assert.Contains("content-length: 1234\r\n", answer, StringComparison.OrdinalIgnoreCase);
    }

    [TimedFact]
    public async Task Head_of_a_stream_does_not_pull_it()
    {
        var pulled = false;
        var answer = await AnswerAsync(
            FakeExchange.Stream(writer =>
            {
                pulled = true;
                return WriteAsync(writer, "x");
            }),
            method: "HEAD");

        Assert.False(pulled);
        Assert.EndsWith("\r\n\r\n", answer);
    }

    [TimedFact]
    public async Task The_head_of_a_stream_goes_out_before_its_first_chunk_and_every_chunk_at_once()
    {
        await using var host = await GatewayHost.StartAsync();
        var steps = Enumerable.Range(0, 3).Select(_ => new TaskCompletionSource()).ToArray();
        host.Invoker.Answers(FakeExchange.Stream(async writer =>
        {
            for (var i = 0; i < steps.Length; i++)
            {
                await steps[i].Task;
                await WriteAsync(writer, $"chunk{i}");
            }

            return null;
        }));
        using var client = await host.ConnectAsync();
        await client.SendAsync("GET / HTTP/1.1\nHost: h\nConnection: close\n\n");

        await client.ReceiveUntilAsync("\r\n\r\n");
        for (var i = 0; i < steps.Length; i++)
        {
            steps[i].SetResult();
            await client.ReceiveUntilAsync($"chunk{i}\r\n");
        }

        Assert.EndsWith("\r\n0\r\n\r\n", await client.ReceiveToEndAsync());
    }

    [TimedTheory]
    [InlineData("HTTP/1.1")]
    [InlineData("HTTP/1.0")]
    public async Task A_stream_that_breaks_is_reset_and_not_ended(string version)
    {
        await using var host = await GatewayHost.StartAsync();
        var seen = new TaskCompletionSource();
        var exchange = FakeExchange.Stream(async writer =>
        {
            await WriteAsync(writer, "hello");

            // A reset overtakes what is still on its way.
            await seen.Task;
            return new FunctionError(ErrorCode.Timeout, "It took too long.");
        });
        host.Invoker.Answers(exchange);
        using var client = await host.ConnectAsync();

        await client.SendAsync($"GET / {version}\nHost: h\n\n");
        await client.ReceiveUntilAsync("hello");
        seen.SetResult();
        var answer = await client.ReceiveToEndAsync();

        Assert.StartsWith("HTTP/1.1 200 ", answer);
        Assert.DoesNotContain("\r\n0\r\n\r\n", answer);

        // The client sees the end before the host has tidied up after it.
        await exchange.Disposed;
        Assert.Equal(1, exchange.Disposals);
        Assert.Equal("The response was cut (timeout): It took too long.", Assert.Single(host.Output).Text);
    }

    [TimedFact]
    public async Task A_stream_that_breaks_over_http2_is_reset()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Invoker.Answers(FakeExchange.Stream(async writer =>
        {
            await WriteAsync(writer, "hello");
            return new FunctionError(ErrorCode.WorkerExited, "Gone.");
        }));
        using var message = new HttpRequestMessage(HttpMethod.Get, host.Http2Address) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };

        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            using var answer = await host.Client.SendAsync(message, TestContext.Current.CancellationToken);
            await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        });
    }

    [TimedFact]
    public async Task A_client_that_leaves_in_the_middle_of_a_stream_ends_it()
    {
        await using var host = await GatewayHost.StartAsync();
        var exchange = FakeExchange.Stream(async writer =>
        {
            while (true)
            {
                writer.Write(new byte[1000]);
                var flushed = await writer.FlushAsync(CancellationToken.None);
                if (flushed.IsCompleted || flushed.IsCanceled)
                {
                    return new FunctionError(ErrorCode.ClientGone, "");
                }
            }
        });
        host.Invoker.Answers(exchange);
        using var client = await host.ConnectAsync();
        await client.SendAsync("GET / HTTP/1.1\nHost: h\n\n");
        await client.ReceiveUntilAsync("\r\n\r\n");

        client.Reset();

        await exchange.Disposed.WaitAsync(TimeSpan.FromSeconds(5));
        Assert.Equal(1, exchange.Disposals);
        Assert.Empty(host.Output);
    }

    [TimedFact]
    public async Task An_unread_request_body_does_not_become_the_next_request()
    {
        await using var host = await GatewayHost.StartAsync();
        using var client = await host.ConnectAsync();
        const string Inner = "GET /inner HTTP/1.1\r\nHost: h\r\n\r\n";

        await client.SendAsync($"POST /outer HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n{Inner.Length:x}\n{Inner}\n0\n\nGET /next HTTP/1.1\nHost: h\nConnection: close\n\n");
        await client.ReceiveToEndAsync();

        Assert.Equal(["/outer", "/next"], host.Invoker.Requests.Select(request => new Uri(request.Url).AbsolutePath));
    }

    [TimedFact]
    public async Task Every_exchange_is_disposed_once()
    {
        await using var host = await GatewayHost.StartAsync();
        FakeExchange[] exchanges =
        [
            FakeExchange.Text("a"), FakeExchange.Of(204, ""), FakeExchange.Failed(ErrorCode.Timeout, "x"),
            FakeExchange.Stream(writer => WriteAsync(writer, "b")), FakeExchange.Stream(_ => throw new InvalidOperationException("a bug")),
            FakeExchange.Text("x", "bad\u0001name", "y"),
        ];
        foreach (var exchange in exchanges)
        {
            host.Invoker.Answers(exchange);
            using var client = await host.ConnectAsync();
            await client.SendAsync("GET / HTTP/1.1\nHost: h\nConnection: close\n\n");
            await client.ReceiveToEndAsync();
        }

        Assert.All(exchanges, exchange => Assert.Equal(1, exchange.Disposals));
    }

    private static async Task<string> AnswerAsync(FakeExchange exchange, string method = "GET", bool keepAlive = false)
    {
        await using var host = await GatewayHost.StartAsync();
        host.Invoker.Answers(exchange);
        using var client = await host.ConnectAsync();
        await client.SendAsync($"{method} / HTTP/1.1\nHost: h\n{(keepAlive ? "" : "Connection: close\n")}\n");
        return await client.ReceiveToEndAsync();
    }

    private static async Task<FunctionError?> WriteAsync(PipeWriter writer, string text)
    {
        await writer.WriteAsync(Encoding.UTF8.GetBytes(text), CancellationToken.None);
        return null;
    }
}
