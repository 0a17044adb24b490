using System.Buffers;

namespace SandboxHost.Deployments;

/// <summary>A site of a host that is deployed to.</summary>
/// <param name="Id">A UUID.</param>
/// <param name="Name">A DNS label; see <see cref="SiteName"/>. No two sites of a host have the same.</param>
/// <param name="Domains">Host names of its own beside the one that the host gives it, lower case. No two sites share one.</param>
/// <param name="PublishedDeployId">The deploy that answers at the site's own names; null before the first is published.</param>
/// <param name="IsLocked">New deploys are not published by themselves.</param>
public sealed record Site(
    string Id, string Name, IReadOnlyList<string> Domains, DateTimeOffset CreatedAt, string? PublishedDeployId = null, bool IsLocked = false);

/// <summary>The rule for names of sites, and of a deploy's alias: both become part of a host name.</summary>
public static class SiteName
{
    /// <summary>A DNS label has 63 characters (RFC 1035 §2.3.4), and a deploy's own name holds its 24-digit id and "--" beside the site's.</summary>
    public const int MaxLength = 37;

    public const string Rule = "1 to 37 of a-z, 0-9 and '-', not at either end and not two '-' in a row";

    private static readonly SearchValues<char> Legal = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    public static bool IsLegal(ReadOnlySpan<char> name) =>
        name.Length is > 0 and <= MaxLength && !name.ContainsAnyExcept(Legal) && name[0] != '-' && name[^1] != '-' && !name.Contains("--", StringComparison.Ordinal);
}
