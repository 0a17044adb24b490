using System.Globalization;
using System.Text.RegularExpressions;
using SandboxHost.Deployments;
using SandboxHost.Events;
using SandboxHost.Routing;

namespace SandboxHost.Sites;

/// <summary>A function's config, checked: what its author wrote in the source, in the host's words.</summary>
public sealed partial record FunctionConfig
{
    private static readonly string[] KnownMethods = ["GET", "POST", "PUT", "PATCH", "OPTIONS", "DELETE", "HEAD"];

    public IReadOnlyList<FunctionRoute> Routes { get; private init; } = [];

    public IReadOnlyList<RoutePattern> ExcludedPaths { get; private init; } = [];

    public FunctionKind Kind { get; private init; }

    public string? Schedule { get; private init; }

    public RateLimitRule? RateLimit { get; private init; }

    public long? MemoryBytes { get; private init; }

    public double? Vcpu { get; private init; }

    /// <summary>Slugs of the platform events that it is told of.</summary>
    public IReadOnlyList<string> Events { get; init; } = [];

    /// <summary>Checks a config. Every mistake is reported, each with the property, the value and the rule.</summary>
    public static FunctionConfig Read(string functionName, IReadOnlyDictionary<string, object?> config, ICollection<string> mistakes)
    {
        ArgumentNullException.ThrowIfNull(functionName);
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(mistakes);
        void Mistake(string property, string rule) =>
            mistakes.Add($"Function {functionName} has a configuration error on '{property}': {rule}");

        var methods = ReadMethods(config.GetValueOrDefault("method"), Mistake);
        var paths = ReadPatterns("path", config.GetValueOrDefault("path"), Mistake);
        var schedule = config.GetValueOrDefault("schedule") as string;
        var memory = ReadMemory(config.GetValueOrDefault("memory"), Mistake);
        var vcpu = ReadVcpu(config.GetValueOrDefault("vcpu"), Mistake);
        if (memory is not null && vcpu is not null)
        {
            Mistake("memory", "`memory` and `vcpu` cannot both be set.");
        }

        if (schedule is not null && paths.Count > 0)
        {
            Mistake("path", "Scheduled functions must not specify a custom path.");
        }

        if (PlatformEvent.OfFunction(functionName) is { } own && paths.Count > 0)
        {
            Mistake("path", $"A function of this name is called for {own.Slug} events and must not specify a custom path.");
        }

        var background = config.GetValueOrDefault("background") is true || functionName.EndsWith("-background", StringComparison.Ordinal);
        return new FunctionConfig
        {
            Routes = [.. paths.Select(pattern => new FunctionRoute(pattern, methods))],
            ExcludedPaths = ReadPatterns("excludedPath", config.GetValueOrDefault("excludedPath"), Mistake),
            Kind = schedule is not null ? FunctionKind.Scheduled : background ? FunctionKind.Background : FunctionKind.Http,
            Schedule = schedule,
            RateLimit = ReadRateLimit(config.GetValueOrDefault("rateLimit")),
            // One vCPU goes with 2048 MB, whichever of the two was given (reference §8).
            MemoryBytes = memory ?? (vcpu is { } cpus ? (long)(cpus * 2048) * FunctionLimits.Megabyte : null),
            Vcpu = vcpu,
        };
    }

    private static List<string> ReadMethods(object? value, Action<string, string> mistake)
    {
        var methods = new List<string>();
        foreach (var item in AsList(value))
        {
            if (item is string text && KnownMethods.Contains(text.ToUpperInvariant()))
            {
                methods.Add(text.ToUpperInvariant());
            }
            else
            {
                mistake("method", $"'{ValueText.Of(item)}' is not one of {string.Join(", ", KnownMethods)}");
            }
        }

        return methods;
    }

    private static List<RoutePattern> ReadPatterns(string property, object? value, Action<string, string> mistake)
    {
        var patterns = new List<RoutePattern>();
        foreach (var item in AsList(value).Distinct())
        {
            if (item is not string text)
            {
                mistake(property, $"'{property}' property must be a string, found '{ValueText.Of(item)}'");
            }
            else if (RoutePattern.TryParse(text, out var pattern, out var wrong))
            {
                patterns.Add(pattern);
            }
            else
            {
                mistake(property, wrong.Replace("'path'", $"'{property}'", StringComparison.Ordinal));
            }
        }

        return patterns;
    }

    // As Netlify's bundler reads it: one that breaks a rule is no limit (reference §7).
    private static RateLimitRule? ReadRateLimit(object? value)
    {
        if (value is not IReadOnlyDictionary<string, object?> rule
            || rule.GetValueOrDefault("windowSize") is not (double and >= 1 and <= 180 and var seconds)
            || rule.GetValueOrDefault("windowLimit") is not (double and >= 1 and <= int.MaxValue and var limit))
        {
            return null;
        }

        var names = AsList(rule.GetValueOrDefault("aggregateBy")).ToList();
        var keys = (names.Contains("ip") ? RateLimitKeys.Ip : default) | (names.Contains("domain") || names.Count == 0 ? RateLimitKeys.Domain : default);
        var to = rule.GetValueOrDefault("action") is "rewrite" ? rule.GetValueOrDefault("to") as string : null;
        return new RateLimitRule((int)limit, TimeSpan.FromSeconds(seconds), keys, to);
    }

    private static long? ReadMemory(object? value, Action<string, string> mistake)
    {
        double? megabytes = value switch
        {
            double number => number,
            string text when MemoryText().Match(text) is { Success: true } match =>
                double.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture)
                * (string.Equals(match.Groups["unit"].Value, "gb", StringComparison.OrdinalIgnoreCase) ? 1024 : 1),
            _ => null,
        };
        if (value is null)
        {
            return null;
        }

        if (megabytes is null or < 1024 or > 4096 || megabytes != Math.Floor(megabytes.Value))
        {
            mistake("memory", $"'{ValueText.Of(value)}' is not a whole number of megabytes from 1024 to 4096");
            return null;
        }

        return (long)megabytes * FunctionLimits.Megabyte;
    }

    private static double? ReadVcpu(object? value, Action<string, string> mistake)
    {
        if (value is null or double and >= 0.5 and <= 2)
        {
            return (double?)value;
        }

        mistake("vcpu", $"'{ValueText.Of(value)}' is not a number from 0.5 to 2");
        return null;
    }

    private static IEnumerable<object?> AsList(object? value) => value switch
    {
        null => [],
        IEnumerable<object?> list => list,
        _ => [value],
    };

    [GeneratedRegex(@"^\s*(?<number>\d+(\.\d+)?)\s*(?<unit>mb|gb)?\s*$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex MemoryText();
}
