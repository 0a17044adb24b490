using System.Buffers;
using System.IO.Pipelines;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using SandboxHost.Invocations;
using SandboxHost.Protocol.Worker.V1;

namespace SandboxHost.Supervisor.Tests;

/// <summary>How invocations end when somebody has had enough: the clock, the client, or a limit.</summary>
public sealed class EndTests
{
    [TimedFact]
    public async Task A_function_that_runs_out_of_time_is_told_and_its_loop_asked()
    {
        var clock = new FakeTimeProvider();
        await using var host = await TestHost.StartAsync(clock);
        var function = host.Add();
        var (worker, invoke, exchange) = await host.BeginAsync(function);

        clock.Advance(function.Limits.BufferedTime);

        Assert.Equal(ErrorCode.Timeout, (await exchange).Error?.Code);
        Assert.Equal((invoke.Id, Reason.Timeout), await NextCancelAsync(worker));
        await worker.NextAsync(HostFrame.KindOneofCase.Ping);
    }

    [TimedFact]
    public async Task A_loop_that_does_not_answer_is_killed_with_all_it_runs()
    {
        var clock = new FakeTimeProvider();
        await using var host = await TestHost.StartAsync(clock);
        host.Launcher.Prepare = worker => worker.AnswersPings = false;
        var function = host.Add();
        var (worker, _, exchange) = await host.BeginAsync(function);
        clock.Advance(TimeSpan.FromSeconds(30));
        var other = host.InvokeAsync(function, "POST");
        await worker.SendAsync(Frames.Accepted((await worker.NextInvokeAsync()).Id));
        await host.FlushAsync(worker);

        clock.Advance(TimeSpan.FromSeconds(30));
        await worker.NextAsync(HostFrame.KindOneofCase.Ping);
        Assert.Equal(0, worker.Sandbox.Kills);
        clock.Advance(TimeSpan.FromMilliseconds(250));

        Assert.Equal(ErrorCode.Timeout, (await exchange).Error?.Code);
        Assert.Equal(ErrorCode.WorkerExited, (await other).Error?.Code);
        Assert.True(worker.Sandbox.Kills > 0);
    }

    [TimedFact]
    public async Task A_loop_that_answers_lets_the_others_finish_first()
    {
        var clock = new FakeTimeProvider();
        await using var host = await TestHost.StartAsync(clock);
        var function = host.Add();
        var (worker, _, exchange) = await host.BeginAsync(function);
        clock.Advance(TimeSpan.FromSeconds(30));
        var other = host.InvokeAsync(function);
        var otherInvoke = await worker.NextInvokeAsync();

        clock.Advance(TimeSpan.FromSeconds(30));
        await worker.NextAsync(HostFrame.KindOneofCase.Ping);
        await host.FlushAsync(worker);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(ErrorCode.Timeout, (await exchange).Error?.Code);
        Assert.Equal(0, worker.Sandbox.Kills);
        await worker.SendAsync(Frames.Answer(otherInvoke.Id));

        Assert.Equal(200, (await other).Response?.Status);
        await worker.Sandbox.Disposed.WaitAsync(TestHost.Limit);
        Assert.True(worker.Sandbox.Kills > 0);
    }

    [TimedFact]
    public async Task A_client_that_leaves_frees_the_slot_only_when_the_function_has_ended()
    {
        await using var host = await TestHost.StartAsync();
        var function = host.Add(limits: limits => limits with { Concurrency = 1, MaxWorkers = 1 });
        using var gone = new CancellationTokenSource();
        var (worker, invoke, exchange) = await host.BeginAsync(function, clientGone: gone.Token);
        var next = host.InvokeAsync(function);

        await gone.CancelAsync();

        Assert.Equal(ErrorCode.ClientGone, (await exchange).Error?.Code);
        Assert.Equal((invoke.Id, Reason.ClientGone), await NextCancelAsync(worker));
        await host.FlushAsync(worker);
        Assert.False(worker.HasReceived(HostFrame.KindOneofCase.Invoke));
        await worker.SendAsync(Frames.Ended(invoke.Id));
        await worker.SendAsync(Frames.Answer((await worker.NextInvokeAsync()).Id));
        Assert.Equal(200, (await next).Response?.Status);
    }

