using System.Globalization;
using CsCheck;
using SandboxHost.Schedules;

namespace SandboxHost.Tests.Schedules;

public sealed class CronScheduleTests
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
    [InlineData("0 6 * jan,DEC *", "2026-12-01T06:00:00Z")]
    [InlineData("0 0 * * 7", "2026-11-29T00:00:00Z")]
    [InlineData("0 0 L * *", "2026-11-30T00:00:00Z")]
    [InlineData("0 0 ? * 5#2", "2026-12-11T00:00:00Z")]
    [InlineData("5/20 * * * *", "2026-11-23T11:45:00Z")]
    [InlineData("30 0 0 * * *", "2026-11-24T00:00:30Z")]
    [InlineData("  0   6 *  * * ", "2026-11-24T06:00:00Z")]
    public void The_next_tick_is_in_utc(string text, string next) =>
        Assert.Equal(DateTimeOffset.Parse(next, CultureInfo.InvariantCulture), Parse(text).NextAfter(Now));

    [TimedTheory]
    [InlineData("0 0 25 * 5", "2026-11-25T00:00:00Z", "2026-11-27T00:00:00Z")]
    [InlineData("0 0 1 * 1", "2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z")]
    public void A_day_of_the_month_and_a_day_of_the_week_are_either_of_them(string text, string first, string second)
    {
        var schedule = Parse(text);
        var next = schedule.NextAfter(Now)!.Value;
        Assert.Equal(DateTimeOffset.Parse(first, CultureInfo.InvariantCulture), next);
        Assert.Equal(DateTimeOffset.Parse(second, CultureInfo.InvariantCulture), schedule.NextAfter(next));
    }

    [TimedTheory]
    [InlineData("")]
    [InlineData("daily")]
    [InlineData("@reboot")]
    [InlineData("@annually")]
    [InlineData("@midnight")]
    [InlineData("@every_second")]
    [InlineData("H * * * *")]
    [InlineData("* H * * *")]
    [InlineData("60 * * * *")]
    [InlineData("* * * *")]
    [InlineData("*/5 * * * * *")]
    [InlineData("60 * * * * *")]
    [InlineData("* * * * * * *")]
    [InlineData("* * 32 * 1")]
    [InlineData("0 0 30 2 *")]
    public void What_Netlify_does_not_take_is_told(string text)
    {
        Assert.False(CronSchedule.TryParse(text, out var schedule, out var mistake));
        Assert.Null(schedule);
        Assert.StartsWith("must be a valid cron expression", mistake, StringComparison.Ordinal);
    }

    [TimedFact]
    public void A_text_without_end_is_not_read() => Assert.False(CronSchedule.TryParse(new string('*', 1_000_000), out _, out _));

    [TimedTheory]
    [InlineData("@hourly", "2026-11-23T09:00:00Z", "2026-11-23T11:59:59Z", "2026-11-23T11:00:00Z")]
    [InlineData("@hourly", "2026-11-23T11:00:00Z", "2026-11-23T11:00:00Z", "2026-11-23T11:00:00Z")]
    [InlineData("@yearly", "2020-01-01T00:00:00Z", "2026-11-23T00:00:00Z", "2026-01-01T00:00:00Z")]
    [InlineData("@yearly", "2026-01-02T00:00:00Z", "2026-11-23T00:00:00Z", null)]
    public void The_last_tick_of_a_time_is_found(string text, string from, string to, string? last) => Assert.Equal(
        last is null ? null : DateTimeOffset.Parse(last, CultureInfo.InvariantCulture),
        Parse(text).LastBetween(DateTimeOffset.Parse(from, CultureInfo.InvariantCulture), DateTimeOffset.Parse(to, CultureInfo.InvariantCulture)));

    [TimedFact]
    public void The_last_tick_is_the_one_that_counting_through_finds()
    {
        var texts = new[] { "* * * * *", "*/7 3-5 * * *", "0 0 13 * 5", "15 10 L * *", "0 12 * 2 *", "@weekly" };
        Gen.Select(Gen.Int[0, texts.Length - 1], Gen.Int[0, 300_000], Gen.Int[0, 5_000]).Sample((index, start, length) =>
        {
            var schedule = Parse(texts[index]);
            var from = Now.AddMinutes(start);
            var to = from.AddMinutes(length);
            DateTimeOffset? expected = null;
            for (var tick = schedule.NextAfter(from.AddTicks(-1)); tick <= to; tick = schedule.NextAfter(tick.Value))
            {
                expected = tick;
            }

            Assert.Equal(expected, schedule.LastBetween(from, to));
        }, iter: 300);
    }

    private static CronSchedule Parse(string text)
    {
        Assert.True(CronSchedule.TryParse(text, out var schedule, out var mistake), mistake);
        return schedule;
    }
}
