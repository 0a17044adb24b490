namespace SandboxHost.Runs;

/// <summary>How many runs may run at a time.</summary>
/// <param name="Total">Over all sites.</param>
/// <param name="Site">Of one site: fewer, so that another site's first run never waits behind fifteen minutes of one site's.</param>
public sealed record RunCaps(int Total, int Site)
{
    public static readonly RunCaps Default = new(16, 12);

    /// <summary>While requests with clients behind them wait for workers: a quarter, so that runs go on and do not get in the way.</summary>
    public RunCaps UnderPressure => new(Math.Max(1, Total / 4), Math.Max(1, Site / 4));
}

/// <summary>Which function's run begins next: of the site that runs least, its function that runs least, then the oldest run.</summary>
public static class FairShare
{
    /// <param name="running">How many runs of each function run now.</param>
    /// <param name="functionCap">How many runs of a function may run at a time.</param>
    /// <returns>Null when nothing may begin.</returns>
    public static FunctionKey? Choose(
        IReadOnlyList<DueFunction> due, IReadOnlyDictionary<FunctionKey, int> running, RunCaps caps, Func<FunctionKey, int> functionCap)
    {
        ArgumentNullException.ThrowIfNull(due);
        ArgumentNullException.ThrowIfNull(running);
        ArgumentNullException.ThrowIfNull(caps);
        ArgumentNullException.ThrowIfNull(functionCap);
        if (due.Count == 0 || running.Values.Sum() >= caps.Total)
        {
            return null;
        }

        var bySite = running.GroupBy(pair => pair.Key.SiteId, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.Sum(pair => pair.Value), StringComparer.Ordinal);
        return due
            .Where(item => bySite.GetValueOrDefault(item.Function.SiteId) < caps.Site
                && running.GetValueOrDefault(item.Function) < functionCap(item.Function))
            .OrderBy(item => bySite.GetValueOrDefault(item.Function.SiteId))
            .ThenBy(item => running.GetValueOrDefault(item.Function))
            .ThenBy(item => item.Oldest)
            .Select(item => (FunctionKey?)item.Function)
            .FirstOrDefault();
    }
}
