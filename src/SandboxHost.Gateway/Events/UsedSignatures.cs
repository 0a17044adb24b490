namespace SandboxHost.Gateway.Events;

internal enum SignatureUse
{
    First,
    Again,

    /// <summary>No more can be remembered, so nobody can tell.</summary>
    Full,
}

/// <summary>Remembers the ids of signatures until they expire, so that none is used twice. Bounded, and in memory only.</summary>
/// <param name="capacity">Ids that are remembered at a time, over all sites.</param>
internal sealed class UsedSignatures(int capacity = 65_536)
{
    private readonly HashSet<(string Site, string Id)> _ids = [];
    private readonly PriorityQueue<(string Site, string Id), DateTimeOffset> _byExpiry = new();
    private readonly Lock _gate = new();

    public SignatureUse Use(string site, string id, DateTimeOffset expires, DateTimeOffset now)
    {
        lock (_gate)
        {
            while (_byExpiry.TryPeek(out var oldest, out var end) && end <= now)
            {
                _byExpiry.Dequeue();
                _ids.Remove(oldest);
            }

            if (_ids.Contains((site, id)))
            {
                return SignatureUse.Again;
            }

            if (_ids.Count >= capacity)
            {
                return SignatureUse.Full;
            }

            _ids.Add((site, id));
            _byExpiry.Enqueue((site, id), expires);
            return SignatureUse.First;
        }
    }
}
