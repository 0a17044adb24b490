using System.Globalization;
using System.Text;
using SandboxHost.Deployments;

namespace SandboxHost.Schedules;

/// <summary>What a scheduled function is asked at a tick, whoever plays it (reference §6): a POST with a body of JSON.</summary>
public static class ScheduleTick
{
    public const string Method = "POST";

    public const string UserAgent = "Netlify Clockwork";

    /// <summary>Flat: name, value, name, value …</summary>
    public static IReadOnlyList<string> Headers { get; } = ["content-type", "application/json", "user-agent", UserAgent, "x-nf-event", "schedule"];

    /// <summary>The tick after a moment; null when there is none.</summary>
    public static DateTimeOffset? NextOf(FunctionVersion function, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(function);
        return function.Schedule is { } text && CronSchedule.TryParse(text, out var schedule, out _) ? schedule.NextAfter(now) : null;
    }

    /// <summary>ISO 8601 with milliseconds, as functions are told the time.</summary>
    public static string TextOf(DateTimeOffset tick) => tick.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    public static byte[] BodyOf(DateTimeOffset? next) =>
        Encoding.ASCII.GetBytes(next is { } tick ? $$"""{"next_run":"{{TextOf(tick)}}"}""" : """{"next_run":null}""");
}
