using System.Net;
using System.Numerics;
using System.Runtime.InteropServices;
using SandboxHost.Deployments;

namespace SandboxHost.Gateway.RateLimits;

/// <summary>
/// Counts requests for rules, in memory that has a bound whoever asks. Thread-safe: a lock for each of 64 parts, held for
/// a look-up and a count (0.1 to 0.3 µs, nothing allocated). Where there is no rule it is not asked.
/// </summary>
/// <remarks>
/// <para>Policy when full, <i>neighbours share</i>: a key that is counted already goes on as before. A new client is
/// counted together with its neighbourhood, at the rule's limit for all of them. So nobody passes uncounted; the clients
/// that were there first notice nothing; a flood from one network shuts out that network (and one in 256 of the others,
/// at random), and a flood from everywhere gets through no more than 256 times the limit.</para>
/// <para>Counts are this process's own. They are forgotten when it ends.</para>
/// </remarks>
public sealed class RateLimiter(TimeProvider clock)
{
    /// <summary>Keys with a count of their own: 200 to 700 bytes each, so 45 MB at most.</summary>
    public const int MaxKeys = 64 * 1024;

    private const int Parts = 64;
    private const int KeysPerPart = MaxKeys / Parts;
    private const int Drawers = 256;

    private static readonly long LookAgainAfter = TimeSpan.FromSeconds(1).Ticks;

    private readonly Part[] _parts = [.. Enumerable.Range(0, Parts).Select(_ => new Part())];
    private readonly long _origin = clock.GetTimestamp();

    /// <summary>Keys that have a count now, for tests and diagnosis.</summary>
    internal int Count => _parts.Sum(part => part.Count);

    /// <summary>Counts a request that reached what the rule limits.</summary>
    /// <param name="hostName">One of a bounded set, in one spelling: not whatever a client writes into its Host header.</param>
    /// <returns>Null when it may pass, otherwise how long until one may.</returns>
    public TimeSpan? Take(RateLimitRule rule, RateLimitScope scope, string hostName, IPAddress client)
    {
        ArgumentNullException.ThrowIfNull(rule);
        ArgumentNullException.ThrowIfNull(client);
        var now = clock.GetElapsedTime(_origin).Ticks;
        var key = RateLimitKey.Of(scope, rule, hostName, client);
        var hash = key.GetHashCode();
        if (PartOf(hash).TryTake(key, now, out var wait))
        {
            return wait;
        }

        var shared = key.OfNeighbourhood(Drawers);
        return PartOf(shared.GetHashCode()).TakeShared(shared, now);
    }

    // The dictionary uses the low bits; the part is chosen by others.
    private Part PartOf(int hash) => _parts[BitOperations.RotateLeft((uint)hash * 0x9E3779B9u, 6) % Parts];

    private sealed class Part
    {
        private readonly Lock _gate = new();
        private readonly Dictionary<RateLimitKey, SlidingWindowCount> _counts = [];
        private readonly Dictionary<RateLimitKey, SlidingWindowCount> _shared = [];
        private int _lookAt = 16;
        private long _looked = long.MinValue / 2;

        public int Count
        {
            get
            {
                lock (_gate)
                {
                    return _counts.Count + _shared.Count;
                }
            }
        }

        /// <returns>False when the key is new and there is no room for it.</returns>
        public bool TryTake(in RateLimitKey key, long now, out TimeSpan? wait)
        {
            lock (_gate)
            {
                if (!_counts.TryGetValue(key, out var count))
                {
                    if (_counts.Count >= _lookAt)
                    {
                        RemoveOver(now);
                    }

                    if (_counts.Count >= KeysPerPart)
                    {
                        wait = null;
                        return false;
                    }

                    _counts.Add(key, count = new SlidingWindowCount());
                }

                wait = count.Take(key.Rule, now);
                return true;
            }
        }

        public TimeSpan? TakeShared(in RateLimitKey key, long now)
        {
            lock (_gate)
            {
                ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(_shared, key, out _);
                count ??= new SlidingWindowCount();
                return count.Take(key.Rule, now);
            }
        }

        // Looking at all of them costs what adding as many did; and when all are in use, no more than once a second.
        private void RemoveOver(long now)
        {
            if (_counts.Count >= KeysPerPart && now - _looked < LookAgainAfter)
            {
                return;
            }

            _looked = now;
            RemoveOver(_counts, now);
            RemoveOver(_shared, now);
            _lookAt = Math.Clamp(_counts.Count * 2, 16, KeysPerPart);
        }

        private static void RemoveOver(Dictionary<RateLimitKey, SlidingWindowCount> counts, long now)
        {
            foreach (var (key, count) in counts)
            {
                // A dictionary may lose what its enumerator stands on.
                if (count.IsOver(key.Rule, now))
                {
                    counts.Remove(key);
                }
            }
        }
    }
}
