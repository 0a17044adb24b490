using System.Net;
using System.Text;
using SandboxHost.Deployments;
using SandboxHost.Invocations;

namespace SandboxHost.Gateway.Tests;

/// <summary>What arrives at a function.</summary>
public sealed class RequestTests
{
    [TimedTheory]
    [InlineData("xn--")]
    [InlineData("xn--a.localhost")]
    [InlineData("a.xn--zzzzzzzzzzzz:80")]
    public async Task A_host_name_that_only_looks_like_punycode_is_a_name_like_any_other(string name)
    {
        await using var host = await GatewayHost.StartAsync(GatewayHost.Function("hello"));
        using var client = await host.ConnectAsync();

        await client.SendAsync($"GET /.netlify/functions/hello HTTP/1.1\nHost: {name}\nConnection: close\n\n");

        Assert.StartsWith("HTTP/1.1 200", await client.ReceiveToEndAsync(), StringComparison.Ordinal);
        Assert.Equal($"http://{name}/.netlify/functions/hello", Assert.Single(host.Invoker.Requests).Url);
    }

    [TimedFact]
    public async Task Method_url_headers_and_address_arrive_as_sent()
    {
        await using var host = await GatewayHost.StartAsync();
        using var client = await host.ConnectAsync();

        await client.SendAsync("PURGE /A%20b/%7Ec?x=%c3%a9&y#z HTTP/1.1\nHost: Shop.example:8080\nX-One: 1\nx-two:   a b  \nX-One: 2\nConnection: close\n\n");
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReceiveToEndAsync());

