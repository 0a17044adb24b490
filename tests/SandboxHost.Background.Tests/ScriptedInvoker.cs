using System.Collections.Concurrent;
using System.IO.Pipelines;
using SandboxHost.Deployments;
using SandboxHost.Invocations;

namespace SandboxHost.Background.Tests;

/// <summary>Runs what the test says, and tells it what was asked.</summary>
internal sealed class ScriptedInvoker : IInvoker
{
    public Func<InvocationRequest, CancellationToken, Task<FunctionError?>> Run { get; set; } = (_, _) => Task.FromResult<FunctionError?>(null);

    public ConcurrentQueue<InvocationRequest> Requests { get; } = new();

    public ConcurrentQueue<FunctionVersion> Prepared { get; } = new();

    public void Fails(ErrorCode code) => Run = (_, _) => Task.FromResult<FunctionError?>(new FunctionError(code, "As the test says."));

    public async ValueTask<IExchange> InvokeAsync(InvocationRequest request, CancellationToken clientGone)
    {
        Requests.Enqueue(request);
        return new Exchange(await Run(request, clientGone));
    }

    public int RequestsWaiting { get; set; }

    public void Prepare(FunctionVersion function) => Prepared.Enqueue(function);

    private sealed class Exchange(FunctionError? error) : IExchange
    {
        public FunctionError? Error => error;

        public InvocationResponse? Response => null;

        public Task<FunctionError?> WaitForEndAsync() => Task.FromResult(error);

        public ValueTask<FunctionError?> CopyBodyToAsync(PipeWriter destination) => new(error);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
