namespace SandboxHost.Chaos.Load;

/// <summary>Which version of a function could answer when.</summary>
internal sealed class VersionTimeline
{
    private readonly List<(int Version, TimeSpan From)> _versions = [(1, TimeSpan.Zero)];
    private readonly List<TimeSpan> _until = [];

    /// <summary>From now on the version may answer, and the one before it still may.</summary>
    public void Begin(int version, TimeSpan at) => _versions.Add((version, at));

    /// <summary>From now on the version before may not answer a request any more that is sent from now on.</summary>
    public void Complete(TimeSpan at) => _until.Add(at);

    /// <summary>Whether a request was answered by a version that was no more when it was sent, or not yet when it was answered.</summary>
    public bool IsStale(LoadRequest request)
    {
        for (var index = 0; index < _versions.Count; index++)
        {
            var until = index < _until.Count ? _until[index] : TimeSpan.MaxValue;
            if (_versions[index].Version == request.Version && _versions[index].From <= request.Ended && request.Due <= until)
            {
                return false;
            }
        }

        return true;
    }
}
