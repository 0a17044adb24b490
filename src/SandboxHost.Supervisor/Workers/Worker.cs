using Grpc.Core;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Output;
using SandboxHost.Protocol.Worker.V1;
using SandboxHost.Sandboxes;
using SandboxHost.Supervisor.Transport;

namespace SandboxHost.Supervisor.Workers;

/// <summary>
/// The record of one live sandbox: its process, its session, the function it is bound to once and for all. It ends once,
/// with one reason, and then removes everything it owned.
/// </summary>
internal sealed class Worker : IWorkerEvents, IAsyncDisposable
{
    private static readonly TimeSpan ReadGrace = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private readonly SupervisorContext _context;
    private readonly TaskCompletionSource<WorkerSession> _hello = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _launched = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly MemoryWatch _memory;
    private FunctionError? _killReason;
    private FunctionVersion? _function;
    private IWorkerOwner? _owner;
    private int _ending;
    private int _gone;
    private bool _frozen;
    private bool _leaving;
    private bool _endIsExpected;

    public Worker(string name, SandboxRuntime runtime, SandboxLimits limits, SupervisorContext context)
    {
        Name = name;
        Runtime = runtime;
        Limits = limits;
        _context = context;
        _memory = new MemoryWatch(context.Clock);
        Token = context.Directory.Expect(this);
        InspectorToken = context.Inspectors?.Expect(this);
    }

    public string Name { get; }

    public SandboxRuntime Runtime { get; }

    /// <summary>What its process shows with its hello, and with its inspector.</summary>
    public string Token { get; }

    public string? InspectorToken { get; }

    public SandboxLimits Limits { get; private set; }

    public FunctionVersion? Function => _function;

    public ISandbox? Sandbox { get; private set; }

    public uint? Uid => Sandbox?.Uid;
    public WorkerSession? Session { get; private set; }

    /// <summary>Set by the pool that owns the worker, under the pool's lock.</summary>
    public int SlotsTaken { get; set; }

    /// <summary>When its last invocation ended, or it became ready. Set by the pool, under the pool's lock.</summary>
    public long IdleSince { get; set; }

    /// <summary>It takes no new invocation: it asked to go, ran over time, or is dying.</summary>
    public bool IsLeaving => _leaving || _ending != 0;

    /// <summary>It is dying or dead; its pool has been told, or will be.</summary>
    public bool IsEnding => Volatile.Read(ref _ending) != 0;

    /// <summary>Completes when nothing of it is left.</summary>
    public Task Ended => _ended.Task;

    /// <summary>The code cache that it will send; null: none.</summary>
    public CodeCacheOffer? CodeCacheOffer { get; private set; }

    public bool IsPeer(uint uid) => Uid == uid;

    /// <summary>Starts the process and waits for its hello. <paramref name="patienceOver"/> ends <see cref="SandboxSpec.Patience"/>.</summary>
    /// <exception cref="WorkerStartException">It did not come up.</exception>
    public async Task LaunchAsync(ISandboxLauncher launcher, SandboxSpec spec, CancellationToken patienceOver, CancellationToken cancellationToken)
    {
        try
        {
            try
            {
                Sandbox = await launcher.LaunchAsync(spec, cancellationToken);
                _context.Directory.OnLaunched(this, Sandbox.Uid);
            }
            finally
            {
                _launched.TrySetResult();
            }

            WatchExit(Sandbox);
            await using (patienceOver.Register(() => _ = Sandbox.EndPatienceAsync()))
            {
                await StartWeight.HoldUntilAsync(_hello.Task, Sandbox, Limits, _context.Clock, cancellationToken);
            }
        }
        catch (Exception ex) when (ex is SandboxException or OperationCanceledException)
        {
            var message = ex is SandboxException ? ex.Message : "The worker did not come up in time.";
            await EndAsync(new FunctionError(ErrorCode.StartFailed, message), TimeSpan.Zero);
            throw new WorkerStartException(message, ex);
        }
    }

    /// <summary>The first frame arrived: the process is the one that was started.</summary>
    public WorkerSession OnHello(IServerStreamWriter<HostFrames> stream, int processId)
    {
        var session = new WorkerSession(this, stream, _context.Clock);
        Session = session;
        try
        {
            Sandbox?.OpenEgress(processId);
        }
        catch (SandboxException ex)
        {
            // The function runs without a way out, and says so when it tries.
            _context.Logger.EgressFailed(ex, Name);
        }

        if (!_hello.TrySetResult(session))
        {
            session.Close(Reason());
        }

        return session;
    }

