using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Workers;

namespace SandboxHost.Supervisor.Pools;

/// <summary>
/// Keeps a function that crashes again and again from taking the machine's starts: a <see cref="CrashCircuit"/>, with the
/// clock, the log and the words of a refusal. Used under the pool's lock.
/// </summary>
internal sealed class CrashLoop(FunctionVersion function, SupervisorContext context)
{
    private readonly CrashCircuit _circuit = new();
    private readonly long _origin = context.Clock.GetTimestamp();
    private FunctionError? _last;

    /// <summary>Why there is no worker for now; null: there may be one.</summary>
    public FunctionError? Refusal => _last is null || _circuit.RefusedFor(Now) is not { } rest
        ? null
        : new FunctionError(ErrorCode.CrashLoop, $"The function crashes again and again. The last time: {_last.Message}") { Thrown = _last.Thrown, RetryAfter = rest };

    private TimeSpan Now => context.Clock.GetElapsedTime(_origin);

    /// <summary>An invocation is over.</summary>
    public void OnOver(bool answered)
    {
        if (answered)
        {
            _circuit.OnAnswer();
        }
    }

    public void OnDeath(FunctionError how)
    {
        _last = how;
        if (_circuit.OnDeath(Now) is { } pause)
        {
            context.Metrics.CrashLoopBegan();
            context.Logger.CrashLoop($"{function}", how.Message, pause.TotalSeconds);
        }
    }
}
