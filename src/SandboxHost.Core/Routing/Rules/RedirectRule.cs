using SandboxHost.Deployments;

namespace SandboxHost.Routing.Rules;

/// <summary>One redirect or rewrite (reference §12): where from, under which conditions, where to, and how.</summary>
public sealed class RedirectRule
{
    /// <summary>A path; a full address has its host in <see cref="Host"/>.</summary>
    public required RulePattern From { get; init; }

    /// <summary>"http" or "https"; null: both.</summary>
    public string? Scheme { get; init; }

    /// <summary>Host name, with the port if it is not the scheme's own; null: every name of the site.</summary>
    public string? Host { get; init; }

    /// <summary>All of them must be in the request's query; others may be beside them.</summary>
    public IReadOnlyList<QueryCondition> Query { get; init; } = [];

    public required RedirectTarget To { get; init; }

    /// <summary>3xx sends the client to <see cref="To"/>; any other answers with what is there. Default 301.</summary>
    public int Status { get; init; } = 301;

    /// <summary>Goes before a file at the requested path.</summary>
    public bool Force { get; init; }

    public RedirectConditions Conditions { get; init; } = RedirectConditions.None;

    /// <summary>For a rewrite to another host: header fields of the request sent there. Flat: name, value, name, value …</summary>
    public IReadOnlyList<string> Headers { get; init; } = [];

    /// <summary>For a rewrite to another host: signs the request (<c>x-nf-sign</c>). Null: unsigned.</summary>
    public string? SigningSecret { get; init; }

    /// <summary>Null: as often as anybody likes.</summary>
    public RateLimitRule? RateLimit { get; init; }

    public bool IsRedirect => Status is >= 300 and < 400;
}

/// <param name="Value">What the parameter must be, decoded; null when <paramref name="Capture"/> takes whatever it is.</param>
/// <param name="Capture">The name under which the target finds the value; may be empty.</param>
public readonly record struct QueryCondition(string Name, string? Value, string? Capture);

/// <summary>Who the visitor must be. An empty list asks for nothing; of a list that is not empty one entry must fit.</summary>
/// <param name="Languages">"de" covers "de-AT" as well; not the other way round.</param>
/// <param name="Countries">ISO 3166-1.</param>
/// <param name="Roles">Of the token in the cookie nf_jwt; "*" is any role.</param>
/// <param name="Cookies">Names of cookies that are there and not empty.</param>
public sealed record RedirectConditions(
    IReadOnlyList<string> Languages, IReadOnlyList<string> Countries, IReadOnlyList<string> Roles, IReadOnlyList<string> Cookies)
{
    public static readonly RedirectConditions None = new([], [], [], []);
}
