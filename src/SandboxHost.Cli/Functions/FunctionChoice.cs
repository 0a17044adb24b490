using SandboxHost.Deployments;
using SandboxHost.Server;
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

        var near = name is null ? null : Nearest(name, functions.Select(function => function.Name));
        FunctionsCommand.Fail(near is null ? problem : $"{problem} Did you mean {near}?");
        FunctionsCommand.Say($"There are: {string.Join(", ", functions.Select(function => function.Name))}");
        return null;
    }

    /// <summary>The name that is fewest edits away; null when none is near.</summary>
    public static string? Nearest(string name, IEnumerable<string> known) => known
        .Select(candidate => (Name: candidate, Edits: EditsBetween(name.ToUpperInvariant(), candidate.ToUpperInvariant())))
        .Where(candidate => candidate.Edits <= Math.Max(2, candidate.Name.Length / 3))
        .OrderBy(candidate => candidate.Edits)
        .Select(candidate => candidate.Name)
        .FirstOrDefault();

    // Levenshtein's distance, one row at a time.
    private static int EditsBetween(string from, string to)
    {
        var row = Enumerable.Range(0, to.Length + 1).ToArray();
        for (var i = 1; i <= from.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= to.Length; j++)
            {
                var replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j - 1], row[j]) + 1);
            }
        }

        return row[^1];
    }
}
