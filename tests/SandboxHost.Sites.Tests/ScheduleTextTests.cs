namespace SandboxHost.Sites.Tests;

/// <summary>Reference §6.</summary>
public sealed class ScheduleTextTests
{
    [TimedTheory]
    [InlineData("@hourly")]
    [InlineData("@daily")]
    [InlineData("@weekly")]
    [InlineData("@monthly")]
    [InlineData("@yearly")]
    [InlineData("* * * * *")]
    [InlineData("*/5 0-6 1,15 JAN-MAR MON")]
    [InlineData("0 0 * * 7")]
    [InlineData("30 0 0 * * *")]
    [InlineData("0 0 L * *")]
    [InlineData("0 0 * * 5L")]
    [InlineData("0 0 * * 1#2")]
    [InlineData("0 0 ? * 1")]
    public void Netlifys_forms_are_taken(string text) => Assert.Null(ScheduleText.RuleAgainst(text));

    [TimedTheory]
    [InlineData("@annually")]
    [InlineData("@midnight")]
    [InlineData("@reboot")]
    [InlineData("@every_minute")]
    [InlineData("")]
    [InlineData("daily")]
    [InlineData("60 * * * *")]
    [InlineData("* * * * * * *")]
    [InlineData("0 0 30 2 *")]
    public void Others_are_not(string text) => Assert.NotNull(ScheduleText.RuleAgainst(text));
}
