using Grpc.Core;
using SandboxHost.Invocations;
using SandboxHost.Output;
using SandboxHost.Protocol.Worker.V1;

namespace SandboxHost.Supervisor.Transport;

/// <summary>How far a worker has come. Only the moves of <see cref="WorkerSession"/> are legal, and none leads back.</summary>
internal enum SessionState
{
    /// <summary>It said hello; it has no function.</summary>
    Placeholder,

    /// <summary>It drives a dummy request through itself.</summary>
    Warming,

    /// <summary>It loads its function.</summary>
    Specialising,

    /// <summary>It takes invocations.</summary>
    Serving,

    /// <summary>It is gone.</summary>
    Closed,
}

/// <summary>
/// The host's end of one worker's session: the strict state machine that every frame must fit, and the table of the
/// invocations that run on it.
/// </summary>
internal sealed class WorkerSession(IWorkerEvents worker, IServerStreamWriter<HostFrames> stream, TimeProvider clock)
{
    // Of UTF-16, of which text in UTF-8 never has more than it has bytes.
    private const int MaxLogLength = 64 * 1024;

    private readonly Lock _gate = new();
    private readonly FrameWriter _writer = new(stream);
    private readonly Dictionary<uint, Invocation> _invocations = [];
    private readonly TaskCompletionSource _read = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource? _warmed;
    private TaskCompletionSource<Specialised>? _specialised;
    private SessionState _state = SessionState.Placeholder;
    private FunctionError? _end;
    private uint _lastId;
    private ulong _lastPing;
    private int _overdue;
    private TaskCompletionSource? _othersOver;
    private TaskCompletionSource? _pong;

    /// <summary>Completes when the session is over, whoever ended it.</summary>
    public Task Closed => _closed.Task;

    /// <summary>Completes when no frame will be read any more: the worker has ended its half, or the connection broke.</summary>
    public Task Read => _read.Task;

    public int InFlight
    {
        get
        {
            lock (_gate)
            {
                return _invocations.Count;
            }
        }
    }

