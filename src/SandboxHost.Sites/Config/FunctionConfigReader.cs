using System.Globalization;
using System.Text.RegularExpressions;
using SandboxHost.Deployments;
using SandboxHost.Routing;
using SandboxHost.Schedules;
using SandboxHost.Sites.Bundles;
using SandboxHost.Sites.Settings;

namespace SandboxHost.Sites.Config;

/// <summary>What a config reader finds wrong.</summary>
/// <param name="Mistake">Takes property and rule of what fails Netlify's build, too: the function can't be what its author meant.</param>
/// <param name="Warning">Takes property and rule of what Netlify drops in silence: the value is left out, the function runs.</param>
public sealed record ConfigFindings(Action<string, string> Mistake, Action<string, string> Warning);

/// <summary>Checks a function's config, property by property (reference §1.4, §2.1, §6-8).</summary>
public sealed partial class FunctionConfigReader
{
    private static readonly string[] KnownMethods = ["GET", "POST", "PUT", "PATCH", "OPTIONS", "DELETE", "HEAD"];

    // cdg and mxp are given out by Netlify's support.
    private static readonly string[] KnownRegions =
        ["cmh", "dub", "fra", "gru", "iad", "lhr", "nrt", "pdx", "sfo", "sin", "syd", "yul", "cdg", "mxp"];

    private static readonly string[] KnownBundlers = ["esbuild", "esbuild_zisi", "nft", "none", "zisi"];

    private static readonly TimeSpan LongestTimeout = TimeSpan.FromDays(1);

    private readonly IReadOnlyDictionary<string, object?> _config;
    private readonly ConfigFindings _findings;

    private FunctionConfigReader(IReadOnlyDictionary<string, object?> config, ConfigFindings findings)
    {
        _config = config;
        _findings = findings;
    }

    /// <summary>Every name that a config may have. The last line is taken and has no effect: docs/configuration.md says why.</summary>
    public static IReadOnlyList<string> KnownProperties { get; } =
    [
        "path", "excludedPath", "method", "preferStatic", "background", "schedule", "rateLimit", "memory", "vcpu", "region",
        "timeout", "name", "generator", "includedFiles", "externalNodeModules", "ignoredNodeModules",
        "nodeBundler", "nodeVersion", "includedFilesBasePath", "nodeSourcemap", "nodeModuleFormat",
    ];

    /// <param name="config">Texts, doubles, bools, null, lists and maps of them.</param>
    /// <param name="includeDirectory">What patterns of included files are relative to.</param>
    public static FunctionConfig Read(IReadOnlyDictionary<string, object?> config, string includeDirectory, ConfigFindings findings)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(findings);
        var reader = new FunctionConfigReader(config, findings);
        foreach (var name in config.Keys.Where(name => !KnownProperties.Contains(name)))
        {
            findings.Warning(name, NearestName.Unknown(name, KnownProperties));
        }

