using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Supervisor.Pools;
using SandboxHost.Supervisor.Transport;

namespace SandboxHost.Supervisor;

/// <summary>Runs invocations on this machine: lease a worker, start, wait for the head; again on another worker if that is safe.</summary>
internal sealed class LocalInvoker(PoolRegistry pools) : IInvoker
{
    /// <summary>A request that takes three workers with it will not be given a fourth.</summary>
    private const int MaxAttempts = 3;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<IExchange> InvokeAsync(InvocationRequest request, CancellationToken clientGone)
    {
        for (var attempt = 1; ; attempt++)
        {
            var lease = await pools.For(request.Function).LeaseAsync(clientGone);
            if (lease.Worker is null)
            {
                return new RefusedExchange(lease.Error!);
            }

            var invocation = lease.Worker.Start(request);
            await invocation.WaitForHeadAsync(clientGone);
            if (attempt == MaxAttempts || !ShouldReplay(invocation))
            {
                return invocation;
            }

            await invocation.DisposeAsync();
        }
    }

    public int RequestsWaiting => pools.HttpRequestsWaiting;

    public void Prepare(FunctionVersion function) => _ = pools.For(function).PrepareAsync();

    // A worker that ran out of memory or broke the protocol most likely did so for this very request.
    private static bool ShouldReplay(Invocation invocation) =>
        invocation.Error is { Code: ErrorCode.WorkerExited } && invocation.WorkerIsGone && invocation.MayBeReplayed;

    private sealed class RefusedExchange(FunctionError error) : IExchange
    {
        public FunctionError? Error => error;

        public InvocationResponse? Response => null;

        public Task<FunctionError?> WaitForEndAsync() => Task.FromResult<FunctionError?>(error);

        public ValueTask<FunctionError?> CopyBodyToAsync(PipeWriter destination) => new(error);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
