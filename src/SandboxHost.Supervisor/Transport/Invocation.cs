using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Google.Protobuf;
using Grpc.Core;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Protocol.Worker.V1;
using SandboxHost.Sandboxes;

namespace SandboxHost.Supervisor.Transport;

/// <summary>
/// One invocation on one session: its state, its limits, and the two bodies. The first bad end wins and is the only one
/// anybody sees. It holds a slot of its worker until the worker says that it has ended, or is gone.
/// </summary>
/// <remarks>
/// Events come from the session's read loop, from body calls, from the deadline's timer, from the client and from the
/// worker's death, in any order and at once; <c>_gate</c> guards the state and is never held while something is awaited
/// or called back.
/// </remarks>
internal sealed class Invocation : IExchange
{
    private const int MaxChunkBytes = 64 * 1024;
    private static readonly TimeSpan CutExplanationGrace = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly WorkerSession _session;
    private readonly TimeProvider _clock;
    private readonly long _started;
    private readonly TaskCompletionSource _head = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _endSeen = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _exchangeOver = new();
    private ITimer? _deadline;
    private TaskCompletionSource<PipeWriter?>? _destination;
    private TaskCompletionSource<FunctionError?>? _bodyDone;
    private TaskCompletionSource? _requestBodyDone;
    private FunctionError? _error;
    private FunctionError? _errorAfterResponse;
    private bool _accepted;
    private bool _responded;
    private bool _ended;
    private bool _bodyOpen;
    private bool _bodyPumping;
    private bool _exchangeDisposed;
    private bool _released;
    private bool _requestBodyTouched;
    private bool _streaming;

    public Invocation(uint id, InvocationRequest request, WorkerSession session, TimeProvider clock)
    {
        Id = id;
        Request = request;
        _session = session;
        _clock = clock;
        _started = clock.GetTimestamp();
    }

    public uint Id { get; }

    public InvocationRequest Request { get; }

    public InvocationResponse? Response { get; private set; }

    /// <summary>Why there is no response. A bad end after the head shows in <see cref="CopyBodyToAsync"/>.</summary>
    public FunctionError? Error => Response is null ? _error : null;

    /// <summary>
    /// Whether another worker may run this request after this one's death: nothing of its body was read, nothing of a
    /// response was seen, and the function either never saw it or may see it twice.
    /// </summary>
    public bool MayBeReplayed => Response is null && !_requestBodyTouched && (Request.IsIdempotent || !_accepted);

    /// <summary>Its worker ended before it did.</summary>
    public bool WorkerIsGone { get; private set; }

    /// <summary>It went on after its time limit.</summary>
    public bool IsOverdue { get; private set; }

    private FunctionLimits Limits => Request.Function.Limits;

    /// <summary>The limit that holds before it is known what kind of response comes.</summary>
    public static TimeSpan InitialTimeLimitOf(InvocationRequest request) => request.Trigger switch
    {
        InvocationTrigger.Background => request.Function.Limits.BackgroundTime,
        InvocationTrigger.Schedule => request.Function.Limits.ScheduledTime,
        _ => request.Function.Limits.BufferedTime,
    };

    public void StartDeadline() => SetDeadline(InitialTimeLimitOf(Request));

    /// <summary>Waits until there is a response head or an error.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask WaitForHeadAsync(CancellationToken clientGone)
    {
        if (_head.Task.IsCompleted)
        {
            return;
        }

        await using var registration = clientGone.UnsafeRegister(
            static state => ((Invocation)state!).Abandon(new FunctionError(ErrorCode.ClientGone, "The client went away."), Reason.ClientGone),
            this);
        await _head.Task;
    }

    public async Task<FunctionError?> WaitForEndAsync()
    {
        await _endSeen.Task;
        lock (_gate)
        {
            return _error ?? _errorAfterResponse;
        }
    }

    // ---- what the worker says, on the session's read loop ----

    /// <exception cref="ProtocolViolation">It was accepted already.</exception>
    public void OnAccepted()
    {
        lock (_gate)
        {
            if (_accepted)
            {
                throw new ProtocolViolation("an invocation was accepted twice");
            }

            _accepted = true;
        }
    }

    /// <exception cref="ProtocolViolation">A second head, or an illegal one.</exception>
    public void OnResponse(Response frame)
    {
        var response = ResponseHead.Read(frame);
        var error = LimitBrokenBy(response, frame.Streaming);
        lock (_gate)
        {
            if (_responded || _ended)
            {
                throw new ProtocolViolation("a second response head");
            }

            _responded = true;
            _ended = frame.Ended;
            if (_error is null && error is null)
            {
                Response = response;
                _bodyOpen = response.IsStreamed;
                _streaming = frame.Streaming;
            }
        }

        if (error is not null)
        {
            Abandon(error, error.Code == ErrorCode.Timeout ? Reason.Timeout : Reason.Limit);
        }
        else if (frame.Streaming && Request.Trigger == InvocationTrigger.Http)
        {
            SetDeadline(Limits.StreamingTime);
        }

        // The slot first: who has its answer may ask again, and finds it free.
        ReleaseIfOver();
        if (frame.Ended)
        {
            _endSeen.TrySetResult();
        }

        _head.TrySetResult();
    }

