using Grpc.Core;
using Grpc.Core.Interceptors;
using SandboxHost.Deployments;
using SandboxHost.Runs;

namespace SandboxHost.Control;

/// <summary>What the host refuses or can't do, as gRPC says it. A store that fails is the host's trouble and passes.</summary>
internal sealed class ControlErrors : Interceptor
{
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) => SayAsync(() => continuation(request, context));

    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation) =>
        SayAsync(() => continuation(requestStream, context));

    private static async Task<T> SayAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (RunStoreException ex)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, $"The store failed: {ex.Message}"));
        }
        catch (DeployRefusedException ex)
        {
            throw new RpcException(new Status(StatusOf(ex.Refusal), ex.Message));
        }
        catch (IOException ex)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, $"The host's disk failed: {ex.Message}"));
        }
    }

    private static StatusCode StatusOf(DeployRefusal refusal) => refusal switch
    {
        DeployRefusal.NotFound => StatusCode.NotFound,
        DeployRefusal.Invalid => StatusCode.InvalidArgument,
        DeployRefusal.WrongState => StatusCode.FailedPrecondition,
        DeployRefusal.Taken => StatusCode.AlreadyExists,
        DeployRefusal.TooMany => StatusCode.ResourceExhausted,
        DeployRefusal.Disk => StatusCode.Unavailable,
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
