using Cronos;

namespace SandboxHost.Sites;

/// <summary>The schedules that Netlify takes (reference §6): five cron fields in UTC, six with seconds before them, or a shortcut.</summary>
public static class ScheduleText
{
    private static readonly string[] Shortcuts = ["@yearly", "@monthly", "@weekly", "@daily", "@hourly"];

    /// <returns>What is wrong; null when it is a schedule.</returns>
    public static string? RuleAgainst(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.StartsWith('@'))
        {
            return Shortcuts.Contains(text) ? null : $"the shortcuts are {string.Join(", ", Shortcuts)}";
        }

        var fields = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;
        if (fields is not (5 or 6))
        {
            return $"it has {fields} fields; five make a schedule, or six with seconds before them";
        }

        try
        {
            var expression = CronExpression.Parse(text, fields == 6 ? CronFormat.IncludeSeconds : CronFormat.Standard);
            return expression.GetNextOccurrence(DateTime.UnixEpoch) is null ? "it never comes" : null;
        }
        catch (CronFormatException ex)
        {
            return ex.Message.Replace("The given cron expression has an invalid format. ", "", StringComparison.Ordinal);
        }
    }
}
