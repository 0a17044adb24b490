using System.Diagnostics.CodeAnalysis;
using Cronos;

namespace SandboxHost.Schedules;

/// <summary>When a scheduled function runs, in UTC (reference §6).</summary>
/// <remarks>
/// Five cron fields, or six with seconds in front; or a shortcut such as <c>@daily</c>. As in every cron since Vixie's, and
/// on Netlify, a schedule that says both a day of the month and a day of the week runs on either; Cronos by itself would
/// want both.
/// </remarks>
public sealed class Schedule
{
    private readonly CronExpression[] _either;

    private Schedule(CronExpression[] either) => _either = either;

    /// <param name="wrong">What is wrong with the text.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out Schedule? schedule, [NotNullWhen(false)] out string? wrong)
    {
        ArgumentNullException.ThrowIfNull(text);
        try
        {
            schedule = new Schedule([.. Split(text).Select(Parse)]);
            wrong = null;
            return true;
        }
        catch (CronFormatException ex)
        {
            schedule = null;
            wrong = $"'{text}' is not a cron expression: {ex.Message}";
            return false;
        }
    }

    /// <summary>The first run after a moment; null when there is none, as on the 30th of February.</summary>
    public DateTimeOffset? NextAfter(DateTimeOffset now) =>
        _either.Min(expression => expression.GetNextOccurrence(now.UtcDateTime)) is { } next ? new DateTimeOffset(next) : null;

    private static CronExpression Parse(string text) =>
        CronExpression.Parse(text, FieldsOf(text).Length == 6 ? CronFormat.IncludeSeconds : CronFormat.Standard);

    private static string[] Split(string text)
    {
        var fields = FieldsOf(text);
        if (fields.Length is not (5 or 6) || !IsRestricted(fields[^3]) || !IsRestricted(fields[^1]))
        {
            return [text];
        }

        return [string.Join(' ', [.. fields[..^1], "*"]), string.Join(' ', [.. fields[..^3], "*", fields[^2], fields[^1]])];
    }

    private static bool IsRestricted(string field) => field[0] is not ('*' or '?');

    private static string[] FieldsOf(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
}
