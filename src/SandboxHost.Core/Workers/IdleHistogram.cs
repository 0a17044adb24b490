namespace SandboxHost.Workers;

/// <summary>
/// How long one function stays idle between its requests, in bins of one minute over four hours, and what that says of when
/// its workers should be there (Shahrad et al., Serverless in the Wild, USENIX ATC 2020). Idleness of less than a minute is
/// not counted: workers outlive it anyway, and a busy function would have no other. Not thread-safe.
/// </summary>
public sealed class IdleHistogram
{
    /// <summary>Idleness shorter than this is no idleness.</summary>
    public static readonly TimeSpan Shortest = TimeSpan.FromMinutes(1);

    private const int Minutes = 240;

    /// <summary>With fewer, chance would decide.</summary>
    private const int FewestSamples = 10;

    /// <summary>At this many all counts are halved, so that what was weighs less than what is.</summary>
    private const int MostSamples = 1000;

    /// <summary>Below this coefficient of variation of the counts, idleness has no typical length.</summary>
    private const double LeastVariation = 2;

    private const double Margin = 0.1;

    private readonly ushort[] _bins = new ushort[Minutes];
    private int _samples;
    private int _beyond;

    /// <summary>Counts a time between a function's last answer and its next request.</summary>
    public void Record(TimeSpan idle)
    {
        if (idle < Shortest)
        {
            return;
        }

        if (_samples + _beyond == MostSamples)
        {
            Halve();
        }

        if (idle.TotalMinutes < Minutes)
        {
            _bins[(int)idle.TotalMinutes]++;
            _samples++;
        }
        else
        {
            _beyond++;
        }
    }

    /// <summary>When the next request is likely to come, counted from the last; null when that cannot be told.</summary>
    public IdleWindow? Predict()
    {
        if (_samples < FewestSamples || _beyond > _samples || Variation() < LeastVariation)
        {
            return null;
        }

        return new IdleWindow(
            TimeSpan.FromMinutes(Percentile(0.05) * (1 - Margin)),
            TimeSpan.FromMinutes((Percentile(0.99) + 1) * (1 + Margin)));
    }

    public IdleHistogram Copy()
    {
        var copy = new IdleHistogram { _samples = _samples, _beyond = _beyond };
        _bins.CopyTo(copy._bins, 0);
        return copy;
    }

    private int Percentile(double share)
    {
        var rank = share * _samples;
        var seen = 0;
        for (var minute = 0; minute < Minutes; minute++)
        {
            seen += _bins[minute];
            if (seen >= rank && seen > 0)
            {
                return minute;
            }
        }

        return Minutes - 1;
    }

    private double Variation()
    {
        var mean = _samples / (double)Minutes;
        var variance = 0.0;
        foreach (var count in _bins)
        {
            variance += (count - mean) * (count - mean);
        }

        return Math.Sqrt(variance / Minutes) / mean;
    }

    private void Halve()
    {
        _samples = 0;
        for (var i = 0; i < Minutes; i++)
        {
            _bins[i] /= 2;
            _samples += _bins[i];
        }

        _beyond /= 2;
    }
}

/// <summary>When a function's next request is likely, counted from the end of the last.</summary>
/// <param name="Earliest">Hardly ever sooner.</param>
/// <param name="Latest">Hardly ever later.</param>
public readonly record struct IdleWindow(TimeSpan Earliest, TimeSpan Latest);
