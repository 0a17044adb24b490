namespace SandboxHost.Chaos.Load;

/// <summary>All requests of a load.</summary>
/// <param name="AnswersById">Answers that came over the wire.</param>
internal sealed record LoadResult(IReadOnlyList<LoadRequest> Requests, IReadOnlyDictionary<string, int> AnswersById)
{
    public IEnumerable<LoadRequest> Failures => Requests.Where(request => request.End != LoadEnd.Succeeded);

    public IEnumerable<LoadRequest> FailuresOf(LoadKind kind) => Failures.Where(request => request.Kind == kind);

    public int AnsweredTwice => AnswersById.Count(answer => answer.Value > 1);

    public LoadSummary Summarise()
    {
        var times = Requests.Where(request => request.End == LoadEnd.Succeeded).Select(request => request.Took).Order().ToList();
        return new LoadSummary
        {
            Sent = Requests.Count,
            Succeeded = times.Count,
            Failures = Failures.CountBy(request => $"{request.Kind.ToString().ToLowerInvariant()}: {(request.Reason.Length > 0 ? request.Reason : request.End)}").OrderBy(each => each.Key, StringComparer.Ordinal)
                .ToDictionary(each => each.Key, each => each.Value),
            MedianMs = Milliseconds(times, 0.5),
            P99Ms = Milliseconds(times, 0.99),
            SlowestMs = Milliseconds(times, 1),
        };
    }

    private static double Milliseconds(List<TimeSpan> sorted, double share) =>
        sorted.Count == 0 ? 0 : sorted[Math.Max(0, (int)Math.Ceiling(share * sorted.Count) - 1)].TotalMilliseconds;
}

/// <summary>A load in figures.</summary>
internal sealed record LoadSummary
{
    public required int Sent { get; init; }

    public required int Succeeded { get; init; }

    /// <summary>By kind of request and name of the error.</summary>
    public required IReadOnlyDictionary<string, int> Failures { get; init; }

    public required double MedianMs { get; init; }

    public required double P99Ms { get; init; }

    /// <summary>Of those that succeeded, from when each was due.</summary>
    public required double SlowestMs { get; init; }
}
