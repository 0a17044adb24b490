using System.Globalization;
using SandboxHost.Schedules;

namespace SandboxHost.Tests.Schedules;

public sealed class ScheduleTests
{
    // A Monday.
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 12, 34, 56, TimeSpan.FromHours(1));

    [TimedTheory]
    [InlineData("* * * * *", "2026-11-23T11:35:00Z")]
    [InlineData("@hourly", "2026-11-23T12:00:00Z")]
    [InlineData("@daily", "2026-11-24T00:00:00Z")]
    [InlineData("@weekly", "2026-11-29T00:00:00Z")]
    [InlineData("@monthly", "2026-12-01T00:00:00Z")]
    [InlineData("@yearly", "2027-01-01T00:00:00Z")]
    [InlineData("0 6 * * MON-FRI", "2026-11-24T06:00:00Z")]
    [InlineData("0 0 * * 7", "2026-11-29T00:00:00Z")]
    [InlineData("0 0 L * *", "2026-11-30T00:00:00Z")]
    [InlineData("0 0 ? * 5#2", "2026-12-11T00:00:00Z")]
    [InlineData("30 0 0 * * *", "2026-11-24T00:00:30Z")]
    [InlineData("  0   6 *  * * ", "2026-11-24T06:00:00Z")]
    public void The_next_run_is_in_utc(string text, string next)
    {
        Assert.True(Schedule.TryParse(text, out var schedule, out _));
        Assert.Equal(DateTimeOffset.Parse(next, CultureInfo.InvariantCulture), schedule.NextAfter(Now));
    }

    [TimedTheory]
    [InlineData("0 0 25 * 5", "2026-11-25T00:00:00Z", "2026-11-27T00:00:00Z")]
    [InlineData("0 0 1 * 1", "2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z")]
    public void A_day_of_the_month_and_a_day_of_the_week_are_either_of_them(string text, string first, string second)
    {
        Assert.True(Schedule.TryParse(text, out var schedule, out _));
        var next = schedule.NextAfter(Now)!.Value;
        Assert.Equal(DateTimeOffset.Parse(first, CultureInfo.InvariantCulture), next);
        Assert.Equal(DateTimeOffset.Parse(second, CultureInfo.InvariantCulture), schedule.NextAfter(next));
    }

    [TimedFact]
    public void A_day_that_never_comes_is_no_run()
    {
        Assert.True(Schedule.TryParse("0 0 30 2 *", out var schedule, out _));
        Assert.Null(schedule.NextAfter(Now));
    }

    [TimedTheory]
    [InlineData("")]
    [InlineData("daily")]
    [InlineData("@reboot")]
    [InlineData("60 * * * *")]
    [InlineData("* * * *")]
    [InlineData("* * * * * * *")]
    [InlineData("* * 32 * 1")]
    public void What_is_no_cron_expression_is_told(string text)
    {
        Assert.False(Schedule.TryParse(text, out _, out var wrong));
        Assert.StartsWith($"'{text}' is not a cron expression: ", wrong, StringComparison.Ordinal);
    }
}
