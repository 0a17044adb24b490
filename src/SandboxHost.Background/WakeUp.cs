using System.Threading.Channels;

namespace SandboxHost.Background;

/// <summary>A sleeper that is woken once, however often somebody calls while it sleeps. One sleeper at a time.</summary>
internal sealed class WakeUp(TimeProvider clock)
{
    private readonly Channel<bool> _calls = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private Task? _waiting;

    public void Call() => _calls.Writer.TryWrite(true);

    /// <summary>Returns at a call, one before it included, or after a time.</summary>
    public async Task SleepAsync(TimeSpan longest, CancellationToken cancellationToken)
    {
        // What is read after the time is up is the next sleep's.
        _waiting ??= _calls.Reader.ReadAsync(CancellationToken.None).AsTask();
        try
        {
            await _waiting.WaitAsync(longest, clock, cancellationToken);
            _waiting = null;
        }
        catch (TimeoutException)
        {
            // Slept enough.
        }
    }
}
