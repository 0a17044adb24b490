namespace SandboxHost.Workers;

/// <summary>
/// Whether a function whose workers die is given another one. After five deaths within a minute it gets none for a second;
/// if it dies again after that, for two, four … 60 seconds. A minute without a death, and all is forgotten. Pure; times
/// count from any fixed point. Not for several threads.
/// </summary>
/// <remarks>
/// A death counts only if few calls were answered since the one before: what answers hundreds of calls for each death is
/// no loop, and its clients are better off with the rest.
/// </remarks>
public sealed class CrashCircuit
{
    public const int Deaths = 5;

    /// <summary>With so many answers since the death before, a death does not count.</summary>
    public const int AnswersThatForgive = 20;

    public static readonly TimeSpan Window = TimeSpan.FromMinutes(1);
    public static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    public static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    private readonly Queue<TimeSpan> _deaths = new(Deaths);
    private TimeSpan _pause;
    private TimeSpan _openUntil = TimeSpan.MinValue;
    private int _answers;

    /// <summary>A call was answered.</summary>
    public void OnAnswer() => _answers++;

    /// <summary>A worker died of its function's doing, or did not come up for it.</summary>
    /// <returns>For how long no worker is started; null: one may be, now.</returns>
    public TimeSpan? OnDeath(TimeSpan now)
    {
        var forgiven = _answers >= AnswersThatForgive;
        _answers = 0;
        if (forgiven || RefusedFor(now) is not null)
        {
            return null;
        }

        var onProbation = _pause > TimeSpan.Zero && now - _openUntil < Window;
        _pause = onProbation ? _pause : TimeSpan.Zero;
        while (_deaths.TryPeek(out var oldest) && now - oldest >= Window)
        {
            _deaths.Dequeue();
        }

        _deaths.Enqueue(now);
        if (!onProbation && _deaths.Count < Deaths)
        {
            return null;
        }

        _deaths.Clear();
        _pause = onProbation ? _pause * 2 : FirstPause;
        _pause = _pause < LongestPause ? _pause : LongestPause;
        _openUntil = now + _pause;
        return _pause;
    }

    /// <summary>How much longer no worker is started; null: one may be, now.</summary>
    public TimeSpan? RefusedFor(TimeSpan now) => now < _openUntil ? _openUntil - now : null;
}
