using SandboxHost.Deployments;
using SandboxHost.Sites.Settings;

namespace SandboxHost.Sites.Config;

/// <summary>Reads the rateLimit of a function or a redirect (reference §7).</summary>
/// <remarks>
/// A rule that breaks a rule is left out with a warning, and the function runs without: that is what it does on Netlify,
/// where nobody hears of it.
/// </remarks>
public static class RateLimitReader
{
    private const int MaxWindowSeconds = 180;

    private static readonly string[] KnownProperties = ["windowSize", "windowLimit", "aggregateBy", "action", "to", "algorithm"];

    /// <param name="warning">Takes a sentence for everything that is wrong.</param>
    public static RateLimitRule? Read(object? value, Action<string> warning)
    {
        ArgumentNullException.ThrowIfNull(warning);
        if (value is null)
        {
            return null;
        }

        if (value is not IReadOnlyDictionary<string, object?> rule)
        {
            warning($"'{ValueText.Of(value)}' is not an object with windowSize and windowLimit");
            return null;
        }

        foreach (var name in rule.Keys.Where(name => !KnownProperties.Contains(name)))
        {
            warning(NearestName.Unknown(name, KnownProperties));
        }

        var isLegal = true;
        bool Check(string name, bool legal, string text)
        {
            if (!legal)
            {
                warning($"{name} '{ValueText.Of(rule.GetValueOrDefault(name))}' is not {text}; the function has no rate limit");
                isLegal = false;
            }

            return legal;
        }

        var window = rule.GetValueOrDefault("windowSize") as double?;
        var limit = rule.GetValueOrDefault("windowLimit") as double?;
        var action = rule.GetValueOrDefault("action") ?? "rate_limit";
        var to = rule.GetValueOrDefault("to");
        var keys = ReadKeys(rule.GetValueOrDefault("aggregateBy"));
        Check("windowSize", window is >= 1 and <= MaxWindowSeconds, $"a number of seconds from 1 to {MaxWindowSeconds}");
        Check("windowLimit", limit is >= 1 and <= int.MaxValue && limit == Math.Floor(limit.Value), "a whole number of requests, 1 or more");
        Check("aggregateBy", keys is not null, "\"ip\", \"domain\" or a list of them");
        Check("algorithm", rule.GetValueOrDefault("algorithm") is null or "sliding_window", "sliding_window");
        if (Check("action", action is "rate_limit" or "rewrite", "rate_limit or rewrite") && action is "rewrite")
        {
            Check("to", to is string { Length: > 0 } path && path[0] == '/', "a path, which the action rewrite needs");
        }
        else if (to is not null)
        {
            warning("to does not count without the action rewrite");
        }

        return isLegal
            ? new RateLimitRule((int)limit!.Value, TimeSpan.FromSeconds(window!.Value), keys!.Value, action is "rewrite" ? (string)to! : null)
            : null;
    }

    // Netlify's bundler takes a lone text, and then counts by domain all the same. Its author's wish is plain.
    private static RateLimitKeys? ReadKeys(object? value)
    {
        if (value is null)
        {
            return RateLimitKeys.Domain;
        }

        var names = value as IEnumerable<object?> ?? [value];
        if (!names.All(name => name is "domain" or "ip"))
        {
            return null;
        }

        return (names.Contains("domain"), names.Contains("ip")) switch
        {
            (true, true) => RateLimitKeys.Domain | RateLimitKeys.Ip,
            (false, true) => RateLimitKeys.Ip,
            _ => RateLimitKeys.Domain,
        };
    }
}
