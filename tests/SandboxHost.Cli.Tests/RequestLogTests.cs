using System.IO.Pipelines;
using Microsoft.Extensions.Time.Testing;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Output;
using SandboxHost.Server;

namespace SandboxHost.Cli.Tests;

/// <summary>The lines of `sandboxhost dev` about requests.</summary>
public sealed class RequestLogTests : ILogSink
{
    private readonly FakeTimeProvider _clock = new();
    private readonly List<string> _lines = [];

    public void Write(in OutputLine line) => _lines.Add(line.Text);

    [TimedFact]
    public async Task A_request_is_told_when_it_comes_and_when_it_is_answered()
    {
        await using var log = new RequestLog(new Answering(200), this, _clock);

        var exchange = await log.InvokeAsync(Request("http://localhost:8888/a/b?c=d"), CancellationToken.None);
        Assert.Equal(["Request from 127.0.0.1: GET /a/b?c=d"], _lines);
        _clock.Advance(TimeSpan.FromMilliseconds(12.7));
        await exchange.DisposeAsync();
        await exchange.DisposeAsync();

        Assert.Equal(["Request from 127.0.0.1: GET /a/b?c=d", "Response with status 200 in 12 ms."], _lines);
    }

    [TimedTheory]
    [InlineData(ErrorCode.Timeout, "Response with status 504 in 0 ms.")]
    [InlineData(ErrorCode.FunctionError, "Response with status 500 in 0 ms.")]
    [InlineData(ErrorCode.ClientGone, "The client left after 0 ms.")]
    public async Task A_bad_end_is_told_with_the_status_that_the_client_gets(ErrorCode code, string expected)
    {
        await using var log = new RequestLog(new Answering(new FunctionError(code, "x")), this, _clock);

        await (await log.InvokeAsync(Request("http://localhost"), CancellationToken.None)).DisposeAsync();

        Assert.Equal(["Request from 127.0.0.1: GET /", expected], _lines);
    }

    [TimedFact]
    public async Task Only_the_first_requests_of_a_second_are_told_and_the_others_counted()
    {
        await using var log = new RequestLog(new Answering(200), this, _clock);
        for (var i = 0; i < RequestLog.RequestsPerSecond + 7; i++)
        {
            await (await log.InvokeAsync(Request("http://localhost/"), CancellationToken.None)).DisposeAsync();
        }

        Assert.Equal(RequestLog.RequestsPerSecond * 2, _lines.Count);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("… and 7 more requests in this second", _lines[^1]);

        _clock.Advance(TimeSpan.FromSeconds(5));
        await log.InvokeAsync(Request("http://localhost/again"), CancellationToken.None);
        Assert.Equal((RequestLog.RequestsPerSecond * 2) + 2, _lines.Count);
    }

    [TimedFact]
    public async Task What_passes_through_is_not_changed()
    {
        var inner = new Answering(204);
        await using var log = new RequestLog(inner, this, _clock);
        var request = Request("http://localhost/");

        var exchange = await log.InvokeAsync(request, CancellationToken.None);

        Assert.Same(request, inner.Request);
        Assert.Equal(204, exchange.Response!.Status);
        Assert.Null(exchange.Error);
        await exchange.CopyBodyToAsync(PipeWriter.Create(Stream.Null));
        Assert.True(inner.WasCopied);
        await exchange.DisposeAsync();
        Assert.True(inner.WasDisposed);
    }

    private static InvocationRequest Request(string url) => new()
    {
        Function = new FunctionVersion
        {
            Site = new SiteIdentity("1", "site", "http://localhost", "2"),
            Deploy = new DeployIdentity("0", "dev", false),
            Name = "hello",
            Runtime = "node",
            ArtifactDirectory = "/",
            Entry = "hello.mjs",
            Environment = new Dictionary<string, string>(),
            Limits = FunctionLimits.Default,
        },
        RequestId = "id",
        Method = "GET",
        Url = url,
        Headers = [],
        ClientIp = "127.0.0.1",
    };

    private sealed class Answering(InvocationResponse? response, FunctionError? error) : IInvoker, IExchange
    {
        public Answering(int status)
            : this(new InvocationResponse { Status = status, Headers = [] }, null)
        {
        }

        public Answering(FunctionError error)
            : this(null, error)
        {
        }

        public FunctionError? Error => error;

        public InvocationResponse? Response => response;

        public InvocationRequest? Request { get; private set; }

        public bool WasCopied { get; private set; }

        public bool WasDisposed { get; private set; }

        public ValueTask<IExchange> InvokeAsync(InvocationRequest request, CancellationToken clientGone)
        {
            Request = request;
            return new ValueTask<IExchange>(this);
        }

        public ValueTask<FunctionError?> CopyBodyToAsync(PipeWriter destination)
        {
            WasCopied = true;
            return default;
        }

        public int RequestsWaiting => 0;

        public void Prepare(FunctionVersion function)
        {
        }

        public Task<FunctionError?> WaitForEndAsync() => Task.FromResult(error);

        public ValueTask DisposeAsync()
        {
            WasDisposed = true;
            return default;
        }
    }
}
