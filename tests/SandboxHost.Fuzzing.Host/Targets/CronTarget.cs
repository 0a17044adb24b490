using SandboxHost.Schedules;

namespace SandboxHost.Fuzzing.Targets;

/// <summary>Cron texts, and the ticks of those that are legal.</summary>
internal static class CronTarget
{
    private static readonly DateTimeOffset Now = new(2026, 2, 28, 23, 59, 30, TimeSpan.Zero);

    public static FuzzTarget Create() => new("cron", "cron texts and their ticks", Run, Seeds());

    private static void Run(byte[] input)
    {
        if (!CronSchedule.TryParse(FuzzTarget.TextOf(input), out var schedule, out var mistake))
        {
            FuzzTarget.Holds(mistake is { Length: > 0 and < 1000 }, "a mistake is told, and not at length");
            return;
        }

        var next = schedule.NextAfter(Now);
        FuzzTarget.Holds(next is null || next > Now, "the next tick is later");
        var last = schedule.LastBetween(Now - TimeSpan.FromDays(40), Now);
        FuzzTarget.Holds(last is null || (last <= Now && schedule.NextAfter(last.Value) is var after && (after is null || after > Now)), "no tick is between the last and now");
    }

    private static List<byte[]> Seeds() =>
    [
        .. new[] { "* * * * *", "@hourly", "0 0 29 2 *", "*/5 1-3,7 * JAN-MAR MON#2", "0 0 L * *", "0 0 15W * ?", "59 23 31 12 5L", "30 0 0 * * 7", "@reboot", "61 * * * *", "0 0 30 2 *", "H H(1-5) * * *" }
            .Select(FuzzTarget.Text),
    ];
}
