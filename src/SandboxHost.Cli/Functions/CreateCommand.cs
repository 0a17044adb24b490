using System.CommandLine;
using SandboxHost.Routing;
using SandboxHost.Server;
using SandboxHost.Sites.Settings;
using Spectre.Console;

namespace SandboxHost.Cli.Functions;

/// <summary>`sandboxhost functions create`: a new function from a template, which runs on `sandboxhost dev` as it is.</summary>
internal static class CreateCommand
{
    private static readonly Argument<string?> Name = new("NAME") { Description = "What to call it: letters, digits, - and _.", Arity = ArgumentArity.ZeroOrOne };

    private static readonly Option<string?> NameOption = new("--name", "-n") { HelpName = "NAME", Description = "Its name, as an option." };

    private static readonly Option<string?> TemplateOption = new("--template", "-t") { HelpName = "TEMPLATE", Description = "What to begin with; --list shows all. Default: hello" };

    private static readonly Option<string?> LanguageOption = new("--language", "-l")
    {
        HelpName = "typescript|javascript",
        Description = "Default: TypeScript when the site has a tsconfig.json or a TypeScript function.",
    };

    private static readonly Option<bool> List = new("--list") { Description = "List the templates and make nothing." };

    private static readonly Option<string?> Url = new("--url", "-u") { HelpName = "no", Description = "Templates are never downloaded; taken for users of the Netlify CLI." };

    private static readonly Option<string?> Functions = FunctionsCommand.FunctionsDirectory();

    private static readonly Option<DirectoryInfo> Folder = FunctionsCommand.SiteFolder();

    public static Command Create()
    {
        var command = new Command("create", "Makes a new function from a template.")
        {
            Name, NameOption, TemplateOption, LanguageOption, List, Url, Functions, Folder,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        if (arguments.GetValue(List))
        {
            PrintTemplates();
            return 0;
        }

        if (arguments.GetValue(Url) is { } url && url != "no")
        {
            return FunctionsCommand.Fail($"--url {url}: templates are not downloaded. Copy the function's folder into your functions directory, or choose one of --list.");
        }

        var (argument, option) = (arguments.GetValue(Name), arguments.GetValue(NameOption));
        if (argument is not null && option is not null && argument != option)
        {
            return FunctionsCommand.Fail($"The function's name is given twice, as {argument} and as {option}: leave one out.");
        }

        if (TemplateFor(arguments.GetValue(TemplateOption)) is not { } template || NameFor(argument ?? option, template) is not { } name)
        {
            return 1;
        }

        if (await FunctionsCommand.ReadSiteAsync(arguments.GetValue(Folder)!, arguments.GetValue(Functions), cancellationToken) is not { } reading)
        {
            return 1;
        }

        var site = arguments.GetValue(Folder)!.FullName;
        if (LanguageFor(arguments.GetValue(LanguageOption), site, reading.FunctionsDirectory) is not { } language)
        {
            return 1;
        }

        return Write(name, template, language, site, reading);
    }

    private static int Write(string name, Template template, Language language, string site, SiteReading reading)
    {
        var directory = Path.Combine(reading.FunctionsDirectory, name);
        if (Directory.Exists(directory) || reading.Site.Functions.Any(function => function.Name == name))
        {
            return FunctionsCommand.Fail($"There is a function {name} in {reading.FunctionsDirectory} already; nothing was changed.");
        }

        var file = Path.Combine(directory, name + (language == Language.TypeScript ? ".mts" : ".mjs"));
        Directory.CreateDirectory(directory);
        File.WriteAllText(file, template.TextFor(language, name));
        Console.WriteLine($"Created {Path.GetRelativePath(site, file)}");
        if (language == Language.TypeScript)
        {
            TellOfTypes(site);
        }

        Console.WriteLine($"`sandboxhost dev` serves it; `sandboxhost functions invoke {name}` calls it.");
        return 0;
    }

    private static void TellOfTypes(string site)
    {
        switch (TypesDependency.Add(site))
        {
            case TypesDependency.Outcome.Added:
                Console.WriteLine($"Added {TypesDependency.Package} to devDependencies of package.json, for its types: run npm install");
                break;
            case TypesDependency.Outcome.NoPackageFile:
                Console.WriteLine($"For its types in your editor: npm install --save-dev {TypesDependency.Package}");
                break;
            case TypesDependency.Outcome.Unreadable:
                FunctionsCommand.Say($"package.json is no legal JSON, so {TypesDependency.Package} was not added to it.", "yellow");
                break;
            default:
                break;
        }
    }

    private static Template? TemplateFor(string? wanted)
    {
        if (wanted is null && FunctionsCommand.CanAsk)
        {
            return AnsiConsole.Prompt(new SelectionPrompt<Template>()
                .Title("What to begin with?")
                .UseConverter(template => $"{template.Name}: {Markup.Escape(template.Description)}")
                .AddChoices(Template.All));
        }

        var name = wanted ?? "hello";
        if (Template.All.FirstOrDefault(template => template.Name == name) is { } found)
        {
            return found;
        }

        var near = NearestName.Of(name, Template.All.Select(template => template.Name));
        FunctionsCommand.Fail($"There is no template {name}.{(near is null ? "" : $" Did you mean {near}?")}");
        FunctionsCommand.Say($"There are: {string.Join(", ", Template.All.Select(template => template.Name))}");
        return null;
    }

    private static string? NameFor(string? wanted, Template template)
    {
        if (wanted is null && FunctionsCommand.CanAsk)
        {
            wanted = AnsiConsole.Prompt(new TextPrompt<string>("Name of the function?").DefaultValue(template.Name));
        }

        if (wanted is null)
        {
            FunctionsCommand.Fail("Which name? sandboxhost functions create NAME");
            return null;
        }

        if (!FunctionName.IsLegal(wanted))
        {
            FunctionsCommand.Fail($"{wanted}: a function's name is made of letters, digits, - and _ only.");
            return null;
        }

        return wanted;
    }

    private static Language? LanguageFor(string? wanted, string site, string functionsDirectory)
    {
        switch (wanted?.ToUpperInvariant())
        {
            case "TYPESCRIPT" or "TS":
                return Language.TypeScript;
            case "JAVASCRIPT" or "JS":
                return Language.JavaScript;
            case null:
                return UsesTypeScript(site, functionsDirectory) ? Language.TypeScript : Language.JavaScript;
            default:
                FunctionsCommand.Fail($"--language {wanted}: expected typescript or javascript.");
                return null;
        }
    }

    private static bool UsesTypeScript(string site, string functionsDirectory) =>
        File.Exists(Path.Combine(site, "tsconfig.json"))
        || (Directory.Exists(functionsDirectory)
            && Directory.EnumerateFiles(functionsDirectory, "*.*ts", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 1 })
                .Any(file => Path.GetExtension(file) is ".ts" or ".mts" or ".cts"));

    private static void PrintTemplates()
    {
        var width = Template.All.Max(template => template.Name.Length);
        foreach (var template in Template.All)
        {
            Console.WriteLine($"{template.Name.PadRight(width)}  {template.Description}");
        }
    }
}
