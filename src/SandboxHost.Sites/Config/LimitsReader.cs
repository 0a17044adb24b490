using System.Globalization;
using System.Text.RegularExpressions;
using SandboxHost.Deployments;
using SandboxHost.Sites.Settings;
using Tomlyn.Model;

namespace SandboxHost.Sites.Config;

/// <summary>Reads a [limits] table over limits that are there already. The keys are listed in docs/configuration.md.</summary>
public static partial class LimitsReader
{
    private static readonly TimeSpan LongestTime = TimeSpan.FromDays(1);

    /// <param name="where">The table's name, for messages.</param>
    /// <param name="mistake">Takes one sentence for each value that breaks a rule; the value is then left out.</param>
    public static FunctionLimits Read(TomlTable? table, FunctionLimits limits, string where, Action<string> mistake)
    {
        ArgumentNullException.ThrowIfNull(limits);
        ArgumentNullException.ThrowIfNull(mistake);
        foreach (var (key, value) in table ?? [])
        {
            var text = ValueText.Of(value);
            if (Set(limits, key, text) is { } next)
            {
                limits = next;
            }
            else
            {
                mistake($"{where}.{key} = '{text}': {RuleOf(key)}");
            }
        }

        return limits;
    }

    /// <summary>Sets one limit from text, as in <c>--limit NAME=VALUE</c>. Null when the name or the value is not legal.</summary>
    public static FunctionLimits? Set(FunctionLimits limits, string key, string value)
    {
        ArgumentNullException.ThrowIfNull(limits);
        return key switch
        {
            "streaming_time" when Time(value) is { } time => limits with { StreamingTime = time },
            "buffered_time" when Time(value) is { } time => limits with { BufferedTime = time },
            "background_time" when Time(value) is { } time => limits with { BackgroundTime = time },
            "scheduled_time" when Time(value) is { } time => limits with { ScheduledTime = time },
            "background_retries" when Retries(value) is { } delays => limits with { BackgroundRetries = delays },
            "queue_time" when Time(value) is { } time => limits with { QueueTime = time },
            "streaming_size" when ReadSize(value) is { } size => limits with { StreamingBytes = size },
            "buffered_size" when ReadSize(value) is { } size => limits with { BufferedBytes = size },
            "request_size" when ReadSize(value) is { } size => limits with { RequestBytes = size },
            "bundle_size" when ReadSize(value) is { } size and > 0 => limits with { BundleBytes = size },
            "background_size" when ReadSize(value) is { } size and <= 64 * FunctionLimits.Megabyte => limits with { BackgroundBytes = size },
            "memory" when ReadSize(value) is { } size and >= 128 * FunctionLimits.Megabyte => limits with { MemoryBytes = size },
            "vcpu" when Number(value) is { } number and >= 0.05 and <= 256 => limits with { Vcpu = number },
            "concurrency" when Count(value) is { } count and <= 10_000 => limits with { Concurrency = count },
            "max_workers" when Count(value) is { } count and <= 1000 => limits with { MaxWorkers = count },
            "queue_length" when Count(value) is { } count and <= 100_000 => limits with { QueueLength = count },
            _ => null,
        };
    }

    /// <summary>What a value of this limit must look like.</summary>
    public static string RuleOf(string key) => key switch
    {
        "streaming_time" or "buffered_time" or "background_time" or "scheduled_time" or "queue_time" =>
            "a time such as '500ms', '10s' or '15min', up to a day",
        "streaming_size" or "buffered_size" or "request_size" or "bundle_size" => "a size such as '64kb', '20mb' or '2gb'",
        "background_retries" => "up to ten times such as '1min, 2min', or 'none'",
        "background_size" => "a size such as '256kb', up to 64mb",
        "memory" => "a size such as '1024mb', 128mb or more",
        "vcpu" => "a number from 0.05 to 256",
        "concurrency" => "a whole number from 1 to 10000",
        "max_workers" => "a whole number from 1 to 1000",
        "queue_length" => "a whole number from 1 to 100000",
        _ => "no limit has this name",
    };

    private static TimeSpan? Time(string text)
    {
        var match = TimeText().Match(text);
        if (!match.Success)
        {
            return null;
        }

        var number = double.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture);
        var seconds = number * match.Groups["unit"].Value switch { "ms" => 0.001, "s" => 1, "min" => 60, _ => 3600 };
        return seconds > 0 && seconds <= LongestTime.TotalSeconds ? TimeSpan.FromSeconds(seconds) : null;
    }

    private static IReadOnlyList<TimeSpan>? Retries(string text)
    {
        if (text == "none")
        {
            return [];
        }

        var delays = text.Split(',', StringSplitOptions.TrimEntries).Select(Time).ToList();
        return delays.Count <= 10 && delays.TrueForAll(delay => delay is not null) ? [.. delays.OfType<TimeSpan>()] : null;
    }

    /// <summary>Bytes of a text such as '20mb'; null when it is no size.</summary>
    public static long? ReadSize(string text)
    {
        var match = SizeText().Match(text);
        if (!match.Success)
        {
            return null;
        }

        var unit = match.Groups["unit"].Value switch { "gb" => 1024 * 1024 * 1024L, "mb" => 1024 * 1024L, "kb" => 1024L, _ => 1 };
        return (long)(double.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture) * unit);
    }

    private static double? Number(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static int? Count(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0 ? count : null;

    [GeneratedRegex(@"^(?<number>\d{1,9}(\.\d+)?)\s*(?<unit>ms|s|min|h)$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex TimeText();

    [GeneratedRegex(@"^(?<number>\d{1,9}(\.\d+)?)\s*(?<unit>kb|mb|gb|b)$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex SizeText();
}