    [TimedFact]
    public async Task A_streamed_body_reaches_the_client_chunk_by_chunk()
    {
        await using var host = await TestHost.StartAsync();
        var (worker, invoke, begun) = await host.BeginAsync(host.Add());
        await worker.SendAsync(Frames.Streamed(invoke.Id));
        await using var exchange = await begun;
        var pipe = new Pipe();
        var copy = exchange.CopyBodyToAsync(pipe.Writer);
        using var call = worker.Client.ResponseBody();

        foreach (var text in new[] { "one", "two", "three" })
        {
            await call.RequestStream.WriteAsync(new BodyChunk { Id = text == "one" ? invoke.Id : 0, Data = ByteString.CopyFromUtf8(text), Last = text == "three" });
            var read = await pipe.Reader.ReadAsync();
            Assert.Equal(text, System.Text.Encoding.UTF8.GetString(read.Buffer.ToArray()));
            pipe.Reader.AdvanceTo(read.Buffer.End);
        }

        Assert.Null(await copy);
        Assert.Equal(11, (await call).Bytes);
        await worker.SendAsync(Frames.Ended(invoke.Id));
    }

    [TimedFact]
    public async Task A_stream_that_ends_without_its_last_chunk_was_cut()
    {
        await using var host = await TestHost.StartAsync();
        var (worker, invoke, begun) = await host.BeginAsync(host.Add());
        await worker.SendAsync(Frames.Streamed(invoke.Id));
        await using var exchange = await begun;
        var copy = exchange.CopyBodyToAsync(PipeWriter.Create(Stream.Null));
        using var call = worker.Client.ResponseBody();

        await call.RequestStream.WriteAsync(Frames.Chunk(invoke.Id, 10));
        await call.RequestStream.CompleteAsync();

        Assert.Equal(ErrorCode.FunctionError, (await copy)?.Code);
    }

    [TimedFact]
    public async Task A_streamed_body_over_the_limit_is_cut_and_the_function_told()
    {
        await using var host = await TestHost.StartAsync();
        var function = host.Add(limits: limits => limits with { StreamingBytes = 100_000 });
        var (worker, invoke, begun) = await host.BeginAsync(function);
        await worker.SendAsync(Frames.Streamed(invoke.Id));
        await using var exchange = await begun;
        var copy = exchange.CopyBodyToAsync(PipeWriter.Create(Stream.Null));
        using var call = worker.Client.ResponseBody();

        await call.RequestStream.WriteAsync(Frames.Chunk(invoke.Id, 60_000));
        await call.RequestStream.WriteAsync(Frames.Chunk(0, 60_000, last: true));

        Assert.Equal(ErrorCode.ResponseTooLarge, (await copy)?.Code);
        Assert.Equal((invoke.Id, Reason.Limit), await NextCancelAsync(worker));
    }

    [TimedFact]
    public async Task A_worker_that_dies_in_a_streamed_body_cuts_it()
    {
        await using var host = await TestHost.StartAsync();
        var (worker, invoke, begun) = await host.BeginAsync(host.Add());
        await worker.SendAsync(Frames.Streamed(invoke.Id));
        await using var exchange = await begun;
        var pipe = new Pipe();
        var copy = exchange.CopyBodyToAsync(pipe.Writer);
        using var call = worker.Client.ResponseBody();
        await call.RequestStream.WriteAsync(Frames.Chunk(invoke.Id, 10));
        await pipe.Reader.ReadAsync();

        worker.Sandbox.Exit(new Sandboxes.SandboxExit(Sandboxes.SandboxExitReason.OutOfMemory));

        Assert.Equal(ErrorCode.OutOfMemory, (await copy)?.Code);
    }

