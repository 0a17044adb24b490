namespace SandboxHost.Workers;

/// <summary>
/// How many placeholders should stand ready: as many as were wanted within one second of the last minute, so that the next
/// burst like that finds them. Pure; used under its pool's lock.
/// </summary>
/// <param name="least">What always stands ready.</param>
/// <param name="most">What stands ready at most, whatever the burst.</param>
public sealed class PlaceholderDemand(int least, int most)
{
    private const int Seconds = 60;

    private readonly int[] _wanted = new int[Seconds];
    private long _second;

    /// <summary>A function wanted one, whether or not it got it.</summary>
    /// <param name="now">Since any fixed moment.</param>
    public void Want(TimeSpan now)
    {
        MoveTo(now);
        _wanted[_second % Seconds]++;
    }

    /// <param name="now">Since the same moment.</param>
    public int CountAt(TimeSpan now)
    {
        MoveTo(now);
        return Math.Clamp(_wanted.Max(), least, most);
    }

    private void MoveTo(TimeSpan now)
    {
        var second = (long)now.TotalSeconds;
        for (var passed = Math.Min(second - _second, Seconds); passed > 0; passed--)
        {
            _wanted[(second - passed + 1) % Seconds] = 0;
        }

        _second = Math.Max(_second, second);
    }
}
