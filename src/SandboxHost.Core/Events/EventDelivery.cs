using SandboxHost.Invocations;

namespace SandboxHost.Events;

/// <summary>An event that is to be told.</summary>
/// <param name="Body">Its JSON, as functions get it.</param>
/// <param name="CdnLoop">What the request that led to it says in CDN-Loop; what functions send in turn says it, too.</param>
public sealed record EventMessage(PlatformEvent Event, ReadOnlyMemory<byte> Body, string? CdnLoop = null);

/// <summary>What became of an event at one subscriber.</summary>
public enum EventOutcome
{
    /// <summary>Stored as a run of its own; nobody waits for it.</summary>
    Queued,

    /// <summary>Not stored; <see cref="EventDelivery.Error"/> says why.</summary>
    NotQueued,

    /// <summary>The function had nothing against it.</summary>
    Accepted,

    /// <summary>The function had nothing against it, and returned the user as it is to be from now on.</summary>
    Changed,

    /// <summary>The function said no.</summary>
    Denied,

    /// <summary>The function failed. What can be denied is denied by that.</summary>
    Failed,
}

/// <summary>An event at one subscriber.</summary>
/// <param name="RunId">The run, where it was queued; otherwise the request id of the call.</param>
/// <param name="Status">The function's status, where it was waited for and answered.</param>
public sealed record EventDelivery(string FunctionName, string RunId, EventOutcome Outcome, int? Status = null, FunctionError? Error = null);

/// <summary>What became of an event.</summary>
/// <param name="Deliveries">In the order of the functions' names. Those that come after a denial are not in it.</param>
/// <param name="User">The event's user as it is to be from now on, as JSON; null when nobody changed it, or it was denied.</param>
public sealed record EventResult(IReadOnlyList<EventDelivery> Deliveries, string? User = null)
{
    public bool IsDenied { get; init; }
}