    /// <exception cref="ProtocolViolation">It ended already, or without what it promised.</exception>
    public void OnEnded(Ended frame)
    {
        FunctionError? error;
        lock (_gate)
        {
            if (_ended)
            {
                throw new ProtocolViolation("an invocation ended twice");
            }

            error = ReadOutcome(frame);
            _ended = true;
        }

        if (error is not null)
        {
            Fail(error);
        }

        ReleaseIfOver();
        _head.TrySetResult();
        _endSeen.TrySetResult();
    }

    /// <summary>The worker is gone, with everything it had not finished.</summary>
    public void OnWorkerGone(FunctionError error)
    {
        lock (_gate)
        {
            _ended = true;
            WorkerIsGone = true;
        }

        Fail(error);
        _endSeen.TrySetResult();
        ReleaseIfOver();
    }

    // ---- the request body, pulled by the worker ----

    /// <summary>Sends the request body, chunk by chunk, at the pace at which the function reads.</summary>
    /// <exception cref="ProtocolViolation">There is no streamed body, or it was asked for before.</exception>
    public async Task SendRequestBodyAsync(IServerStreamWriter<BodyChunk> stream, CancellationToken callOver)
    {
        var reader = Request.Body.Reader ?? throw new ProtocolViolation("a request body was pulled that does not stream");
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_requestBodyTouched)
            {
                throw new ProtocolViolation("a request body was pulled twice");
            }

            if (_exchangeDisposed)
            {
                return;
            }

