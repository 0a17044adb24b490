using SandboxHost.Deployments;
using SandboxHost.Sites.Config;

namespace SandboxHost.Sites.Deploys;

/// <summary>A function's config in the words in which its source would say it, for <see cref="FunctionConfigReader"/> to read.</summary>
internal static class FunctionConfigJson
{
    public static IReadOnlyDictionary<string, object?> Write(FunctionConfig config)
    {
        var written = new Dictionary<string, object?>(StringComparer.Ordinal);
        void Add(string name, object? value)
        {
            if (value is not null)
            {
                written[name] = value;
            }
        }

        Add("path", ListOf(config.Paths.Select(pattern => pattern.Text)));
        Add("excludedPath", ListOf(config.ExcludedPaths.Select(pattern => pattern.Text)));
        Add("method", ListOf(config.Methods));
        Add("preferStatic", config.PreferStatic);
        Add("background", config.Background);
        Add("schedule", config.Schedule);
        Add("rateLimit", config.RateLimit is { } limit ? Write(limit) : null);
        Add("memory", config.MemoryBytes is { } bytes ? (double)(bytes / FunctionLimits.Megabyte) : null);
        Add("vcpu", config.Vcpu);
        Add("region", config.Region);
        Add("timeout", config.Timeout?.TotalSeconds);
        Add("name", config.DisplayName);
        Add("generator", config.Generator);
        return written;
    }

    private static Dictionary<string, object?> Write(RateLimitRule rule)
    {
        var written = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["windowSize"] = rule.Window.TotalSeconds,
            ["windowLimit"] = (double)rule.WindowLimit,
            ["aggregateBy"] = new[] { (RateLimitKeys.Domain, "domain"), (RateLimitKeys.Ip, "ip") }
                .Where(key => rule.Keys.HasFlag(key.Item1)).Select(object? (key) => key.Item2).ToList(),
        };
        if (rule.RewriteTo is { } to)
        {
            (written["action"], written["to"]) = ("rewrite", to);
        }

        return written;
    }

    private static List<object?>? ListOf(IEnumerable<string> texts) => texts.ToList<object?>() is { Count: > 0 } list ? list : null;
}