    /// <summary>Binds the worker to a function, one way: its files, its limits, its environment.</summary>
    /// <exception cref="WorkerStartException">The module did not load, or the worker ended meanwhile.</exception>
    public async Task SpecialiseAsync(FunctionVersion function, CodeCache codeCache, CancellationToken cancellationToken)
    {
        _function = function;
        try
        {
            Limits = Limits with { MemoryBytes = function.Limits.MemoryBytes, Cpus = function.Limits.EffectiveVcpu, Weight = 1 };
            (var loadError, CodeCacheOffer) = await new FunctionLoading(Sandbox!, Session!, _context.Clock).RunAsync(function, Limits, codeCache, cancellationToken);
            if (loadError is not null)
            {
                throw Failed(new FunctionError(ErrorCode.LoadError, "The function's module did not load.") { Thrown = Invocation.ReadError(loadError, function) });
            }
        }
        catch (WorkerGoneException ex)
        {
            throw new WorkerStartException(ex.Error);
        }
        catch (ProtocolViolation ex)
        {
            _context.Logger.ProtocolViolation(Name, ex.Message);
            throw Failed(ProtocolViolation.Error, ex);
        }
        catch (OperationCanceledException ex)
        {
            throw Failed(new FunctionError(ErrorCode.LoadError, "The function's module did not finish loading in time."), ex);
        }
        catch (Exception ex) when (ex is IOException or UnauthorizedAccessException or SandboxException)
        {
            Kill(new FunctionError(ErrorCode.StartFailed, "The function's files or limits could not be set."));
            throw new WorkerStartException($"{function}: {ex.Message}", ex);
        }
    }

    private WorkerStartException Failed(FunctionError error, Exception? cause = null)
    {
        Kill(error);
        return new WorkerStartException(error, cause);
    }

    /// <summary>From now on, tells this pool what happens to it.</summary>
    public void BelongsTo(IWorkerOwner owner)
    {
        _owner = owner;
        if (_ending != 0)
        {
            TellCrash(Reason());
            TellGone(owner);
        }
    }

    private void TellCrash(FunctionError how)
    {
        if (_owner is { } owner && !_endIsExpected && ErrorTable.Of(how.Code).IsWorkerDeath)
        {
            _endIsExpected = true;
            owner.OnCrash(how);
        }
    }

    // Its end and its being given to a pool may happen at once; both then tell, and it counts once.
    private void TellGone(IWorkerOwner owner)
    {
        owner.OnWorkerGone(this);
        if (Interlocked.Exchange(ref _gone, 1) == 0)
        {
            var error = Reason();
            _context.Metrics.WorkerEnded(ErrorTable.Of(error.Code).Name);
            _context.Logger.WorkerEnded(Name, _function?.Name ?? "", error.Message);
        }
    }

    /// <summary>Starts an invocation on a slot that the pool has reserved; the slot comes back when the invocation is over.</summary>
    public Invocation Start(InvocationRequest request)
    {
        if (_frozen)
        {
            Thaw();
        }

        return Session!.Start(request);
    }

    /// <summary>Puts an idle worker to sleep. The pool's lock makes sure that no invocation starts meanwhile.</summary>
    public void Freeze()
    {
        if (!_frozen && _ending == 0)
        {
            _frozen = true;
            Sandbox!.Freeze();
        }
    }

    private void Thaw()
    {
        lock (_gate)
        {
            if (_frozen)
            {
                Sandbox!.Thaw();
                _frozen = false;
            }
        }
    }

    /// <summary>Takes no new invocation if it holds too much of its memory. Called after an invocation.</summary>
    public void LeaveIfMemoryIsHigh()
    {
        if (!IsLeaving && _memory.ReadIfHigh(Sandbox!, Limits.MemoryBytes) is { } held)
        {
            _leaving = true;
            _context.Logger.WorkerIsFull(Name, _function!.Name, held / FunctionLimits.Megabyte, Limits.MemoryBytes / FunctionLimits.Megabyte);
        }
    }

    /// <summary>Ends the process at once. The first reason given is the one that its invocations get.</summary>
    public void Kill(FunctionError reason)
    {
        lock (_gate)
        {
            _killReason ??= reason;
        }

        Sandbox?.Kill();
    }

    /// <summary>Lets running invocations finish and then ends the process; after the timeout it is killed.</summary>
    public async Task DrainAsync(TimeSpan timeout)
    {
        _leaving = true;
        _endIsExpected = true;
        _context.Inspectors?.Remove(this);
        Thaw();
        Session?.Send(new HostFrame { Drain = new Drain() });
        if (timeout > TimeSpan.Zero)
        {
            await Task.WhenAny(_ended.Task, Task.Delay(timeout, _context.Clock, CancellationToken.None));
        }

        await EndAsync(new FunctionError(ErrorCode.HostShutdown, "The worker was stopped."), TimeSpan.Zero);
    }

