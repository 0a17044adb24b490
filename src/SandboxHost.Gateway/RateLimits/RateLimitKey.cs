using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using SandboxHost.Deployments;

namespace SandboxHost.Gateway.RateLimits;

/// <summary>What a rule limits: one function, or the target of one redirect.</summary>
/// <param name="SiteId">Two sites never share a count.</param>
/// <param name="Name">The function's name; for a redirect, a text that no function can have as its name.</param>
public readonly record struct RateLimitScope(string SiteId, string Name);

/// <summary>
/// What is counted together. By the rule's value and not by the function's version, so that counts outlive a reload that
/// leaves the rule as it was.
/// </summary>
/// <param name="Host">Empty when the rule does not count by domain.</param>
/// <param name="Client">0 when the rule does not count by address.</param>
internal readonly record struct RateLimitKey(RateLimitScope Scope, RateLimitRule Rule, string Host, ulong Client)
{
    private const ulong IPv4 = 1UL << 63;

    public static RateLimitKey Of(RateLimitScope scope, RateLimitRule rule, string hostName, IPAddress client) => new(
        scope,
        rule,
        rule.Keys.HasFlag(RateLimitKeys.Domain) ? hostName : "",
        rule.Keys.HasFlag(RateLimitKeys.Ip) ? NetworkOf(client) : 0);

    /// <summary>
    /// The same, for the whole neighbourhood of the client (/16 of IPv4, /32 of IPv6, which is what one provider has) and
    /// whatever else falls into the same of a few drawers.
    /// </summary>
    public RateLimitKey OfNeighbourhood(int drawers)
    {
        var neighbourhood = (Client & IPv4) != 0 ? Client >> 16 : Client >> 32;
        return this with { Client = (ulong)((uint)HashCode.Combine(neighbourhood) % drawers) };
    }

    // HashCode is seeded at random in each process, and all of the address goes in, not its halves xor-ed: a client that
    // has many addresses can't pick those that collide.
    public override int GetHashCode() => HashCode.Combine(Scope, Rule, Host, (uint)Client, (uint)(Client >> 32));

    // A subscriber of IPv6 has a /64 at least, and may use a new address of it for every request. Global addresses begin
    // with 001 (RFC 4291 §2.4) and no IPv6 address in use with 1 and then 31 zeros, so the two kinds never meet.
    private static ulong NetworkOf(IPAddress client)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (client.IsIPv4MappedToIPv6)
        {
            client = client.MapToIPv4();
        }

        client.TryWriteBytes(bytes, out _);
        return client.AddressFamily == AddressFamily.InterNetwork
            ? IPv4 | BinaryPrimitives.ReadUInt32BigEndian(bytes)
            : BinaryPrimitives.ReadUInt64BigEndian(bytes);
    }
}
