using System.Net;
using System.Net.Sockets;
using SandboxHost.Egress;

namespace SandboxHost.Isolation.Egress;

/// <summary>What became of a name: addresses, or why there are none.</summary>
/// <param name="Failure">What the resolver said; null when it was not asked or found some.</param>
/// <param name="Rule">The limit of ours that kept it from being asked.</param>
internal readonly record struct NameLookup(IPAddress[] Addresses, SocketException? Failure = null, string? Rule = null);

/// <summary>
/// What all workers of one site share: its rates, its names, its counters. Names are remembered for the site alone, so that
/// no tenant can see by the time it takes what another has looked up.
/// </summary>
internal sealed class SiteEgress(string site, EgressLimits limits, HostResolver resolver, TimeProvider time)
{
    public static readonly TimeSpan NamesKeptFor = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan FailuresKeptFor = TimeSpan.FromSeconds(5);
    private const int MaxNames = 256;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, KnownName> _names = new(StringComparer.Ordinal);
    private readonly TokenBucket _connections = new(limits.ConnectionsPerSecond, limits.ConnectionBurst, time);
    private readonly TokenBucket _lookups = new(limits.LookupsPerSecond, limits.LookupBurst, time);
    private readonly TokenBucket _bytes = new(limits.BytesPerSecond, limits.ByteBurst, time);
    private int _lookingUp;

    public string Site => site;

    /// <summary>Doors that are open on this.</summary>
    public int Doors { get; set; }

    public EgressCounters Counters { get; } = new();

    /// <summary>Forgetting it would give its site nothing.</summary>
    public bool IsAtRest => _connections.IsFull && _lookups.IsFull && _bytes.IsFull;

    public bool TryConnect() => _connections.TryTake();

    /// <summary>These bytes have passed; the next should come after this time.</summary>
    public TimeSpan Passed(int bytes) => _bytes.Take(bytes);

    /// <summary>Asks the host's resolver, at most once at a time for each name, and not again while the answer is fresh.</summary>
    /// <param name="name">In lower case.</param>
    public async Task<NameLookup> ResolveAsync(string name, CancellationToken cancellationToken)
    {
        Task<NameLookup> lookup;
        lock (_gate)
        {
            if (_names.TryGetValue(name, out var known) && known.IsFresh(time))
            {
                lookup = known.Lookup;
            }
            else if (_lookingUp >= limits.MaxLookups)
            {
                return new NameLookup([], Rule: LimitName.Lookups);
            }
            else if (!_lookups.TryTake())
            {
                return new NameLookup([], Rule: LimitName.LookupRate);
            }
            else
            {
                _lookingUp++;
                MakeRoom();
                lookup = LookUpAsync(name);
                _names[name] = new KnownName(lookup);
            }
        }

        return await lookup.WaitAsync(cancellationToken);
    }

    private async Task<NameLookup> LookUpAsync(string name)
    {
        // Out of the lock before anything is done.
        await Task.Yield();
        NameLookup lookup;
        try
        {
            lookup = new NameLookup(await resolver.ResolveAsync(name));
        }
        catch (SocketException e)
        {
            lookup = new NameLookup([], e);
        }
        catch (ArgumentException)
        {
            // Longer than the framework takes.
            lookup = new NameLookup([], new SocketException((int)SocketError.HostNotFound));
        }

        lock (_gate)
        {
            _lookingUp--;
            if (_names.TryGetValue(name, out var known))
            {
                known.Finish(time.GetTimestamp(), lookup.Addresses.Length > 0 ? NamesKeptFor : FailuresKeptFor);
            }
        }

        return lookup;
    }

    private void MakeRoom()
    {
        if (_names.Count < MaxNames)
        {
            return;
        }

        foreach (var (name, _) in _names.Where(item => item.Value.FinishedAt is not null).OrderBy(item => item.Value.FinishedAt).Take(MaxNames / 4).ToList())
        {
            _names.Remove(name);
        }
    }

    private sealed class KnownName(Task<NameLookup> lookup)
    {
        public Task<NameLookup> Lookup => lookup;

        private TimeSpan _keptFor;

        /// <summary>A timestamp; null while it is being looked up.</summary>
        public long? FinishedAt { get; private set; }

        public void Finish(long at, TimeSpan keptFor) => (FinishedAt, _keptFor) = (at, keptFor);

        public bool IsFresh(TimeProvider time) => FinishedAt is not { } at || time.GetElapsedTime(at) < _keptFor;
    }
}