    /// <summary>
    /// Ends the worker and everything it owns. Waits a moment for the process to have ended by itself, because how it ended
    /// is the reason that its invocations get.
    /// </summary>
    public async Task EndAsync(FunctionError? reason, TimeSpan exitGrace)
    {
        lock (_gate)
        {
            _killReason ??= reason;
        }

        if (Interlocked.Exchange(ref _ending, 1) != 0)
        {
            await _ended.Task;
            return;
        }

        try
        {
            // A host that stops while a process is being started has to wait for it, to have something to end.
            await _launched.Task;
            if (Sandbox is { } sandbox)
            {
                if (exitGrace > TimeSpan.Zero && _killReason is null)
                {
                    await Task.WhenAny(sandbox.Exited, Task.Delay(exitGrace, _context.Clock, CancellationToken.None));
                }

                sandbox.Kill();
                _context.Metrics.ProcessesRefused((await sandbox.Exited).RefusedProcesses);
            }

            var error = Reason();
            // It has no function yet, so it is no function's fault.
            _hello.TrySetException(error.Code is ErrorCode.HostShutdown or ErrorCode.StartFailed
                ? new WorkerStartException(error)
                : new WorkerStartException(error.Message, new WorkerGoneException(error)));
            // First the crash, then the errors of what ran: who tries again on another worker meets the pool's answer to it.
            TellCrash(error);
            Session?.Close(error);
            if (_owner is { } owner)
            {
                TellGone(owner);
            }

            if (Sandbox is not null)
            {
                await Sandbox.DisposeAsync();
            }
        }
        finally
        {
            _context.Directory.Remove(this, Token);
            _context.Inspectors?.Remove(this);
            _ended.TrySetResult();
        }
    }

    public async ValueTask DisposeAsync() =>
        await EndAsync(new FunctionError(ErrorCode.HostShutdown, "The host is shutting down."), TimeSpan.Zero);

    // ---- what the session tells ----

    public void OnOver(Invocation invocation, bool started) => _owner?.OnSlotFree(this, answered: invocation is { Error: null, WorkerIsGone: false });

    public void OnOverdue(Invocation invocation)
    {
        _leaving = true;
        _endIsExpected = true;
        _owner?.OnWorkerLeaving(this);
        _context.Background.Run(() => ReplaceOverdueAsync(invocation));
    }

    public void OnLeaving(string reason)
    {
        _leaving = true;
        reason = _function?.Secrets.Apply(reason) ?? reason;
        _context.Logger.WorkerLeaving(Name, reason);
        TellCrash(new FunctionError(ErrorCode.WorkerExited, reason));
        _owner?.OnWorkerLeaving(this);
    }

    public void OnOutput(string? requestId, OutputLevel level, string text) =>
        _context.Output.Write(new OutputLine(_function, requestId, level, _function?.Secrets.Apply(text) ?? text));

    /// <summary>A line that its process printed past the runner.</summary>
    public void OnPrinted(string line) => OnOutput(null, OutputLevel.Info, line);

    private FunctionError Reason() => _killReason ?? WorkerDeath.Explain(Sandbox);

    /// <summary>
    /// One of its invocations ignored its limit. If the event loop is blocked, nobody on it can go on and it is killed at
    /// once; otherwise the others may finish first.
    /// </summary>
    private async Task ReplaceOverdueAsync(Invocation invocation)
    {
        var blocked = new FunctionError(ErrorCode.WorkerExited, "The worker was killed: its event loop was blocked by an invocation that ran out of time.");
        if (!await Session!.AnswersWithinAsync(_context.Options.BlockedLoopGrace))
        {
            Kill(blocked);
            return;
        }

        await Session.OthersOverAsync();
        Kill(new FunctionError(ErrorCode.Timeout, $"The worker was killed: invocation {invocation.Id} went on after its time limit."));
    }

    /// <summary>The worker has ended its half of the session in order; now it exits, or is killed after the grace.</summary>
    public void OnSessionOver(TimeSpan exitGrace) => _context.Background.Run(() => EndAsync(null, exitGrace));

    private void WatchExit(ISandbox sandbox) => _context.Background.Run(async () =>
    {
        await sandbox.Exited;

        // What it sent before it ended may lie unread in its socket: answers among it that are complete.
        if (Session is { } session)
        {
            await Task.WhenAny(session.Read, Task.Delay(ReadGrace, _context.Clock, CancellationToken.None));
        }

        await EndAsync(null, TimeSpan.Zero);
    });
}
