using Grpc.Core;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using SandboxHost.Invocations;
using SandboxHost.Protocol.Worker.V1;
using SandboxHost.Supervisor.Workers;

namespace SandboxHost.Supervisor.Transport;

/// <summary>
/// The gRPC end of the worker link. Who calls is known from the connection (the kernel says which uid dialled) and, for
/// the session, from the one-time token; a call that does not fit its connection ends the worker.
/// </summary>
internal sealed class WorkerLinkService(WorkerDirectory directory, SupervisorLogger logger) : WorkerService.WorkerServiceBase
{
    public const uint ProtocolVersion = 1;

    private static readonly TimeSpan ExitGrace = TimeSpan.FromSeconds(2);
    private static readonly object WorkerKey = new();

    public override async Task Session(
        IAsyncStreamReader<WorkerFrames> requestStream, IServerStreamWriter<HostFrames> responseStream, ServerCallContext context)
    {
        var connection = context.GetHttpContext().Features.GetRequiredFeature<IConnectionItemsFeature>().Items;
        var hello = await ReadHelloAsync(requestStream, context.CancellationToken);
        var peer = (PeerCredentials?)connection[PeerCredentials.ItemKey];
        var worker = hello is null || connection.ContainsKey(WorkerKey) ? null : directory.Admit(hello, peer);
        if (worker is null)
        {
            directory.Refuse(peer, "a session without a valid hello");
            context.GetHttpContext().Abort();
            return;
        }

        connection[WorkerKey] = worker;
        var session = worker.OnHello(responseStream, peer?.ProcessId ?? 0);
        FunctionError? violation = null;
        try
        {
            await session.ReadAsync(requestStream, context.CancellationToken);

            // It has said its last word and all of it was heard. It learns that from the end of this call, and exits.
            worker.OnSessionOver(ExitGrace);
            return;
        }
        catch (Exception ex) when (ProtocolViolation.In(ex) is { } what)
        {
            violation = ProtocolViolation.Error;
            logger.ProtocolViolation(worker.Name, what.Message);
        }
        catch (Exception ex) when (ex is IOException or OperationCanceledException or RpcException or InvalidOperationException)
        {
            // The connection broke; how the process ended says why.
        }

        await worker.EndAsync(violation, ExitGrace);
    }

    public override async Task RequestBody(BodyRef request, IServerStreamWriter<BodyChunk> responseStream, ServerCallContext context)
    {
        if (WorkerOf(context) is not { Session: { } session } worker)
        {
            return;
        }

        try
        {
            var invocation = session.Find(request.Id);
            if (invocation is not null)
            {
                await invocation.SendRequestBodyAsync(responseStream, context.CancellationToken);
            }
        }
        catch (ProtocolViolation ex)
        {
            OnViolation(worker, ex);
        }
    }

    public override async Task<BodyReceipt> ResponseBody(IAsyncStreamReader<BodyChunk> requestStream, ServerCallContext context)
    {
        var receipt = new BodyReceipt();
        if (WorkerOf(context) is not { Session: { } session } worker)
        {
            return receipt;
        }

        try
        {
            if (await requestStream.MoveNext(context.CancellationToken))
            {
                var first = requestStream.Current;
                var invocation = session.Find(first.Id);
                receipt.Bytes = invocation is null
                    ? 0
                    : await invocation.ReceiveResponseBodyAsync(first, requestStream, context.CancellationToken);
            }
        }
        catch (Exception ex) when (ProtocolViolation.In(ex) is { } what)
        {
            OnViolation(worker, what);
        }
        catch (Exception ex) when (ex is IOException or OperationCanceledException or RpcException)
        {
            // The worker took the call back, or is gone: the invocation learns of both elsewhere.
        }

        return receipt;
    }

    public override async Task<BodyReceipt> CodeCache(IAsyncStreamReader<BodyChunk> requestStream, ServerCallContext context)
    {
        var receipt = new BodyReceipt();
        if (WorkerOf(context) is not { } worker)
        {
            return receipt;
        }

        try
        {
            var offer = worker.CodeCacheOffer ?? throw new ProtocolViolation("a code cache that was not announced");
            receipt.Bytes = await offer.ReceiveAsync(requestStream, context.CancellationToken);
        }
        catch (ProtocolViolation ex)
        {
            OnViolation(worker, ex);
        }
        catch (Exception ex) when (ex is IOException or OperationCanceledException or RpcException)
        {
            // It ended before it had sent all; the next one makes another.
        }

        return receipt;
    }

    private static async Task<Hello?> ReadHelloAsync(
        IAsyncStreamReader<WorkerFrames> frames, CancellationToken cancellationToken)
    {
        try
        {
            // Nothing may come with the hello: the worker does not know yet whether it is welcome.
            if (await frames.MoveNext(cancellationToken) && frames.Current.Frames is [{ Hello: { ProtocolVersion: ProtocolVersion } hello }])
            {
                return hello;
            }
        }
        catch (Exception ex) when (ex is IOException or OperationCanceledException or RpcException or InvalidDataException)
        {
            // It left before it said who it is, or what it said was no message.
        }

        return null;
    }

    private Worker? WorkerOf(ServerCallContext context)
    {
        var http = context.GetHttpContext();
        var items = http.Features.GetRequiredFeature<IConnectionItemsFeature>().Items;
        if (items.TryGetValue(WorkerKey, out var worker))
        {
            return (Worker?)worker;
        }

        directory.Refuse((PeerCredentials?)items[PeerCredentials.ItemKey], "a body call without a session");
        http.Abort();
        return null;
    }

    private void OnViolation(Worker worker, ProtocolViolation violation)
    {
        logger.ProtocolViolation(worker.Name, violation.Message);
        worker.Kill(ProtocolViolation.Error);
    }
}