        var request = host.Invoker.Single;
        Assert.Equal(("PURGE", "http://Shop.example:8080/A%20b/%7Ec?x=%c3%a9&y#z", "127.0.0.1", 0), (request.Method, request.Url, request.ClientIp, request.Route));
        Assert.Equal(["host=Shop.example:8080", "x-one=1", "x-one=2", "x-two=a b"], Pairs(request.Headers));
        Assert.Equal(InvocationTrigger.Http, request.Trigger);
    }

    [TimedTheory]
    [InlineData("Connection: close")]
    [InlineData("Keep-Alive: timeout=5")]
    [InlineData("Proxy-Connection: close")]
    [InlineData("Proxy-Authorization: Basic x")]
    [InlineData("Proxy-Authenticate: Basic")]
    [InlineData("TE: trailers")]
    [InlineData("Trailer: X-Sum")]
    [InlineData("Upgrade: websocket")]
    [InlineData("HTTP2-Settings: x")]
    [InlineData("Connection: X-Secret, X-Other\nX-Secret: 1\nx-other: 2")]
    [InlineData("X-NF-Geo: x")]
    [InlineData("x-nf-client-connection-ip: 1.2.3.4")]
    [InlineData("X-Nf-Anything: x")]
    [InlineData("X-Netlify-Event: deploy_succeeded")]
    [InlineData("X-Forwarded-For: 1.2.3.4")]
    [InlineData("X-Forwarded-Host: x")]
    [InlineData("X-Forwarded-Proto: https")]
    [InlineData("X-Forwarded-Port: 1")]
    [InlineData("x-forwarded-prefix: /x")]
    [InlineData("Forwarded: for=1.2.3.4")]
    [InlineData("Client-Ip: 1.2.3.4")]
    public async Task Headers_of_one_connection_and_of_the_platform_stay_outside(string headers)
    {
        await using var host = await GatewayHost.StartAsync();
        using var client = await host.ConnectAsync();

        await client.SendAsync($"GET / HTTP/1.1\nHost: h\nX-Kept: 1\n{headers}\n\n");
        await client.ReceiveUntilAsync("\r\n\r\n");

        Assert.Equal(["host=h", "x-kept=1"], Pairs(host.Invoker.Single.Headers));
    }

    [TimedFact]
    public async Task Header_values_keep_every_byte_in_both_directions()
    {
        await using var host = await GatewayHost.StartAsync();
        var value = string.Concat(Enumerable.Range(0xa1, 95).Select(code => (char)code));
        host.Invoker.Answers(FakeExchange.Text("", "x-bytes", value));
        using var client = await host.ConnectAsync();

        await client.SendAsync($"GET / HTTP/1.1\nHost: h\nX-Bytes: {value}\nConnection: close\n\n");
        var answer = await client.ReceiveToEndAsync();

        Assert.Contains("x-bytes=" + value, Pairs(host.Invoker.Single.Headers));
        Assert.Contains($"x-bytes: {value}\r\n", answer);
    }

    [TimedTheory]
    [InlineData("GET //evil.example/x HTTP/1.1", "http://h//evil.example/x")]
    [InlineData("GET http://h/a%7e/../b?q HTTP/1.1", "http://h/a%7e/../b?q")]
    [InlineData("GET http://h HTTP/1.1", "http://h/")]
    [InlineData("GET http://h?q HTTP/1.1", "http://h/?q")]
    [InlineData("GET /a?b?c HTTP/1.1", "http://h/a?b?c")]
    public async Task A_request_target_keeps_its_spelling(string line, string url)
    {
        await using var host = await GatewayHost.StartAsync();
        using var client = await host.ConnectAsync();

        await client.SendAsync($"{line}\nHost: h\nConnection: close\n\n");
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReceiveToEndAsync());

        Assert.Equal(url, host.Invoker.Single.Url);
    }

    [TimedTheory]
    [InlineData("OPTIONS * HTTP/1.1\nHost: h")]
    [InlineData("CONNECT h:80 HTTP/1.1\nHost: h:80")]
    [InlineData("CONNECT http:80 HTTP/1.1\nHost: http:80")]
    [InlineData("GET ftp://h/ HTTP/1.1\nHost: h")]
    public async Task A_request_target_that_is_no_address_is_refused(string head)
    {
        await using var host = await GatewayHost.StartAsync();
        using var client = await host.ConnectAsync();

        await client.SendAsync(head + "\nConnection: close\n\n");

        Assert.StartsWith("HTTP/1.1 400 ", await client.ReceiveToEndAsync());
        Assert.Empty(host.Invoker.Requests);
    }

    [TimedTheory]
    [InlineData("GET / HTTP/1.1")]
    [InlineData("GET / HTTP/1.1\nHost: h\nHost: h")]
    [InlineData("GET / HTTP/1.1\nHost: a b")]
    [InlineData("GET http://a/ HTTP/1.1\nHost: b")]
    [InlineData("GET / HTTP/1.1\nHost: h\n folded: x")]
    [InlineData("GET / HTTP/1.1\nHost: h\nX y: 1")]
    [InlineData("GET /a b HTTP/1.1\nHost: h")]
    [InlineData("POST / HTTP/1.1\nHost: h\nContent-Length: 3\nContent-Length: 4")]
    [InlineData("POST / HTTP/1.1\nHost: h\nContent-Length: 3\nContent-Length: 3")]
    [InlineData("POST / HTTP/1.1\nHost: h\nContent-Length: 3, 3")]
    [InlineData("POST / HTTP/1.1\nHost: h\nContent-Length: -3")]
    [InlineData("POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\nContent-Length: 3")]
    [InlineData("POST / HTTP/1.1\nHost: h\nContent-Length: 3\nTransfer-Encoding: chunked")]
    [InlineData("POST / HTTP/1.1\nHost: h\nTransfer-Encoding: gzip")]
    [InlineData("POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked, identity")]
    [InlineData("POST / HTTP/1.0\nHost: h\nTransfer-Encoding: chunked\nContent-Length: 3")]
    [InlineData("POST / HTTP/1.0\nHost: h\nTransfer-Encoding: chunked")]
    public async Task A_head_that_can_be_read_in_two_ways_reaches_no_function(string head)
    {
        await using var host = await GatewayHost.StartAsync();
        using var client = await host.ConnectAsync();

        await client.SendAsync(head + "\n\n3\nabc\n0\n\nGET /smuggled HTTP/1.1\nHost: h\n\n");

        Assert.Matches("^HTTP/1.1 4\\d\\d ", await client.ReceiveToEndAsync());
        Assert.Empty(host.Invoker.Requests);
    }

    [TimedFact]
    public async Task No_body_is_no_body()
    {
        await using var host = await GatewayHost.StartAsync();
        using var client = await host.ConnectAsync();

        await client.SendAsync("POST / HTTP/1.1\nHost: h\nContent-Length: 0\n\nGET / HTTP/1.1\nHost: h\nConnection: close\n\n");
        await client.ReceiveToEndAsync();

        Assert.Equal(2, host.Invoker.Requests.Count);
        Assert.All(host.Invoker.Requests, request => Assert.True(request.Body is { Reader: null, Complete.IsEmpty: true }));
    }

    [TimedFact]
    public async Task A_small_body_that_came_with_the_head_travels_with_it()
    {
        await using var host = await GatewayHost.StartAsync();
        using var client = await host.ConnectAsync();

        await client.SendAsync("POST / HTTP/1.1\nHost: h\nContent-Length: 5\nConnection: close\n\nh\u00e9llo");
        await client.ReceiveToEndAsync();

        Assert.Null(host.Invoker.Single.Body.Reader);
        Assert.Equal("h\u00e9llo", Encoding.Latin1.GetString(host.Invoker.Single.Body.Complete.Span));
    }

    [TimedTheory]
    [InlineData("Content-Length: 5\n\nhe", "llo")]
    [InlineData("Transfer-Encoding: chunked\n\n2\nhe\n", "3;x=y\nllo\n0\n\n")]
    public async Task A_body_that_comes_later_or_in_chunks_is_pulled(string first, string second)
    {
        await using var host = await GatewayHost.StartAsync();
        host.Invoker.Answer = async (request, token) =>
        {
            var body = await ReadAsync(request.Body, token);
            return FakeExchange.Text($"<{body}>");
        };
        using var client = await host.ConnectAsync();

        await client.SendAsync($"POST / HTTP/1.1\nHost: h\nConnection: close\n{first}");
        await host.Invoker.Asked;
        await client.SendAsync(second);

        Assert.Contains("<hello>", await client.ReceiveToEndAsync());
        Assert.NotNull(host.Invoker.Single.Body.Reader);
    }

    [TimedTheory]
    [InlineData(64 * 1024, true)]
    [InlineData(64 * 1024 + 1, false)]
    [InlineData(5 * 1024 * 1024, false)]
    public async Task A_large_body_is_pulled(int length, bool mayBeInline)
    {
        await using var host = await GatewayHost.StartAsync(Large());
        host.Invoker.Answer = async (request, token) => FakeExchange.Text($"{(await ReadAsync(request.Body, token)).Length}");

        var answer = await host.Client.PostAsync("/", new ByteArrayContent(new byte[length]), TestContext.Current.CancellationToken);

        Assert.Equal($"{length}", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.True(mayBeInline || host.Invoker.Single.Body.Reader is not null);
    }

    [TimedFact]
    public async Task A_client_that_waits_for_100_continue_gets_it_when_the_body_is_pulled()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Invoker.Answer = async (request, token) => FakeExchange.Text($"<{await ReadAsync(request.Body, token)}>");
        using var client = await host.ConnectAsync();

        await client.SendAsync("POST / HTTP/1.1\nHost: h\nContent-Length: 5\nExpect: 100-continue\nConnection: close\n\n");
        await client.ReceiveUntilAsync("HTTP/1.1 100 Continue\r\n\r\n");
        await client.SendAsync("hello");

        Assert.Contains("<hello>", await client.ReceiveToEndAsync());
    }

    [TimedFact]
    public async Task A_body_that_is_announced_too_large_is_refused_from_the_head()
    {
        await using var host = await GatewayHost.StartAsync();
        using var client = await host.ConnectAsync();

        await client.SendAsync("POST / HTTP/1.1\nHost: h\nContent-Length: 1001\nExpect: 100-continue\n\n");
        var answer = await client.ReceiveUntilAsync("}");

        Assert.StartsWith("HTTP/1.1 413 ", answer);
        Assert.Contains("The request body is larger than 1000 bytes, which is the limit of this function.", answer);
        Assert.Empty(host.Invoker.Requests);
    }

    [TimedFact]
    public async Task A_client_that_goes_away_cancels_the_invocation_within_a_second()
    {
        await using var host = await GatewayHost.StartAsync();
        var cancelled = new TaskCompletionSource();
        var exchange = FakeExchange.Failed(ErrorCode.ClientGone, "");
        host.Invoker.Answer = async (_, token) =>
        {
            token.Register(() => cancelled.TrySetResult());
            await cancelled.Task;
            return exchange;
        };
        using var client = await host.ConnectAsync();
        await client.SendAsync("GET / HTTP/1.1\nHost: h\n\n");
        await host.Invoker.Asked;

        client.Reset();

        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(1));
        await exchange.Disposed.WaitAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(1, exchange.Disposals);
        Assert.Empty(host.Output);
    }

    [TimedFact]
    public async Task A_client_that_goes_away_while_it_sends_cancels_the_invocation()
    {
        await using var host = await GatewayHost.StartAsync();
        var exchange = FakeExchange.Failed(ErrorCode.ClientGone, "");
        host.Invoker.Answer = async (request, token) =>
        {
            await Assert.ThrowsAnyAsync<Exception>(() => ReadAsync(request.Body, token));
            var cancelled = new TaskCompletionSource();
            await using (token.Register(cancelled.SetResult))
            {
                await cancelled.Task;
            }

            return exchange;
        };
        using var client = await host.ConnectAsync();
        await client.SendAsync("POST / HTTP/1.1\nHost: h\nContent-Length: 500\n\nhe");
        await host.Invoker.Asked;

        client.Reset();

        await exchange.Disposed.WaitAsync(TimeSpan.FromSeconds(1));
    }

    [TimedFact]
    public async Task Http2_requests_look_the_same_to_a_function()
    {
        await using var host = await GatewayHost.StartAsync();
        using var message = new HttpRequestMessage(HttpMethod.Post, new Uri(host.Http2Address, "/a?b"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new StringContent("hello"),
            Headers = { { "X-One", "1" }, { "Cookie", "a=1" } },
        };

        using var answer = await host.Client.SendAsync(message, TestContext.Current.CancellationToken);

        Assert.Equal(HttpVersion.Version20, answer.Version);
        var request = host.Invoker.Single;
        Assert.Equal($"http://{host.Http2Address.Authority}/a?b", request.Url);
        Assert.Contains($"host={host.Http2Address.Authority}", Pairs(request.Headers));
        Assert.Contains("x-one=1", Pairs(request.Headers));
        Assert.DoesNotContain(Pairs(request.Headers), pair => pair.StartsWith(':'));
    }

    private static FunctionVersion Large()
    {
        var function = GatewayHost.Function("all", FunctionKind.Http, "/*");
        return new FunctionVersion
        {
            Site = function.Site,
            Deploy = function.Deploy,
            Name = function.Name,
            Runtime = function.Runtime,
            ArtifactDirectory = function.ArtifactDirectory,
            Entry = function.Entry,
            Routes = function.Routes,
            Environment = function.Environment,
            Limits = FunctionLimits.Default,
        };
    }

    private static async Task<string> ReadAsync(RequestBody body, CancellationToken token)
    {
        if (body.Reader is null)
        {
            return Encoding.Latin1.GetString(body.Complete.Span);
        }

        var text = new StringBuilder();
        while (true)
        {
            var read = await body.Reader.ReadAsync(token);
            text.Append(Encoding.Latin1.GetString(read.Buffer));
            body.Reader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return text.ToString();
            }
        }
    }

    private static IEnumerable<string> Pairs(IReadOnlyList<string> flat) => flat.Chunk(2).Select(pair => $"{pair[0]}={pair[1]}").Order();
}
