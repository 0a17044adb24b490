using System.Diagnostics.Metrics;
using SandboxHost.Deployments;

namespace SandboxHost.Supervisor;

/// <summary>Meter "SandboxHost.Supervisor". Methods are named after facts.</summary>
internal sealed class SupervisorMetrics : IDisposable
{
    public const string MeterName = "SandboxHost.Supervisor";

    private readonly Meter _meter = new(MeterName);
    private readonly Histogram<double> _coldStart;
    private readonly Histogram<double> _queueTime;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _workerEnds;
    private readonly Counter<long> _crashLoops;
    private readonly Counter<long> _evictions;
    private readonly Counter<long> _workersRefused;
    private readonly Histogram<double> _startDelays;
    private readonly Counter<long> _processesRefused;
    private readonly UpDownCounter<int> _waiting;
    private readonly UpDownCounter<int> _workers;
    private int _httpWaiting;

    public SupervisorMetrics()
    {
        _coldStart = _meter.CreateHistogram<double>("faas.coldstart.duration", "s", "From wanting a worker to its being ready");
        _queueTime = _meter.CreateHistogram<double>("faas.queue.duration", "s", "Time that requests waited for a worker");
        _refused = _meter.CreateCounter<long>("faas.queue.refused", "{request}", "Requests refused because a queue was full or slow");
        _workerEnds = _meter.CreateCounter<long>("faas.worker.ends", "{worker}", "Workers that ended, by reason");
        _crashLoops = _meter.CreateCounter<long>("faas.worker.crash_loops", "{loop}", "Times that a function's workers died too often and none was started for a while");
        _evictions = _meter.CreateCounter<long>("faas.worker.evictions", "{worker}", "Idle workers that made room for others");
        _workersRefused = _meter.CreateCounter<long>("faas.worker.refused", "{worker}", "Workers that were not started, since as many as may live all worked");
        _startDelays = _meter.CreateHistogram<double>("faas.worker.start_delay", "s", "Time that starts waited for their site's turn");
        _processesRefused = _meter.CreateCounter<long>(
            "faas.worker.processes.refused", "{process}", "Processes and threads that workers were refused for their pids limit; counted when the worker ends");
        _waiting = _meter.CreateUpDownCounter<int>("faas.queue.length", "{request}", "Requests that wait for a worker");
        _workers = _meter.CreateUpDownCounter<int>("faas.workers", "{worker}", "Workers that serve");
    }

    public void WorkerReady(TimeSpan elapsed, bool placeholderTaken)
    {
        _coldStart.Record(elapsed.TotalSeconds, new KeyValuePair<string, object?>("placeholder", placeholderTaken));
        _workers.Add(1);
    }

    public void WorkerEnded(string reason)
    {
        _workerEnds.Add(1, new KeyValuePair<string, object?>("reason", reason));
        _workers.Add(-1);
    }

    public void WorkerEvicted() => _evictions.Add(1);

    public void WorkerRefused() => _workersRefused.Add(1);

    public void ProcessesRefused(long count)
    {
        if (count > 0)
        {
            _processesRefused.Add(count);
        }
    }

    /// <summary>Requests with a client behind them that wait now.</summary>
    public int HttpRequestsWaiting => Volatile.Read(ref _httpWaiting);

    public void RequestQueued(FunctionKind kind)
    {
        _waiting.Add(1);
        if (kind == FunctionKind.Http)
        {
            Interlocked.Increment(ref _httpWaiting);
        }
    }

    public void RequestLeftQueue(FunctionKind kind, TimeSpan waited)
    {
        _waiting.Add(-1);
        if (kind == FunctionKind.Http)
        {
            Interlocked.Decrement(ref _httpWaiting);
        }

        _queueTime.Record(waited.TotalSeconds);
    }

    public void RequestRefused() => _refused.Add(1);

    public void CrashLoopBegan() => _crashLoops.Add(1);

    public void StartDelayed(TimeSpan by) => _startDelays.Record(by.TotalSeconds);

    public void Dispose() => _meter.Dispose();
}
