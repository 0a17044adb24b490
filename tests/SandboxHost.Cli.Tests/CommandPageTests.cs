using System.CommandLine;
using System.Text.RegularExpressions;
using SandboxHost.Cli.Functions;

namespace SandboxHost.Cli.Tests;

/// <summary>docs/cli.md describes the commands that there are.</summary>
public sealed partial class CommandPageTests
{
    private static readonly string Page = File.ReadAllText(Repository.PathOf("docs/cli.md"));

    public static TheoryData<string> Commands => [.. Leaves(SandboxHostCommand.Create(), "sandboxhost").Select(leaf => leaf.Path)];

    [TimedFact]
    public void Every_command_has_a_section_and_every_section_a_command() =>
        Assert.Equal(Commands.Select(row => row.Data).Order(), CommandHeading().Matches(Page).Select(match => match.Groups["path"].Value).Order());

    [TimedTheory]
    [MemberData(nameof(Commands))]
    public void Every_option_has_a_row_with_all_its_names_and_every_row_an_option(string path)
    {
        var command = Leaves(SandboxHostCommand.Create(), "sandboxhost").Single(leaf => leaf.Path == path).Command;
        var rows = OptionRow().Matches(SectionOf(path)).Select(match => match.Groups["names"].Value.Replace("`", "", StringComparison.Ordinal));

        Assert.Equal(command.Options.Where(option => !option.Hidden).Select(NamesOf).Order(), rows.Order());
    }

    [TimedTheory]
    [MemberData(nameof(Commands))]
    public void Every_argument_and_alias_is_named(string path)
    {
        var command = Leaves(SandboxHostCommand.Create(), "sandboxhost").Single(leaf => leaf.Path == path).Command;
        var section = SectionOf(path);

        Assert.All(command.Arguments, argument => Assert.Contains($"`{argument.Name}`", section));
        Assert.All(command.Aliases, alias => Assert.Contains($"`{alias}`", section));
    }

    [TimedFact]
    public void Every_option_that_is_refused_is_named()
    {
        var dev = SandboxHostCommand.Create().Subcommands.Single(command => command.Name == "dev");

        Assert.All(dev.Options.Where(option => option.Hidden).SelectMany(option => option.Aliases.Prepend(option.Name)), name => Assert.Contains($"`{name}`", Page));
    }

    [TimedFact]
    public void Every_template_is_named() => Assert.All(Template.All, template => Assert.Contains($"`{template.Name}`", SectionOf("sandboxhost functions create")));

    [TimedFact]
    public void Every_command_and_option_says_what_it_is_for()
    {
        foreach (var (path, command) in Leaves(SandboxHostCommand.Create(), "sandboxhost"))
        {
            Assert.False(string.IsNullOrEmpty(command.Description), path);
            Assert.All(command.Options.Where(option => !option.Hidden), option => Assert.False(string.IsNullOrEmpty(option.Description), $"{path} {option.Name}"));
            Assert.All(command.Arguments, argument => Assert.False(string.IsNullOrEmpty(argument.Description), $"{path} {argument.Name}"));
        }
    }

    [TimedFact]
    public void No_command_has_two_options_of_one_name() =>
        Assert.All(Leaves(SandboxHostCommand.Create(), "sandboxhost"), leaf =>
        {
            var names = leaf.Command.Options.SelectMany(option => option.Aliases.Prepend(option.Name)).ToList();
            Assert.Equal(names.Distinct(), names);
        });

    private static IEnumerable<(string Path, Command Command)> Leaves(Command command, string path) => command.Subcommands.Count == 0
        ? [(path, command)]
        : command.Subcommands.SelectMany(child => Leaves(child, $"{path} {child.Name}"));

    private static string NamesOf(Option option) => string.Join(", ", option.Aliases.Prepend(option.Name).Distinct());

    private static string SectionOf(string path)
    {
        var start = Page.IndexOf($"## {path}\n", StringComparison.Ordinal);
        var end = Page.IndexOf("\n## ", start + 1, StringComparison.Ordinal);
        return Page[start..(end < 0 ? Page.Length : end)];
    }

    [GeneratedRegex(@"^## (?<path>sandboxhost .+)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex CommandHeading();

    [GeneratedRegex(@"^\| (?<names>`--?[^|]+`) \|", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex OptionRow();
}