    /// <summary>Drives a placeholder through a dummy request.</summary>
    public async Task WarmAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            ThrowIfClosed();
            _state = SessionState.Warming;
            _warmed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        Send(new HostFrame { Warm = new Warm() });
        await _warmed.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Binds the worker to its function; one way and once.</summary>
    /// <returns>What the worker says when the module is loaded, or when it failed to.</returns>
    public async Task<Specialised> SpecialiseAsync(Specialise specialise, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            ThrowIfClosed();
            _state = SessionState.Specialising;
            _specialised = new TaskCompletionSource<Specialised>(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        Send(new HostFrame { Specialise = specialise });
        return await _specialised.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Starts an invocation. One on a session that has just ended fails like one that was running.</summary>
    public Invocation Start(InvocationRequest request)
    {
        var frame = FrameMapping.ToInvoke(request, clock.GetUtcNow());
        Invocation invocation;
        FunctionError? end;
        var mustWrite = false;
        lock (_gate)
        {
            invocation = new Invocation(++_lastId, request, this, clock);
            end = _end;
            if (end is null)
            {
                _invocations.Add(invocation.Id, invocation);
                // Before the worker can answer: the shorter limit of a stream must not be put back.
                invocation.StartDeadline();
                // Ids count up on the wire, so the frame takes its place in the queue together with its number.
                frame.Invoke.Id = invocation.Id;
                mustWrite = _writer.Queue(frame);
            }
        }

        if (end is not null)
        {
            invocation.OnWorkerGone(end);
            return invocation;
        }

        if (mustWrite)
        {
            _writer.WriteQueued();
        }

        return invocation;
    }

    public void Send(HostFrame frame) => _writer.Send(frame);

    /// <summary>Finds an invocation for a body call. Null when it is over already.</summary>
    /// <exception cref="ProtocolViolation">The id was never issued.</exception>
    public Invocation? Find(uint id)
    {
        lock (_gate)
        {
            if (id == 0 || id > _lastId)
            {
                throw new ProtocolViolation("an id that was never issued");
            }

            return _invocations.GetValueOrDefault(id);
        }
    }

    /// <summary>Reads frames until the worker or the host ends the session.</summary>
    /// <exception cref="ProtocolViolation">The worker sent what it may not send now.</exception>
    public async Task ReadAsync(IAsyncStreamReader<WorkerFrames> frames, CancellationToken cancellationToken)
    {
        try
        {
            while (await frames.MoveNext(cancellationToken))
            {
                foreach (var frame in frames.Current.Frames)
                {
                    Handle(frame);
                }
            }
        }
        finally
        {
            _read.TrySetResult();
        }
    }

    /// <summary>Ends every invocation with the given error and refuses new ones.</summary>
    public void Close(FunctionError error)
    {
        Invocation[] running;
        lock (_gate)
        {
            if (_state == SessionState.Closed)
            {
                return;
            }

            _state = SessionState.Closed;
            _end = error;
            running = [.. _invocations.Values];
        }

        _writer.Close();
        _warmed?.TrySetException(new WorkerGoneException(error));
        _specialised?.TrySetException(new WorkerGoneException(error));
        foreach (var invocation in running)
        {
            invocation.OnWorkerGone(error);
        }

        _closed.TrySetResult();
    }

    /// <summary>Whether the worker's event loop answers.</summary>
    public async Task<bool> AnswersWithinAsync(TimeSpan grace)
    {
        Task answered;
        ulong nonce;
        lock (_gate)
        {
            _pong ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            answered = _pong.Task;
            nonce = ++_lastPing;
        }

        Send(new HostFrame { Ping = new Ping { Nonce = nonce } });
        try
        {
            await Task.WhenAny(answered, Closed).WaitAsync(grace, clock, CancellationToken.None);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    /// <summary>Completes when only invocations that ran out of time are left.</summary>
    public Task OthersOverAsync()
    {
        lock (_gate)
        {
            _othersOver ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            CompleteIfOthersOver();
            return _othersOver.Task;
        }
    }

    /// <summary>An invocation has run out of time and has not ended.</summary>
    public void OnOverdue(Invocation invocation)
    {
        lock (_gate)
        {
            _overdue++;
        }

        worker.OnOverdue(invocation);
    }

    /// <summary>An invocation is over and its slot is free.</summary>
    public void OnOver(Invocation invocation)
    {
        bool known;
        lock (_gate)
        {
            known = _invocations.Remove(invocation.Id);
            _overdue -= invocation.IsOverdue ? 1 : 0;
            CompleteIfOthersOver();
        }

        // One that never got into the table gives its slot back all the same.
        worker.OnOver(invocation, known);
    }

    private void Handle(WorkerFrame frame)
    {
        switch (frame.KindCase)
        {
            case WorkerFrame.KindOneofCase.Response:
                FindServing(frame.Response.Id)?.OnResponse(frame.Response);
                break;
            case WorkerFrame.KindOneofCase.Ended:
                FindServing(frame.Ended.Id)?.OnEnded(frame.Ended);
                break;
            case WorkerFrame.KindOneofCase.Accepted:
                foreach (var id in frame.Accepted.Ids)
                {
                    FindServing(id)?.OnAccepted();
                }

                break;
            case WorkerFrame.KindOneofCase.Log:
                OnLog(frame.Log);
                break;
            case WorkerFrame.KindOneofCase.Pong:
                OnPong(frame.Pong);
                break;
            case WorkerFrame.KindOneofCase.Warmed:
                Move(SessionState.Warming, SessionState.Placeholder);
                _warmed!.TrySetResult();
                break;
            case WorkerFrame.KindOneofCase.Specialised:
                Move(SessionState.Specialising, SessionState.Serving);
                _specialised!.TrySetResult(frame.Specialised);
                break;
            case WorkerFrame.KindOneofCase.Leaving:
                worker.OnLeaving(frame.Leaving.Reason);
                break;
            default:
                throw new ProtocolViolation($"a frame of kind {frame.KindCase} in state {_state}");
        }
    }

    private void Move(SessionState from, SessionState to)
    {
        lock (_gate)
        {
            if (_state != from)
            {
                throw new ProtocolViolation($"a frame that belongs to state {from} in state {_state}");
            }

            _state = to;
        }
    }

    private Invocation? FindServing(uint id)
    {
        if (_state is not (SessionState.Serving or SessionState.Closed))
        {
            throw new ProtocolViolation("a frame about an invocation before the worker has a function");
        }

        return Find(id);
    }

    private void OnPong(Pong pong)
    {
        TaskCompletionSource? answered;
        lock (_gate)
        {
            if (pong.Nonce == 0 || pong.Nonce > _lastPing)
            {
                throw new ProtocolViolation("a pong without a ping");
            }

            answered = pong.Nonce == _lastPing ? _pong : null;
            _pong = answered is null ? _pong : null;
        }

        answered?.TrySetResult();
    }

    private void OnLog(Log log)
    {
        if (log.Text.Length > MaxLogLength)
        {
            throw new ProtocolViolation("a log line is larger than 64 KiB");
        }

        var invocation = log.Id == 0 ? null : Find(log.Id);
        var level = log.Level switch
        {
            Level.Debug => OutputLevel.Debug,
            Level.Warn => OutputLevel.Warn,
            Level.Error => OutputLevel.Error,
            _ => OutputLevel.Info,
        };
        worker.OnOutput(invocation?.Request.RequestId, level, log.Text);
        if (log.Dropped > 0)
        {
            worker.OnOutput(null, OutputLevel.Warn, $"{log.Dropped} messages were dropped: the function prints faster than they can be taken.");
        }
    }

    private void CompleteIfOthersOver()
    {
        if (_invocations.Count <= _overdue)
        {
            _othersOver?.TrySetResult();
        }
    }

    private void ThrowIfClosed()
    {
        if (_end is not null)
        {
            throw new WorkerGoneException(_end);
        }
    }
}

/// <summary>What a session tells the worker it belongs to.</summary>
internal interface IWorkerEvents
{
    /// <param name="started">False when the invocation never reached the worker.</param>
    void OnOver(Invocation invocation, bool started);

    void OnOverdue(Invocation invocation);

    void OnLeaving(string reason);

    void OnOutput(string? requestId, OutputLevel level, string text);
}

/// <summary>The worker ended while something was asked of it.</summary>
internal sealed class WorkerGoneException(FunctionError error) : Exception(error.Message)
{
    public FunctionError Error { get; } = error;
}
