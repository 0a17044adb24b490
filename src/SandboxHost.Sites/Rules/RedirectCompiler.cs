using System.Globalization;
using System.Text.Json.Nodes;
using SandboxHost.Deployments;
using SandboxHost.Routing.Rules;

namespace SandboxHost.Sites.Rules;

/// <summary>From a declared redirect to a rule, or to what is wrong with it.</summary>
internal sealed class RedirectCompiler(IReadOnlyDictionary<string, string> environment, Action<string> mistake)
{
    private static readonly string[] KnownConditions = ["Language", "Country", "Role", "Cookie"];

    private static readonly TimeSpan LongestWindow = TimeSpan.FromSeconds(180);

    /// <summary>Null when a part is wrong without which the rule would do something else.</summary>
    public RedirectRule? Compile(RedirectDeclaration declaration)
    {
        try
        {
            return CompileRule(declaration);
        }
        catch (FormatException ex)
        {
            mistake($"{declaration.Where}: {ex.Message}");
            return null;
        }
    }

    private RedirectRule CompileRule(RedirectDeclaration declaration)
    {
        var path = RedirectDeclaration.PathOf(declaration.From);
        if (!path.StartsWith('/') && path != "*")
        {
            throw new FormatException($"from = '{declaration.From}': begins with '/', 'http://' or 'https://'");
        }

        if (!RedirectTarget.TryParse(declaration.To, out var target))
        {
            throw new FormatException($"to = '{declaration.To}': begins with '/', 'http://' or 'https://'");
        }

        if (declaration.Status is { } status and (< 200 or > 599))
        {
            throw new FormatException($"status = '{status}': 200 to 599");
        }

        if (target.IsAddress && declaration.Status is not (null or 200 or (>= 300 and < 400)))
        {
            throw new FormatException($"status = '{declaration.Status}' with an address in to: 200 for a proxy, 3xx for a redirect");
        }

        if (declaration.Conditions.FirstOrDefault(condition => !KnownConditions.Contains(condition.Key)).Key is { } unknown)
        {
            throw new FormatException($"Condition '{unknown}' is not known; known are {string.Join(", ", KnownConditions)}");
        }

        var (scheme, host) = AuthorityOf(declaration.From);
        return new RedirectRule
        {
            From = RulePattern.Parse(path, RuleDialect.Redirects),
            Scheme = scheme,
            Host = host,
            Query = [.. declaration.Query.Where(item => item.Value is not null).Select(item => ConditionOf(item.Key, item.Value!.ToString()))],
            To = target,
            Status = declaration.Status ?? 301,
            Force = declaration.Force,
            Conditions = new RedirectConditions(
                ListOf(declaration, "Language"), ListOf(declaration, "Country"), ListOf(declaration, "Role"), ListOf(declaration, "Cookie")),
            Headers = FieldsOf(declaration),
            SigningSecret = SigningSecretOf(declaration),
            RateLimit = RateLimitOf(declaration),
        };
    }

    private static (string? Scheme, string? Host) AuthorityOf(string from)
    {
        if (!RedirectDeclaration.IsAddress(from))
        {
            return (null, null);
        }

        var address = new Uri(from);
        return (address.Scheme, address.Authority);
    }

    private static QueryCondition ConditionOf(string name, string value) => value.StartsWith(':')
        ? new QueryCondition(name, null, value[1..])
        : new QueryCondition(name, Uri.UnescapeDataString(value), null);

    private static string[] ListOf(RedirectDeclaration declaration, string condition) => declaration.Conditions[condition] switch
    {
        null => [],
        JsonArray list => [.. list.Select(item => item?.ToString() ?? "").Where(item => item.Length > 0)],
        var single => single.ToString().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
    };

    private List<string> FieldsOf(RedirectDeclaration declaration)
    {
        var fields = new List<string>();
        foreach (var (name, value) in declaration.Headers)
        {
            var text = value?.ToString() ?? "";
            if (HeaderFields.WrongWithRequestField(name, text) is { } wrong)
            {
                mistake($"{declaration.Where}: {wrong}");
            }
            else
            {
                fields.Add(name);
                fields.Add(text);
            }
        }

        return fields;
    }

    private string? SigningSecretOf(RedirectDeclaration declaration)
    {
        if (declaration.Signed is not { } variable)
        {
            return null;
        }

        if (environment.TryGetValue(variable, out var secret) && secret.Length > 0)
        {
            return secret;
        }

        mistake($"{declaration.Where}: Could not sign redirect because environment variable {variable} is not set");
        return null;
    }

    private static RateLimitRule? RateLimitOf(RedirectDeclaration declaration)
    {
        if (declaration.RateLimit is not { } limit)
        {
            return null;
        }

        var requests = NumberOf(limit, "window_limit");
        var seconds = NumberOf(limit, "window_size");
        if (requests is not > 0 || seconds is not > 0 || seconds > LongestWindow.TotalSeconds)
        {
            throw new FormatException("rate_limit: window_limit is a number above 0, and window_size one of 1 to 180 seconds");
        }

        var action = limit["action"]?.ToString() ?? "rate_limit";
        var rewriteTo = limit["to"]?.ToString();
        if (action is not ("rate_limit" or "rewrite") || (action == "rewrite" && rewriteTo?.StartsWith('/') != true))
        {
            throw new FormatException("rate_limit: action is rate_limit, or rewrite with a path in to");
        }

        return new RateLimitRule(requests.Value, TimeSpan.FromSeconds(seconds.Value), KeysOf(limit), action == "rewrite" ? rewriteTo : null);
    }

    private static RateLimitKeys KeysOf(JsonObject limit)
    {
        var keys = limit["aggregate_by"] switch
        {
            null => [],
            JsonArray list => list.Select(item => item?.ToString()),
            var single => [single.ToString()],
        };
        var combined = keys.Aggregate(default(RateLimitKeys), (all, key) => all | key switch
        {
            "domain" => RateLimitKeys.Domain,
            "ip" => RateLimitKeys.Ip,
            _ => throw new FormatException($"rate_limit: aggregate_by = '{key}': domain, ip or both"),
        });
        return combined == default ? RateLimitKeys.Domain : combined;
    }

    private static int? NumberOf(JsonObject limit, string name) =>
        int.TryParse(limit[name]?.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
