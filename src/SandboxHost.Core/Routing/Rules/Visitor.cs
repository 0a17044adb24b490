using System.Globalization;

namespace SandboxHost.Routing.Rules;

/// <summary>A request as redirects look at it. What only some rules ask for is read when the first one asks.</summary>
public sealed class Visitor
{
    private Dictionary<string, string>? _cookies;
    private List<(string Name, string Value)>? _parameters;
    private IReadOnlyList<string>? _roles;
    private string? _language;

    /// <summary>"http" or "https".</summary>
    public required string Scheme { get; init; }

    /// <summary>With the port if it is not the scheme's own.</summary>
    public required string Host { get; init; }

    public required RulePath Path { get; init; }

    /// <summary>As sent, without the question mark.</summary>
    public string Query { get; init; } = "";

    /// <summary>The Cookie header.</summary>
    public string Cookies { get; init; } = "";

    /// <summary>The Accept-Language header.</summary>
    public string AcceptLanguage { get; init; } = "";

    /// <summary>ISO 3166-1, as far as the host knows.</summary>
    public string? Country { get; init; }

    /// <summary>Null: nobody has a role.</summary>
    public RoleTokens? RoleTokens { get; init; }

    public DateTimeOffset Now { get; init; }

    // What the visitor chose goes before what was guessed.
    private string Language => _language ??= CookieOf("nf_lang") ?? Preferred(AcceptLanguage);

    internal bool Meets(IReadOnlyList<QueryCondition> query, List<RuleCapture> captures)
    {
        foreach (var condition in query)
        {
            // Of a parameter that comes twice the last counts.
            var index = Parameters.FindLastIndex(parameter => parameter.Name == condition.Name);
            if (index < 0 || (condition.Value is not null && condition.Value != Parameters[index].Value))
            {
                return false;
            }

            if (condition.Capture is { Length: > 0 } name)
            {
                captures.Add(new RuleCapture(name, Parameters[index].Value, FromQuery: true));
            }
        }

        return true;
    }

    internal bool Meets(RedirectConditions conditions) =>
        (conditions.Languages.Count == 0 || conditions.Languages.Any(SpeaksOf))
        && (conditions.Countries.Count == 0 || conditions.Countries.Contains(CookieOf("nf_country") ?? Country ?? "", StringComparer.OrdinalIgnoreCase))
        && (conditions.Cookies.Count == 0 || conditions.Cookies.Any(name => CookieOf(name) is not null));

    internal bool HasRole(IReadOnlyList<string> roles)
    {
        if (roles.Count == 0)
        {
            return true;
        }

        _roles ??= RoleTokens is null || CookieOf("nf_jwt") is not { } token ? [] : RoleTokens.RolesOf(token, Now);
        return _roles.Any(role => roles.Contains(role, StringComparer.Ordinal) || roles.Contains("*", StringComparer.Ordinal));
    }

    private bool SpeaksOf(string language) =>
        Language.StartsWith(language, StringComparison.OrdinalIgnoreCase)
        && (Language.Length == language.Length || Language[language.Length] == '-');

    private List<(string Name, string Value)> Parameters => _parameters ??= ReadParameters(Query);

    /// <summary>The value of a cookie; null when it is not there or empty.</summary>
    private string? CookieOf(string name) =>
        (_cookies ??= ReadCookies(Cookies)).TryGetValue(name, out var value) && value.Length > 0 ? value : null;

    private static Dictionary<string, string> ReadCookies(string header)
    {
        var cookies = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var range in header.AsSpan().Split(';'))
        {
            var pair = header.AsSpan()[range].Trim();
            var equals = pair.IndexOf('=');
            if (equals > 0)
            {
                // The first of a name is the one with the narrowest path (RFC 6265 §5.4).
                cookies.TryAdd(pair[..equals].TrimEnd().ToString(), pair[(equals + 1)..].Trim().Trim('"').ToString());
            }
        }

        return cookies;
    }

    private static List<(string Name, string Value)> ReadParameters(string query)
    {
        var parameters = new List<(string Name, string Value)>();
        foreach (var range in query.AsSpan().Split('&'))
        {
            var pair = query.AsSpan()[range];
            var equals = pair.IndexOf('=');
            if (equals > 0)
            {
                parameters.Add((Decoded(pair[..equals]), Decoded(pair[(equals + 1)..])));
            }
        }

        return parameters;
    }

    private static string Decoded(ReadOnlySpan<char> text) => Uri.UnescapeDataString(text.ToString().Replace('+', ' '));

    /// <summary>The language that the visitor likes best; of several with the same weight the first. English if none is named.</summary>
    private static string Preferred(string header)
    {
        var (best, bestWeight) = ("en", 0.0);
        foreach (var range in header.AsSpan().Split(','))
        {
            var item = header.AsSpan()[range].Trim();
            var semicolon = item.IndexOf(';');
            var tag = semicolon < 0 ? item : item[..semicolon].TrimEnd();
            var weight = semicolon < 0 ? 1 : WeightOf(item[(semicolon + 1)..].Trim());
            if (weight > bestWeight && !tag.IsEmpty && tag is not "*")
            {
                (best, bestWeight) = (tag.ToString(), weight);
            }
        }

        return best;
    }

    private static double WeightOf(ReadOnlySpan<char> parameter) =>
        parameter.StartsWith("q=", StringComparison.OrdinalIgnoreCase)
        && double.TryParse(parameter[2..], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var weight)
            ? Math.Min(weight, 1)
            : 0;
}
