namespace SandboxHost.Runs;

/// <summary>Why a run exists that no client waits for.</summary>
public enum RunKind
{
    /// <summary>A call of a background function.</summary>
    Background = 0,

    /// <summary>A tick of a schedule.</summary>
    Scheduled = 1,

    /// <summary>A platform event.</summary>
    Event = 2,
}

/// <summary>Where a run is in its life.</summary>
public enum RunState
{
    /// <summary>For its first or its next attempt.</summary>
    Waiting = 0,

    /// <summary>An attempt runs, under a lease.</summary>
    Running = 1,

    Succeeded = 2,

    /// <summary>Its attempts are used up; kept with its last error until it is redriven or purged.</summary>
    Dead = 3,

    /// <summary>A tick that was not run, because the one before it had not begun.</summary>
    Skipped = 4,

    /// <summary>Somebody waited for it and was told; it is not tried again.</summary>
    Failed = 5,
}

/// <summary>Which function, of which site. Versions come and go; a run belongs to the name.</summary>
public readonly record struct FunctionKey(string SiteId, string FunctionName)
{
    public override string ToString() => $"{SiteId}/{FunctionName}";
}

/// <summary>A run that is to be stored.</summary>
public sealed record NewRun
{
    /// <summary>A ULID: the request id of every attempt, so a function can tell a repetition.</summary>
    public required string Id { get; init; }

    public required RunKind Kind { get; init; }

    public required FunctionKey Function { get; init; }

    /// <summary>The deploy that accepted it.</summary>
    public required string DeployId { get; init; }

    public required RunRequest Request { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Not before.</summary>
    public required DateTimeOffset DueAt { get; init; }

    /// <summary>No two runs have the same one: a tick's name. Null: no such rule.</summary>
    public string? UniqueKey { get; init; }
}

/// <summary>What the function is given, at every attempt the same.</summary>
/// <param name="Headers">Flat and ordered: name, value, name, value …</param>
/// <param name="Route">The path pattern that matched; null at the default URL.</param>
public sealed record RunRequest(string Method, string Url, IReadOnlyList<string> Headers, string ClientIp, string? Route, ReadOnlyMemory<byte> Body);

/// <summary>A run as it is stored, without what it was given.</summary>
public sealed record FunctionRun
{
    public required string Id { get; init; }

    public required RunKind Kind { get; init; }

    public required FunctionKey Function { get; init; }

    public required string DeployId { get; init; }

    public required RunState State { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset DueAt { get; init; }

    /// <summary>The number of the attempt that runs or ran last, from 1; 0 before the first.</summary>
    public int Attempt { get; init; }

    /// <summary>Attempts that failed since it was made or redriven.</summary>
    public int Failures { get; init; }

    /// <summary>Attempts that ended with their host.</summary>
    public int Interruptions { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>The name of the last error (docs/errors.md); null when there was none.</summary>
    public string? Error { get; init; }

    public string? ErrorMessage { get; init; }
}

/// <summary>One attempt of a run.</summary>
/// <param name="Outcome">"succeeded", "interrupted" or an error's name; null while it runs.</param>
public sealed record RunAttempt(int Attempt, DateTimeOffset StartedAt, DateTimeOffset? EndedAt, string? Outcome, string? Message);

/// <summary>A run that this host has leased, with all that is needed to run it.</summary>
public sealed record ClaimedRun(FunctionRun Run, RunRequest Request);
