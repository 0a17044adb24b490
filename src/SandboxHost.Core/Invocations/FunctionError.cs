namespace SandboxHost.Invocations;

/// <summary>A bad end of an invocation: what it is, said to people.</summary>
/// <param name="Message">One sentence, for the function's author. A visitor may be told less: <see cref="ErrorRow.VisitorText"/>.</param>
public sealed record FunctionError(ErrorCode Code, string Message)
{
    /// <summary>What the function threw; for its author, never for a visitor.</summary>
    public ThrownError? Thrown { get; init; }

    /// <summary>With <see cref="ErrorCode.RateLimited"/>, <see cref="ErrorCode.Overloaded"/>, <see cref="ErrorCode.CrashLoop"/> and <see cref="ErrorCode.StartFailed"/>: when to try again.</summary>
    public TimeSpan? RetryAfter { get; init; }
}

/// <summary>An error of the function's own, as the runner reports it.</summary>
/// <param name="Trace">Stack lines, source-mapped.</param>
public sealed record ThrownError(string Type, string Message, IReadOnlyList<string> Trace);
