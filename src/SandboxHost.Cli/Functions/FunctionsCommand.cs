using System.CommandLine;
using SandboxHost.Server;
using Spectre.Console;

namespace SandboxHost.Cli.Functions;

/// <summary>`sandboxhost functions …`: looks at, calls and makes the functions of a site folder.</summary>
internal static class FunctionsCommand
{
    public static Command Create() => new("functions", "Lists, calls and makes functions.")
    {
        ListCommand.Create(),
        InvokeCommand.Create(),
        CreateCommand.Create(),
    };

    public static Option<string?> FunctionsDirectory() => new("--functions", "-f")
    {
        HelpName = "DIR",
        Description = "Where functions lie, relative to the site's folder. Default: netlify/functions, or what the site's settings say.",
    };

    public static Option<DirectoryInfo> SiteFolder() => new("--cwd")
    {
        HelpName = "DIR",
        Description = "The site's folder.",
        DefaultValueFactory = _ => new DirectoryInfo("."),
    };

    /// <returns>Null when it can't be read; the user has then been told why.</returns>
    public static async Task<SiteReading?> ReadSiteAsync(DirectoryInfo folder, string? functionsDirectory, CancellationToken cancellationToken)
    {
        var files = Installation.Find();
        var mistakes = new List<string>(files is null ? [Installation.Missing] : files.Missing());
        if (!folder.Exists)
        {
            mistakes.Add($"{folder.FullName}: there is no such folder");
        }

        if (mistakes.Count > 0)
        {
            mistakes.ForEach(mistake => Fail(mistake));
            return null;
        }

        return await SiteReading.ReadAsync(files!, folder.FullName, functionsDirectory, cancellationToken);
    }

    /// <summary>Says on standard error what went wrong.</summary>
    /// <returns>The exit code: 1.</returns>
    public static int Fail(string text)
    {
        Say(text, "red");
        return 1;
    }

    /// <summary>Says something on standard error, so that standard output holds the result and nothing else.</summary>
    public static void Say(string text, string color = "default")
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        console.Profile.Width = 32_000;
        console.Write(new Text(text, color == "default" ? Style.Plain : Style.Parse(color)));
        console.WriteLine();
    }

    /// <summary>Somebody sits at the terminal and can be asked.</summary>
    public static bool CanAsk => AnsiConsole.Profile.Capabilities.Interactive && !Console.IsInputRedirected && !Console.IsOutputRedirected;
}
