namespace SandboxHost.Chaos.Load;

/// <summary>What a request of the load asks for.</summary>
internal enum LoadKind
{
    /// <summary>GET: doing it twice does the same as doing it once, so it may be run again.</summary>
    Read,

    /// <summary>POST: once the function has taken it, nobody may run it again.</summary>
    Write,

    /// <summary>GET of a response that comes in pieces: once its head is out, only a cut can tell of a fault.</summary>
    Stream,
}

/// <summary>How a request ended for its client.</summary>
internal enum LoadEnd
{
    /// <summary>A complete answer with status 200 and this request's id.</summary>
    Succeeded,

    /// <summary>A complete answer with another status; its error has a name.</summary>
    Failed,

    /// <summary>The connection was refused or reset before or in the answer: the client knows that something is missing.</summary>
    Reset,

    /// <summary>The answer ended as if it were complete, and is not. Never allowed.</summary>
    CutInSilence,

    /// <summary>The answer belongs to another request. Never allowed.</summary>
    Misanswered,

    /// <summary>No end within <see cref="LoadDriver.HangLimit"/>. Never allowed.</summary>
    Hung,
}

/// <summary>One request of the load, as its client saw it.</summary>
/// <param name="Due">When the timetable has it, from the start of the load.</param>
/// <param name="Ended">When its answer was complete or it failed, from the start of the load.</param>
/// <param name="Reason">The error's name, or how the connection failed; empty when it succeeded.</param>
/// <param name="Version">The version of the function that answered; 0 when none did.</param>
internal sealed record LoadRequest(string Id, LoadKind Kind, TimeSpan Due, TimeSpan Ended, LoadEnd End, string Reason, int Version)
{
    /// <summary>From when it should have left, so that a stalled host can't hide behind a client that waits.</summary>
    public TimeSpan Took => Ended - Due;
}
