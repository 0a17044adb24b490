using System.Diagnostics.CodeAnalysis;
using Cronos;

namespace SandboxHost.Schedules;

/// <summary>
/// A cron text as Netlify takes it (reference §6): five fields with names, ranges, lists, steps, <c>L</c>, <c>#</c> and
/// <c>?</c>, or six with one second in front, or one of five shortcuts; times are UTC, and a minute is the smallest step. When both the day of the month and the day of the week are given, a day
/// that fits either is meant, as crontab(5) says.
/// </summary>
public sealed class CronSchedule
{
    private const int MaxLength = 200;

    private static readonly string[] Shortcuts = ["@hourly", "@daily", "@weekly", "@monthly", "@yearly"];

    private readonly CronExpression _expression;
    private readonly CronExpression? _orElse;

    private CronSchedule(string text, CronExpression expression, CronExpression? orElse)
    {
        Text = text;
        _expression = expression;
        _orElse = orElse;
    }

    /// <summary>As the author wrote it.</summary>
    public string Text { get; }

    /// <summary>Reads a cron text, or says what is wrong with it.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out CronSchedule? schedule, [NotNullWhen(false)] out string? mistake)
    {
        ArgumentNullException.ThrowIfNull(text);
        schedule = null;
        var trimmed = text.Trim();
        if (trimmed.Length > MaxLength)
        {
            mistake = "must be a valid cron expression: it is too long";
            return false;
        }

        try
        {
            schedule = trimmed.StartsWith('@') ? ReadShortcut(text, trimmed) : ReadFields(text, trimmed);
            if (schedule.NextAfter(DateTimeOffset.UnixEpoch) is null)
            {
                schedule = null;
                mistake = "must be a valid cron expression: no day fits it";
                return false;
            }

            mistake = null;
            return true;
        }
        catch (Exception ex) when (ex is FormatException or MissingSeedException)
        {
            // H, a minute of Cronos' own choice, is nothing that Netlify takes.
            mistake = $"must be a valid cron expression: {ex.Message}";
            return false;
        }
    }

    /// <summary>The first tick after a time; null when there is none in the next years.</summary>
    public DateTimeOffset? NextAfter(DateTimeOffset time)
    {
        var first = _expression.GetNextOccurrence(time, TimeZoneInfo.Utc);
        var second = _orElse?.GetNextOccurrence(time, TimeZoneInfo.Utc);
        return second is null || first < second ? first : second;
    }

    /// <summary>The last tick from one time to another, both included; null when there is none.</summary>
    public DateTimeOffset? LastBetween(DateTimeOffset from, DateTimeOffset to)
    {
        // Backwards in growing steps: a year of minutes is not counted through.
        for (var span = TimeSpan.FromHours(1); ; span *= 8)
        {
            var start = to - from > span ? to - span : from;
            DateTimeOffset? last = null;
            for (var tick = NextAfter(start.AddTicks(-1)); tick <= to; tick = NextAfter(tick.Value))
            {
                last = tick;
            }

            if (last is not null || start == from)
            {
                return last;
            }
        }
    }

    public override string ToString() => Text;

    private static CronSchedule ReadShortcut(string text, string shortcut) => Shortcuts.Contains(shortcut, StringComparer.Ordinal)
        ? new CronSchedule(text, CronExpression.Parse(shortcut), null)
        : throw new FormatException($"of the shortcuts only {string.Join(", ", Shortcuts)} are known");

    private static CronSchedule ReadFields(string text, string trimmed)
    {
        var fields = trimmed.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length is not (5 or 6))
        {
            throw new FormatException($"it has {fields.Length} {(fields.Length == 1 ? "field" : "fields")} and not five (minute, hour, day of month, month, day of week)");
        }

        var second = fields.Length == 6 ? fields[0] : "0";
        if (second.AsSpan().ContainsAnyExceptInRange('0', '9'))
        {
            throw new FormatException("the smallest step is one minute; a sixth field in front is one second from 0 to 59");
        }

        var (dayOfMonth, dayOfWeek) = (fields[^3], fields[^1]);
        CronExpression Parse(string ofMonth, string ofWeek) =>
            CronExpression.Parse($"{second} {fields[^5]} {fields[^4]} {ofMonth} {fields[^2]} {ofWeek}", CronFormat.IncludeSeconds);

        return IsAny(dayOfMonth) || IsAny(dayOfWeek)
            ? new CronSchedule(text, Parse(dayOfMonth, dayOfWeek), null)
            : new CronSchedule(text, Parse(dayOfMonth, "*"), Parse("*", dayOfWeek));
    }

    private static bool IsAny(string field) => field.StartsWith('*') || field == "?";
}
