using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Text;
using SandboxHost.Deployments;
using SandboxHost.Invocations;

namespace SandboxHost.Gateway.Tests;

/// <summary>Answers as the test says, and keeps what it was asked.</summary>
internal sealed class FakeInvoker : IInvoker
{
    private readonly TaskCompletionSource<CancellationToken> _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Func<InvocationRequest, CancellationToken, Task<FakeExchange>> Answer { get; set; } = (_, _) => Task.FromResult(FakeExchange.Text("ok"));

    public ConcurrentQueue<InvocationRequest> Requests { get; } = new();

    public ConcurrentQueue<FakeExchange> Exchanges { get; } = new();

    /// <summary>Completes at the first invocation, with its token.</summary>
    public Task<CancellationToken> Asked => _asked.Task;

    public InvocationRequest Single => Assert.Single(Requests);

    public void Answers(FakeExchange exchange) => Answer = (_, _) => Task.FromResult(exchange);

    public int RequestsWaiting => 0;

    public void Prepare(FunctionVersion function)
    {
    }

    public async ValueTask<IExchange> InvokeAsync(InvocationRequest request, CancellationToken clientGone)
    {
        Requests.Enqueue(request);
        _asked.TrySetResult(clientGone);
        var exchange = await Answer(request, clientGone);
        Exchanges.Enqueue(exchange);
        return exchange;
    }
}

/// <summary>A scripted end of an invocation. Counts how often it is disposed.</summary>
internal sealed class FakeExchange : IExchange
{
    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _disposals;

    public FunctionError? Error { get; init; }

    public InvocationResponse? Response { get; init; }

    /// <summary>Writes a streamed body; returns why it was cut.</summary>
    public Func<PipeWriter, Task<FunctionError?>> Body { get; init; } = _ => Task.FromResult<FunctionError?>(null);

    public int Disposals => _disposals;

    public Task Disposed => _disposed.Task;

    public static FakeExchange Text(string text, params string[] headers) => Of(200, text, headers);

    public static FakeExchange Of(int status, string text, params string[] headers) =>
        new() { Response = new InvocationResponse { Status = status, Headers = headers, Body = Encoding.UTF8.GetBytes(text) } };

    public static FakeExchange Failed(ErrorCode code, string message, ThrownError? thrown = null, TimeSpan? retryAfter = null) =>
        new() { Error = new FunctionError(code, message) { Thrown = thrown, RetryAfter = retryAfter } };

    public static FakeExchange Stream(Func<PipeWriter, Task<FunctionError?>> body, long? length = null, int status = 200, params string[] headers) =>
        new() { Response = new InvocationResponse { Status = status, Headers = headers, IsStreamed = true, Length = length }, Body = body };

    public Task<FunctionError?> WaitForEndAsync() => Task.FromResult(Error);

    public async ValueTask<FunctionError?> CopyBodyToAsync(PipeWriter destination) => await Body(destination);

    public ValueTask DisposeAsync()
    {
        Interlocked.Increment(ref _disposals);
        _disposed.TrySetResult();
        return ValueTask.CompletedTask;
    }
}
