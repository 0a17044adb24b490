using System.Globalization;
using System.Text.Json.Nodes;

namespace SandboxHost.Sites.Rules;

/// <summary>
/// One redirect as a file declares it, checked only for its shape: what @netlify/redirect-parser makes of the same text
/// (reference §12).
/// </summary>
/// <param name="Where">File and line or number, for messages.</param>
/// <param name="Query">Parameter → value; null where the text has no '='.</param>
/// <param name="Conditions">Name → text or array of texts.</param>
/// <param name="RateLimit">Null when there is none.</param>
internal sealed record RedirectDeclaration(
    string Where,
    string From,
    string To,
    int? Status,
    bool Force,
    JsonObject Query,
    JsonObject Conditions,
    string? Signed,
    JsonObject Headers,
    JsonObject? RateLimit)
{
    private static readonly string[] CapitalConditions = ["Role", "Language", "Country"];

    /// <exception cref="FormatException">The message says what is wrong.</exception>
    public static RedirectDeclaration Create(
        string where, string? from, string? to, string? statusText, bool force, JsonObject query, JsonObject conditions, string? signed, JsonObject? headers = null, JsonObject? rateLimit = null)
    {
        if (from is null)
        {
            throw new FormatException("Missing \"from\" field");
        }

        int? status = statusText is null ? null : LeadingNumber(statusText) ?? throw new FormatException($"Invalid status code: {statusText}");
        to ??= ForwardTarget(from, status) ?? throw new FormatException("Missing \"to\" field");
        if (IsAddress(from) && !Uri.TryCreate(from, UriKind.Absolute, out _))
        {
            throw new FormatException($"Invalid URL: {from}");
        }

        if (PathOf(from).StartsWith("/.netlify", StringComparison.Ordinal))
        {
            throw new FormatException("\"path\" field must not start with \"/.netlify\"");
        }

        return new RedirectDeclaration(where, from, to, status, force, query, Normalized(conditions), signed, headers ?? [], rateLimit);
    }

    /// <summary>The number at the start of a text, as JavaScript's parseInt reads it; null when there is none.</summary>
    public static int? LeadingNumber(string text)
    {
        var start = text.StartsWith('-') || text.StartsWith('+') ? 1 : 0;
        var end = start;
        while (end < text.Length && char.IsAsciiDigit(text[end]))
        {
            end++;
        }

        return end > start && int.TryParse(text.AsSpan(0, end), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;
    }

    public static bool IsAddress(string text) =>
        text.StartsWith("http://", StringComparison.Ordinal) || text.StartsWith("https://", StringComparison.Ordinal);

    /// <summary>The path of a path or an address, without query and fragment of an address.</summary>
    public static string PathOf(string from)
    {
        if (!IsAddress(from))
        {
            return from;
        }

        var authority = from.IndexOf("//", StringComparison.Ordinal) + 2;
        var path = from.AsSpan(authority).IndexOfAny('/', '?', '#');
        if (path < 0 || from[authority + path] != '/')
        {
            return "/";
        }

        var rest = from[(authority + path)..];
        var end = rest.AsSpan().IndexOfAny('?', '#');
        return end < 0 ? rest : rest[..end];
    }

    // "/app/* 200" keeps the path and only sets the status.
    private static string? ForwardTarget(string from, int? status) =>
        from.EndsWith("/*", StringComparison.Ordinal) && status is >= 200 and < 300 ? from[..^1] + ":splat" : null;

    // The names may be in lower case, and lists may be texts with commas.
    private static JsonObject Normalized(JsonObject conditions)
    {
        var normalized = new JsonObject();
        foreach (var (name, value) in conditions)
        {
            if (!CapitalConditions.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                normalized[name] = value?.DeepClone();
            }
        }

        foreach (var name in CapitalConditions)
        {
            if ((conditions[name.ToLowerInvariant()] ?? conditions[name]) is { } value)
            {
                normalized[name] = value is JsonValue text && text.TryGetValue<string>(out var list) ? ListOf(list) : value.DeepClone();
            }
        }

        return normalized;
    }

    private static JsonArray ListOf(string text) => [.. text.Split(',').Select(item => (JsonNode)item.Trim())];

    /// <summary>The same for declarations that say the same, wherever they stand.</summary>
    public string Key => new JsonObject
    {
        ["from"] = From,
        ["to"] = To,
        ["status"] = Status,
        ["force"] = Force,
        ["query"] = Sorted(Query),
        ["conditions"] = Sorted(Conditions),
        ["signed"] = Signed,
        ["headers"] = Sorted(Headers),
        ["rate_limit"] = RateLimit is null ? null : Sorted(RateLimit),
    }.ToJsonString();

    private static JsonObject Sorted(JsonObject values)
    {
        var sorted = new JsonObject();
        foreach (var (name, value) in values.OrderBy(item => item.Key, StringComparer.Ordinal))
        {
            sorted[name] = value?.DeepClone();
        }

        return sorted;
    }
}
