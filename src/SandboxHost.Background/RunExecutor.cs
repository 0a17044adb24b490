using System.Globalization;
using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Output;
using SandboxHost.Runs;

namespace SandboxHost.Background;

/// <summary>Runs one attempt of a run, from its claim to the record of its end.</summary>
public sealed class RunExecutor(
    IRunStore store, SnapshotSource snapshots, IInvoker invoker, ILogSink output, TimeProvider clock, ILogger<RunExecutor> logger)
{
    private static readonly TimeSpan RecordRetry = TimeSpan.FromSeconds(1);

    /// <summary>Before the next try to get a worker, unless what refused one says how long.</summary>
    private static readonly TimeSpan ShortestRest = TimeSpan.FromSeconds(1);

    /// <summary>After a start that failed: who can mend that does not do so within a second.</summary>
    private static readonly TimeSpan RestAfterFailedStart = TimeSpan.FromSeconds(5);

    public IInvoker Invoker => invoker;

    /// <summary>Runs the attempt to its end; never throws for what the function, the worker or the store did.</summary>
    /// <returns>For how long no other run of the function would get a worker either; null: one may.</returns>
    public async Task<TimeSpan?> RunAsync(ClaimedRun claimed, CancellationToken stopping)
    {
        ArgumentNullException.ThrowIfNull(claimed);
        var function = snapshots.Current.FindFunction(claimed.Run.Function, claimed.Run.DeployId);
        var error = await InvokeAsync(claimed, function, stopping);
        if (stopping.IsCancellationRequested && error is not null)
        {
            await RecordAsync(claimed.Run, run => store.ReleaseAsync(run.Id, run.Attempt, clock.GetUtcNow(), CancellationToken.None), stopping);
            return null;
        }

        if (error is null)
        {
            await RecordAsync(claimed.Run, run => store.SucceedAsync(run.Id, run.Attempt, clock.GetUtcNow(), CancellationToken.None), stopping);
            Tell(function, claimed.Run, OutputLevel.Info, $"Done executing {NounOf(claimed.Run.Kind)} function {claimed.Run.Function.FunctionName}");
            return null;
        }

        if (error.Code is ErrorCode.Overloaded or ErrorCode.CrashLoop or ErrorCode.StartFailed)
        {
            var rest = await PostponeAsync(claimed.Run, error, stopping);
            // A preview's troubles are its own: its runs come again by their own times, and keep those of what is live back by nothing.
            return function == snapshots.Current.FindFunction(claimed.Run.Function) ? rest : null;
        }

        await FailAsync(claimed.Run, function, error, stopping);
        return null;
    }

    /// <summary>Without a worker the run did not begin, whoever is to blame for that.</summary>
    private async Task<TimeSpan> PostponeAsync(FunctionRun run, FunctionError error, CancellationToken stopping)
    {
        var shortest = error.Code == ErrorCode.StartFailed ? RestAfterFailedStart : ShortestRest;
        var rest = error.RetryAfter is { } asked && asked > shortest ? asked : shortest;
        var why = new RunFailure(ErrorTable.Of(error.Code).Name, error.Message);
        await RecordAsync(run, held => store.PostponeAsync(held.Id, held.Attempt, why, clock.GetUtcNow() + rest, CancellationToken.None), stopping);
        return rest;
    }

    private async Task<FunctionError?> InvokeAsync(ClaimedRun claimed, FunctionVersion? function, CancellationToken stopping)
    {
        if (function is null)
        {
            return new FunctionError(ErrorCode.NotFound, "The function is not deployed any more.");
        }

        if (function.BuildError is not null)
        {
            return function.BuildError;
        }

        try
        {
            await using var exchange = await invoker.InvokeAsync(RequestFor(claimed, function), stopping);
            if (exchange.Response is { IsStreamed: true })
            {
                // What it returns is discarded, and must be taken to be discarded.
                await exchange.CopyBodyToAsync(PipeWriter.Create(Stream.Null));
            }

            return exchange.Error ?? await exchange.WaitForEndAsync().WaitAsync(stopping);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return new FunctionError(ErrorCode.HostShutdown, "The host is shutting down.");
        }
        catch (Exception ex) when (ex is not OutOfMemoryException)
        {
            // A bug of ours costs one attempt, and the operator hears of it.
            logger.RunFaulted(claimed.Run.Id, claimed.Run.Function, ex);
            return new FunctionError(ErrorCode.InternalError, "The host failed.");
        }
    }

    private static InvocationRequest RequestFor(ClaimedRun claimed, FunctionVersion function) => new()
    {
        Function = function,
        RequestId = claimed.Run.Id,
        Method = claimed.Request.Method,
        Url = claimed.Request.Url,
        Headers = [.. claimed.Request.Headers, RunHeaders.Attempt, claimed.Run.Attempt.ToString(CultureInfo.InvariantCulture)],
        ClientIp = claimed.Request.ClientIp,
        Route = IndexOf(claimed.Request.Route, function),
        Trigger = claimed.Run.Kind switch
        {
            RunKind.Scheduled => InvocationTrigger.Schedule,
            RunKind.Event when function.Kind != FunctionKind.Background => InvocationTrigger.Http,
            _ => InvocationTrigger.Background,
        },
        Body = RequestBody.FromWhole(claimed.Request.Body),
    };

    private static int IndexOf(string? route, FunctionVersion function)
    {
        for (var i = 0; i < function.Routes.Count; i++)
        {
            if (function.Routes[i].Pattern.Text == route)
            {
                return i;
            }
        }

        return -1;
    }

    private async Task FailAsync(FunctionRun run, FunctionVersion? function, FunctionError error, CancellationToken stopping)
    {
        var row = ErrorTable.Of(error.Code);
        var failure = new RunFailure(row.Name, error.Thrown is { } thrown ? $"{thrown.Type}: {thrown.Message}" : error.Message, row.Fault == Fault.Host);
        var delay = failure.IsInterruption ? RetryPolicy.DelayAfterInterruption(run.Interruptions + 1) : RetryPolicy.DelayAfter(run.Kind, run.Failures + 1, function?.Limits ?? FunctionLimits.Default);
        await RecordAsync(
            run, ended => store.FailAsync(ended.Id, ended.Attempt, failure, clock.GetUtcNow(), clock.GetUtcNow() + delay, CancellationToken.None), stopping);
        var next = delay is { } pause
            ? string.Create(CultureInfo.InvariantCulture, $"next attempt in {pause.TotalSeconds:0} s")
            : run.Kind == RunKind.Scheduled ? "not tried again" : $"given up; `sandboxhost runs redrive {run.Id}` tries again";
        var trace = error.Thrown is { Trace.Count: > 0 } ? "\n" + string.Join('\n', error.Thrown.Trace) : "";
        Tell(
            function,
            run,
            OutputLevel.Error,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{Capital(NounOf(run.Kind))} function {run.Function.FunctionName} failed ({row.Name}), attempt {run.Attempt}, {next}: {failure.Message}{trace}"));
    }

    /// <summary>Tries until the store takes it: what has run must not run again for a full disk. A host that stops gives up; its lease says the rest.</summary>
    private async Task RecordAsync(FunctionRun run, Func<FunctionRun, Task<bool>> record, CancellationToken stopping)
    {
        while (true)
        {
            try
            {
                if (!await record(run))
                {
                    logger.AttemptLost(run.Id, run.Attempt);
                }

                return;
            }
            catch (RunStoreException ex)
            {
                logger.StoreFailed($"recording the end of run {run.Id}", ex.Message);
                if (stopping.IsCancellationRequested)
                {
                    return;
                }
            }

            try
            {
                await Task.Delay(RecordRetry, clock, stopping);
            }
            catch (OperationCanceledException)
            {
                // Once more, and then no more.
            }
        }
    }

    private void Tell(FunctionVersion? function, FunctionRun run, OutputLevel level, string text) =>
        output.Write(new OutputLine(function, run.Id, level, text));

    private static string NounOf(RunKind kind) => kind switch
    {
        RunKind.Scheduled => "scheduled",
        RunKind.Event => "event",
        _ => "background",
    };

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];
}