            _requestBodyTouched = true;
            _requestBodyDone = done;
        }

        try
        {
            using var over = CancellationTokenSource.CreateLinkedTokenSource(_exchangeOver.Token, callOver);
            await PumpRequestBodyAsync(reader, stream, over.Token);
        }
        catch (OperationCanceledException)
        {
            // The function does not want the rest, or the exchange is over; either way the stream ends without `last`.
        }
        catch (Exception ex) when (ex is IOException or InvalidOperationException)
        {
            // The client's connection broke in the middle of its body, or the worker's did.
            Abandon(new FunctionError(ErrorCode.ClientGone, "The client went away."), Reason.ClientGone);
        }
        finally
        {
            done.SetResult();
        }
    }

    private async Task PumpRequestBodyAsync(PipeReader reader, IServerStreamWriter<BodyChunk> stream, CancellationToken over)
    {
        var limit = Request.Trigger == InvocationTrigger.Background ? Limits.BackgroundBytes : Limits.RequestBytes;
        var buffer = new byte[MaxChunkBytes];
        var message = new BodyChunk();
        long total = 0;
        // A token in the read itself would leave Kestrel's reader in the middle of one; it then fails to drain, and logs an error.
        await using var stop = over.UnsafeRegister(static state => ((PipeReader)state!).CancelPendingRead(), reader);
        while (true)
        {
            var read = await reader.ReadAsync(CancellationToken.None);
            if (read.IsCanceled)
            {
                reader.AdvanceTo(read.Buffer.Start);
                throw new OperationCanceledException(over);
            }

            var chunk = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, MaxChunkBytes));
            total += chunk.Length;
            if (total > limit)
            {
                reader.AdvanceTo(read.Buffer.End);
                Abandon(RequestTooLarge(limit), Reason.Limit);
                return;
            }

            // Kestrel's segments are 4 KiB; as messages of their own they would cost more than copying them together. The
            // buffer may be used again as soon as the write returns, because the message is serialised by then.
            chunk.CopyTo(buffer);
            var last = read.IsCompleted && chunk.Length == read.Buffer.Length;
            message.Data = UnsafeByteOperations.UnsafeWrap(buffer.AsMemory(0, (int)chunk.Length));
            message.Last = last;
            reader.AdvanceTo(chunk.End);
            await stream.WriteAsync(message, over);
            if (last)
            {
                return;
            }
        }
    }

    public static FunctionError RequestTooLarge(long limit) =>
        new(ErrorCode.RequestTooLarge, $"The request body is larger than {limit} bytes, which is the limit of this function.");

    // ---- the response body, pushed by the worker ----

    /// <summary>Takes a streamed response body from the worker and hands it to the client at the client's pace.</summary>
    /// <returns>Bytes taken.</returns>
    /// <exception cref="ProtocolViolation">There is no such body, or it came before.</exception>
    public async Task<long> ReceiveResponseBodyAsync(BodyChunk first, IAsyncStreamReader<BodyChunk> stream, CancellationToken callOver)
    {
        PipeWriter? destination;
        // The head travels on the session and may arrive after the first chunk.
        await _head.Task.WaitAsync(callOver);
        lock (_gate)
        {
            if (_bodyPumping)
            {
                throw new ProtocolViolation("a response body was sent twice");
            }

            if (_error is not null || Response is null || !_bodyOpen)
            {
                return Response is { IsStreamed: false } ? throw new ProtocolViolation("a body that was not announced") : 0;
            }

            _bodyPumping = true;
            _destination ??= new TaskCompletionSource<PipeWriter?>(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        long total = 0;
        FunctionError? error = null;
        try
        {
            using var over = CancellationTokenSource.CreateLinkedTokenSource(_exchangeOver.Token, callOver);
            destination = await _destination.Task.WaitAsync(over.Token);
            if (destination is not null)
            {
                (total, error) = await PumpResponseBodyAsync(first, stream, destination, over.Token);
            }
        }
        catch (OperationCanceledException)
        {
            error = BodyCut();
        }
        catch (Exception ex) when (ProtocolViolation.In(ex) is not null)
        {
            // What came so far must not pass for the whole body while the worker is being killed.
            error = ProtocolViolation.Error;
            throw;
        }
        catch (Exception ex) when (ex is IOException or InvalidOperationException or RpcException)
        {
            // The function broke off, or its worker is gone. Which one it was is said on the session, a moment later.
            await Task.WhenAny(_endSeen.Task, Task.Delay(CutExplanationGrace, _clock, CancellationToken.None));
            error = BodyCut();
        }
        finally
        {
            CloseBody(error);
        }

        return total;
    }

    private async Task<(long Total, FunctionError? Error)> PumpResponseBodyAsync(
        BodyChunk first, IAsyncStreamReader<BodyChunk> stream, PipeWriter destination, CancellationToken over)
    {
        var limit = _streaming ? Limits.StreamingBytes : Limits.BufferedBytes;
        long total = 0;
        for (var chunk = first; ; chunk = stream.Current)
        {
            if (chunk.Data.Length > MaxChunkBytes)
            {
                throw new ProtocolViolation("a chunk is larger than 64 KiB");
            }

            total += chunk.Data.Length;
            if (total > limit || total > (Response!.Length ?? long.MaxValue))
            {
                var error = total > limit
                    ? TooLarge(limit)
                    : new FunctionError(ErrorCode.FunctionError, "The response body is longer than the function said.");
                Abandon(error, Reason.Limit);
                return (total, error);
            }

            if (chunk.Data.Length > 0)
            {
                destination.Write(chunk.Data.Span);
                var flush = await destination.FlushAsync(over);
                if (flush.IsCompleted || flush.IsCanceled)
                {
                    return (total, ClientGone());
                }
            }

            if (chunk.Last)
            {
                return (total, null);
            }

            if (!await stream.MoveNext(over))
            {
                return (total, BodyCut());
            }
        }
    }

    public ValueTask<FunctionError?> CopyBodyToAsync(PipeWriter destination)
    {
        Task<FunctionError?> done;
        lock (_gate)
        {
            if (!_bodyOpen)
            {
                return new ValueTask<FunctionError?>(_error);
            }

            _bodyDone ??= new TaskCompletionSource<FunctionError?>(TaskCreationOptions.RunContinuationsAsynchronously);
            _destination ??= new TaskCompletionSource<PipeWriter?>(TaskCreationOptions.RunContinuationsAsynchronously);
            done = _bodyDone.Task;
        }

        _destination.TrySetResult(destination);
        return new ValueTask<FunctionError?>(done);
    }

    private void CloseBody(FunctionError? error)
    {
        TaskCompletionSource<FunctionError?>? done;
        lock (_gate)
        {
            _error ??= error;
            error = _error;
            _bodyOpen = false;
            done = _bodyDone;
        }

        done?.TrySetResult(error);
        ReleaseIfOver();
    }

    // ---- ends ----

    /// <summary>
    /// The caller is done. What still touches its request or response is stopped and waited for; the invocation goes on
    /// without it.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        bool clientLeft;
        TaskCompletionSource? requestBody;
        lock (_gate)
        {
            if (_exchangeDisposed)
            {
                return;
            }

            _exchangeDisposed = true;
            clientLeft = _bodyOpen && _error is null;
            requestBody = _requestBodyDone;
        }

        if (clientLeft)
        {
            Abandon(ClientGone(), Reason.ClientGone);
        }

        await _exchangeOver.CancelAsync();
        if (requestBody is not null)
        {
            await requestBody.Task;
        }

        if (_bodyDone is not null)
        {
            await _bodyDone.Task;
        }

        // Nothing of the caller's may be kept alive by a long waitUntil. The source itself has no timer and no handle.
        _destination?.TrySetResult(null);
    }

    /// <summary>Ends the invocation for its client and asks the function to stop; the slot stays taken until it does.</summary>
    private void Abandon(FunctionError error, Reason reason)
    {
        if (Fail(error))
        {
            _session.Send(new HostFrame { Cancel = new Cancel { Id = Id, Reason = reason } });
        }
    }

    private bool Fail(FunctionError error)
    {
        TaskCompletionSource<FunctionError?>? bodyDone = null;
        var wasOpen = false;
        lock (_gate)
        {
            if (_error is not null || (_released && !_bodyOpen))
            {
                return false;
            }

            if (Response is not null && !_bodyOpen)
            {
                // The client has everything; what fails now is only waitUntil.
                _errorAfterResponse ??= error;
                return !_ended;
            }

            _error = error;
            if (_bodyOpen && !_bodyPumping)
            {
                // Nobody else will tell the caller. While a pump runs it tells, when it no longer touches the response.
                wasOpen = true;
                _bodyOpen = false;
                bodyDone = _bodyDone;
            }
        }

        _head.TrySetResult();
        _exchangeOver.Cancel();
        bodyDone?.TrySetResult(error);
        if (wasOpen)
        {
            ReleaseIfOver();
        }

        return true;
    }

    private void SetDeadline(TimeSpan limit)
    {
        var left = limit - _clock.GetElapsedTime(_started);
        lock (_gate)
        {
            if (_released)
            {
                return;
            }

            if (_deadline is null)
            {
                _deadline = _clock.CreateTimer(
                    static state => ((Invocation)state!).OnDeadline(), this, left, Timeout.InfiniteTimeSpan);
                return;
            }

            _deadline.Change(left > TimeSpan.Zero ? left : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }

    private void OnDeadline()
    {
        Abandon(TimedOut(_streaming ? Limits.StreamingTime : InitialTimeLimitOf(Request)), Reason.Timeout);
        lock (_gate)
        {
            if (_released || IsOverdue)
            {
                return;
            }

            IsOverdue = true;
        }

        _session.OnOverdue(this);
    }

    private void ReleaseIfOver()
    {
        lock (_gate)
        {
            if (_released || !_ended || (_bodyOpen && _error is null))
            {
                return;
            }

            _released = true;
            _deadline?.Dispose();
        }

        _session.OnOver(this);
    }

    private FunctionError? LimitBrokenBy(InvocationResponse response, bool streaming)
    {
        if (streaming && Request.Trigger == InvocationTrigger.Http && _clock.GetElapsedTime(_started) >= Limits.StreamingTime)
        {
            return TimedOut(Limits.StreamingTime);
        }

        var limit = streaming ? Limits.StreamingBytes : Limits.BufferedBytes;
        var known = response.Length ?? response.Body.Length;
        return known > limit ? TooLarge(limit) : null;
    }

    /// <exception cref="ProtocolViolation">The outcome does not fit what was sent before.</exception>
    private FunctionError? ReadOutcome(Ended frame) => frame.Outcome switch
    {
        Outcome.Completed when _responded || _error is not null || Request.Trigger != InvocationTrigger.Http => null,
        Outcome.Completed => throw new ProtocolViolation("an invocation completed without a response"),
        Outcome.FunctionError => new FunctionError(ErrorCode.FunctionError, "The function failed.") { Thrown = ReadError(frame.Error, Request.Function) },
        Outcome.Exited => new FunctionError(ErrorCode.WorkerExited, $"The function called process.exit({frame.ExitCode})."),
        _ => throw new ProtocolViolation("an outcome that does not exist"),
    };

    /// <param name="function">Whose secrets must not be in it.</param>
    public static ThrownError? ReadError(Error? error, FunctionVersion function) => error is null
        ? null
        : new ThrownError(
            function.Secrets.Apply(error.Type), function.Secrets.Apply(error.Message), [.. error.Trace.Select(line => function.Secrets.Apply(WithoutSandboxPath(line)))]);

    // Below /function, files have the names that their author knows.
    private static string WithoutSandboxPath(string line) => line.Replace(SandboxLayout.FunctionDirectory + "/", "", StringComparison.Ordinal);

    private static FunctionError TimedOut(TimeSpan limit) => new(
        ErrorCode.Timeout,
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"Task timed out after {limit.TotalSeconds:0.00} seconds"));

    private static FunctionError TooLarge(long limit) => new(
        ErrorCode.ResponseTooLarge,
        $"Response payload size exceeded maximum allowed payload size ({limit} bytes).");

    private static FunctionError BodyCut() => new(ErrorCode.FunctionError, "The function broke off its response.");

    private static FunctionError ClientGone() => new(ErrorCode.ClientGone, "The client went away.");
}
