using SandboxHost.Output;

namespace SandboxHost.Cli.Tests;

public sealed class ConsoleOutputTests
{
    [TimedFact]
    public async Task Lines_have_the_color_of_their_level_and_the_functions_name() => Assert.Equal(
        "\e[90m[orders] \e[0mone\n\e[90m[orders] \e[0m\e[91mtwo\e[0m\n\e[90m[orders] \e[0m\e[91mthree\e[0m\n",
        await WrittenAsync(true, Line(OutputLevel.Info, "one"), Line(OutputLevel.Error, "two\nthree\n")));

    [TimedFact]
    public async Task Without_colors_there_are_no_sequences() =>
        Assert.Equal("[orders] careful\n", await WrittenAsync(false, Line(OutputLevel.Warn, "careful")));

    [TimedFact]
    public async Task Control_characters_are_shown_and_not_obeyed() =>
        Assert.Equal("[orders] \u241b[2J\tgone\u2407\n", await WrittenAsync(false, Line(OutputLevel.Info, "\e[2J\tgone\a")));

    [TimedFact]
    public async Task What_comes_faster_than_it_can_be_written_is_dropped_and_counted()
    {
        var text = new string('x', 1 << 20);
        var written = await WrittenAsync(false, [.. Enumerable.Repeat(Line(OutputLevel.Info, text), 200)]);

        Assert.Contains("lines were dropped", written);
        Assert.InRange(written.Length, 1 << 20, 199 << 20);
    }

    private static OutputLine Line(OutputLevel level, string text) => new(
        new Deployments.FunctionVersion
        {
            Site = new Deployments.SiteIdentity("1", "site", "http://localhost", "2"),
            Deploy = new Deployments.DeployIdentity("0", "dev", false),
            Name = "orders",
            Runtime = "node",
            ArtifactDirectory = "/nowhere",
            Entry = "orders.mjs",
            Environment = new Dictionary<string, string>(),
            Limits = Deployments.FunctionLimits.Default,
        },
        null,
        level,
        text);

    /// <summary>The terminal takes nothing until all lines have come.</summary>
    private static async Task<string> WrittenAsync(bool hasColors, params OutputLine[] lines)
    {
        var open = new ManualResetEventSlim();
        await using var terminal = new Terminal(open);
        await using (var output = new ConsoleOutput(terminal, hasColors))
        {
            foreach (var line in lines)
            {
                output.Write(line);
            }

            open.Set();
        }

        return terminal.ToString();
    }

    private sealed class Terminal(ManualResetEventSlim open) : StringWriter
    {
        public override void Write(string? value)
        {
            open.Wait(TimeSpan.FromSeconds(10));
            base.Write(value);
        }
    }
}