        return reader.Read(includeDirectory);
    }

    private FunctionConfig Read(string includeDirectory)
    {
        var vcpu = ReadVcpu();
        var memory = ReadMemory();
        if (memory is not null && vcpu is not null)
        {
            _findings.Mistake("vcpu", "`memory` and `vcpu` cannot both be set.");
            memory = null;
        }

        ReadChoice("nodeBundler", KnownBundlers);
        ReadText("nodeVersion");
        var schedule = ReadSchedule();
        var background = ReadFlag("background");
        if (schedule is not null && background == true)
        {
            _findings.Warning("background", "'true' does not count beside `schedule`: the function runs by its schedule, within a scheduled function's time");
        }

        return new FunctionConfig
        {
            Methods = ReadMethods(),
            Paths = ReadPatterns("path"),
            ExcludedPaths = ReadPatterns("excludedPath"),
            PreferStatic = ReadFlag("preferStatic"),
            Background = background,
            Schedule = schedule,
            RateLimit = RateLimitReader.Read(Value("rateLimit"), rule => _findings.Warning("rateLimit", rule)),
            MemoryBytes = memory,
            Vcpu = vcpu,
            Region = ReadRegion(),
            Timeout = ReadTimeout(),
            DisplayName = ReadText("name"),
            Generator = ReadText("generator"),
            IncludedFiles = [.. ReadTexts("includedFiles").Select(pattern => new IncludeRule(includeDirectory, pattern))],
            ExternalModules = ReadModules("externalNodeModules"),
            IgnoredModules = ReadModules("ignoredNodeModules"),
        };
    }

    private object? Value(string property) => _config.GetValueOrDefault(property);

    private List<string> ReadMethods()
    {
        var methods = new List<string>();
        foreach (var item in Items("method"))
        {
            if (item is string text && KnownMethods.Contains(text.ToUpperInvariant()))
            {
                methods.Add(text.ToUpperInvariant());
            }
            else
            {
                _findings.Mistake("method", $"'{ValueText.Of(item)}' is not one of {string.Join(", ", KnownMethods)}");
            }
        }

        return [.. methods.Distinct()];
    }

    private List<RoutePattern> ReadPatterns(string property)
    {
        var patterns = new List<RoutePattern>();
        foreach (var item in Items(property).Distinct())
        {
            if (item is not string text)
            {
                _findings.Mistake(property, $"'{property}' property must be a string, found '{ValueText.Of(item)}'");
            }
            else if (RoutePattern.TryParse(text, out var pattern, out var wrong))
            {
                patterns.Add(pattern);
            }
            else
            {
                _findings.Mistake(property, wrong.Replace("'path'", $"'{property}'", StringComparison.Ordinal));
            }
        }

        return patterns;
    }

    private string? ReadSchedule()
    {
        if (ReadText("schedule") is not { } text)
        {
            return null;
        }

        if (!CronSchedule.TryParse(text, out _, out var rule))
        {
            _findings.Mistake("schedule", $"'{text}' {rule}");
            return null;
        }

        return text;
    }

    private long? ReadMemory()
    {
        var value = Value("memory");
        double? megabytes = value switch
        {
            double number => number,
            string text when MemoryText().Match(text) is { Success: true } match =>
                double.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture)
                * (string.Equals(match.Groups["unit"].Value, "gb", StringComparison.OrdinalIgnoreCase) ? 1024 : 1),
            _ => null,
        };
        if (!_config.ContainsKey("memory"))
        {
            return null;
        }

        if (megabytes is null or < 1024 or > 4096 || megabytes != Math.Floor(megabytes.Value))
        {
            _findings.Mistake("memory", $"'{ValueText.Of(value)}' is not a whole number of megabytes from 1024 to 4096");
            return null;
        }

        return (long)megabytes * FunctionLimits.Megabyte;
    }

    private double? ReadVcpu()
    {
        var value = Value("vcpu");

        // Netlify takes a number only; "1.5" can mean nothing else.
        var number = value is string text && double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var parsed) ? parsed : value as double?;
        if (!_config.ContainsKey("vcpu") || number is >= 0.5 and <= 2)
        {
            return number;
        }

        _findings.Mistake("vcpu", $"'{ValueText.Of(value)}' is not a number from 0.5 to 2");
        return null;
    }

    private string? ReadRegion()
    {
        var value = Value("region");
        if (!_config.ContainsKey("region"))
        {
            return null;
        }

        if (value is string text && KnownRegions.Contains(text.ToLowerInvariant()))
        {
            return text.ToLowerInvariant();
        }

        _findings.Mistake("region", $"'{ValueText.Of(value)}' is not one of {string.Join(", ", KnownRegions)}");
        return null;
    }

    private TimeSpan? ReadTimeout()
    {
        var value = Value("timeout");
        if (value is null)
        {
            return null;
        }

        if (value is double seconds && seconds > 0 && seconds <= LongestTimeout.TotalSeconds)
        {
            return TimeSpan.FromSeconds(seconds);
        }

        _findings.Warning("timeout", $"'{ValueText.Of(value)}' is not a number of seconds, up to a day");
        return null;
    }

    private bool? ReadFlag(string property)
    {
        var value = Value(property);
        if (value is null or bool)
        {
            return value as bool?;
        }

        _findings.Warning(property, $"'{ValueText.Of(value)}' is neither true nor false");
        return null;
    }

    private string? ReadText(string property)
    {
        var value = Value(property);
        if (value is null or string)
        {
            return value as string;
        }

        _findings.Warning(property, $"'{ValueText.Of(value)}' is not a text");
        return null;
    }

    private void ReadChoice(string property, string[] choices)
    {
        if (ReadText(property) is { } text && !choices.Contains(text))
        {
            _findings.Warning(property, $"'{text}' is not one of {string.Join(", ", choices)}");
        }
    }

    private List<string> ReadTexts(string property)
    {
        var value = Value(property);
        if (value is null)
        {
            return [];
        }

        if (value is IEnumerable<object?> list && list.All(item => item is string))
        {
            return [.. list.OfType<string>()];
        }

        _findings.Warning(property, $"'{ValueText.Of(value)}' is not a list of texts");
        return [];
    }

    private List<string> ReadModules(string property)
    {
        var modules = ReadTexts(property);
        foreach (var module in modules.Where(module => !ExternalPackages.IsName(module)))
        {
            _findings.Warning(property, $"'{module}' is not the name of an npm package");
        }

        return [.. modules.Where(ExternalPackages.IsName)];
    }

    // null is a value, and a wrong one; only what does not stand there says nothing.
    private IEnumerable<object?> Items(string property) => _config.TryGetValue(property, out var value) ? value as IEnumerable<object?> ?? [value] : [];

    [GeneratedRegex(@"^\s*(?<number>\d+(\.\d+)?)\s*(?<unit>mb|gb)?\s*$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex MemoryText();
}
