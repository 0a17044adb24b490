using SandboxHost.Deployments;
using SandboxHost.Server;
using SandboxHost.Sites.Settings;
using Spectre.Console;

namespace SandboxHost.Cli.Functions;

/// <summary>Which function is meant.</summary>
internal static class FunctionChoice
{
    /// <summary>By name; who sits at a terminal may choose when there is none of that name.</summary>
    /// <returns>Null when there is none; the user has then been told which there are.</returns>
    public static FunctionVersion? Choose(string? name, SiteReading reading)
    {
        var functions = reading.Site.Functions;
        if (functions.FirstOrDefault(function => function.Name == name) is { } found)
        {
            return found;
        }

        if (functions.Count == 0)
        {
            FunctionsCommand.Fail($"No functions found in {reading.FunctionsDirectory}.");
            return null;
        }

        var problem = name is null ? "Which function?" : $"There is no function {name} in {reading.FunctionsDirectory}.";
        if (FunctionsCommand.CanAsk)
        {
            var prompt = new SelectionPrompt<string>().Title(Markup.Escape(problem)).AddChoices(functions.Select(function => function.Name));
            var chosen = AnsiConsole.Prompt(prompt);
            return functions.First(function => function.Name == chosen);
        }

        var near = name is null ? null : NearestName.Of(name, functions.Select(function => function.Name));
        FunctionsCommand.Fail(near is null ? problem : $"{problem} Did you mean {near}?");
        FunctionsCommand.Say($"There are: {string.Join(", ", functions.Select(function => function.Name))}");
        return null;
    }
}