    [TimedFact]
    public async Task A_request_body_is_pulled_in_chunks_of_at_most_64_KiB_and_the_last_is_marked()
    {
        await using var host = await TestHost.StartAsync();
        var body = new byte[200_000];
        Random.Shared.NextBytes(body);
        var (worker, invoke, begun) = await host.BeginAsync(host.Add(), "POST", RequestBody.FromReader(PipeReader.Create(new ReadOnlySequence<byte>(body))));
        Assert.Equal(BodyKind.Streamed, invoke.BodyKind);

        var chunks = await PullAsync(worker, invoke.Id);

        Assert.All(chunks, chunk => Assert.InRange(chunk.Data.Length, 0, 65_536));
        Assert.Equal([false, false, false, true], chunks.Select(chunk => chunk.Last));
        Assert.Equal(body, chunks.SelectMany(chunk => chunk.Data));
        await worker.SendAsync(Frames.Answer(invoke.Id));
        await using var exchange = await begun;
        Assert.Equal(200, exchange.Response?.Status);
    }

    [TimedFact]
    public async Task A_request_body_over_the_limit_ends_without_its_last_chunk()
    {
        await using var host = await TestHost.StartAsync();
        var function = host.Add(limits: limits => limits with { RequestBytes = 100_000 });
        var (worker, invoke, begun) = await host.BeginAsync(function, "POST", RequestBody.FromReader(PipeReader.Create(new ReadOnlySequence<byte>(new byte[100_001]))));

        var chunks = await PullAsync(worker, invoke.Id);

        Assert.DoesNotContain(chunks, chunk => chunk.Last);
        await using var exchange = await begun;
        Assert.Equal(ErrorCode.RequestTooLarge, exchange.Error?.Code);
        Assert.Equal((invoke.Id, Reason.Limit), await NextCancelAsync(worker));
    }

    [TimedFact]
    public async Task Nothing_touches_the_request_body_after_dispose()
    {
        await using var host = await TestHost.StartAsync();
        var pipe = new Pipe();
        var (worker, invoke, begun) = await host.BeginAsync(host.Add(), "POST", RequestBody.FromReader(pipe.Reader));
        using var call = worker.Client.RequestBody(new BodyRef { Id = invoke.Id });
        await pipe.Writer.WriteAsync(new byte[10]);
        Assert.True(await call.ResponseStream.MoveNext());
        await worker.SendAsync(Frames.Response(invoke.Id));
        var exchange = await begun;

        await exchange.DisposeAsync();

        // A read that still waited would make this one throw.
        Assert.False(pipe.Reader.TryRead(out _));
        await pipe.Writer.WriteAsync(new byte[10]);
        Assert.True(pipe.Reader.TryRead(out var left));
        Assert.Equal(10, left.Buffer.Length);
        Assert.False(await call.ResponseStream.MoveNext());
    }

    [TimedFact]
    public async Task Nothing_touches_the_response_after_dispose()
    {
        await using var host = await TestHost.StartAsync();
        var (worker, invoke, begun) = await host.BeginAsync(host.Add());
        await worker.SendAsync(Frames.Streamed(invoke.Id));
        var exchange = await begun;
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 10, resumeWriterThreshold: 5));
        var copy = exchange.CopyBodyToAsync(pipe.Writer);
        using var call = worker.Client.ResponseBody();
        await call.RequestStream.WriteAsync(Frames.Chunk(invoke.Id, 100));
        await pipe.Reader.ReadAtLeastAsync(100);

        await exchange.DisposeAsync();

        Assert.Equal(ErrorCode.ClientGone, (await copy)?.Code);
        Assert.Equal((invoke.Id, Reason.ClientGone), await NextCancelAsync(worker));
        // The writer belongs to the caller again: whoever wrote to it now would fail.
        await pipe.Writer.CompleteAsync();
        await host.FlushAsync(worker);
        await worker.SendAsync(Frames.Ended(invoke.Id));
    }

    private static async Task<(uint Id, Reason Reason)> NextCancelAsync(ScriptedWorker worker)
    {
        var cancel = await worker.NextCancelAsync();
        return (cancel.Id, cancel.Reason);
    }

    private static async Task<List<BodyChunk>> PullAsync(ScriptedWorker worker, uint id)
    {
        using var call = worker.Client.RequestBody(new BodyRef { Id = id });
        List<BodyChunk> chunks = [];
        while (await call.ResponseStream.MoveNext())
        {
            chunks.Add(call.ResponseStream.Current);
        }

        return chunks;
    }
}
