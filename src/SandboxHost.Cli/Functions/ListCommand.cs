using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using SandboxHost.Deployments;
using SandboxHost.Routing;
using SandboxHost.Server;
using SandboxHost.Sites;
using Spectre.Console;

namespace SandboxHost.Cli.Functions;

/// <summary>`sandboxhost functions list`: what a site folder's functions are called and where they answer. Needs no running host.</summary>
internal static class ListCommand
{
    private static readonly Argument<DirectoryInfo> Folder = new("DIR")
    {
        Description = "The site's folder.",
        DefaultValueFactory = _ => new DirectoryInfo("."),
    };

    private static readonly Option<string?> Functions = FunctionsCommand.FunctionsDirectory();

    private static readonly Option<bool> Json = new("--json") { Description = "For programs: a list of {name, url, isDeployed, kind, paths, methods, schedule, error}." };

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Create()
    {
        var command = new Command("list", "Lists the functions of a site folder.") { Folder, Functions, Json };
        command.Aliases.Add("ls");
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        if (await FunctionsCommand.ReadSiteAsync(arguments.GetValue(Folder)!, arguments.GetValue(Functions), cancellationToken) is not { } reading)
        {
            return 1;
        }

        foreach (var warning in reading.Events.Where(siteEvent => siteEvent.Kind is SiteEventKind.Warning or SiteEventKind.Failed))
        {
            FunctionsCommand.Say(warning.Function.Length > 0 ? $"{warning.Function}: {warning.Text}" : warning.Text, "yellow");
        }

        if (arguments.GetValue(Json))
        {
            Console.WriteLine(JsonSerializer.Serialize(reading.Site.Functions.Select(Row), Indented));
        }
        else if (reading.Site.Functions.Count == 0)
        {
            FunctionsCommand.Say($"No functions found in {reading.FunctionsDirectory}");
        }
        else
        {
            Print(reading);
        }

        return 0;
    }

    /// <summary>Where a function answers: at its first path, or at its default URL when it has none.</summary>
    public static string UrlOf(FunctionVersion function) =>
        function.Routes.Count > 0 ? function.Routes[0].Pattern.Text : $"/.netlify/functions/{function.Name}";

    // The first three members are those of Netlify's own list. Nothing is deployed from here.
    private static object Row(FunctionVersion function) => new
    {
        name = function.Name,
        url = UrlOf(function),
        isDeployed = false,
        kind = KindOf(function),
        paths = function.Routes.Select(route => route.Pattern.Text),
        methods = function.Routes.SelectMany(route => route.Methods).Distinct(),
        schedule = function.Schedule,
        error = function.BuildError?.Thrown?.Message,
    };

    private static string KindOf(FunctionVersion function) => function.Kind.ToString().ToLowerInvariant();

    private static void Print(SiteReading reading)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumns("Name", "URL", "Kind", "Paths");
        foreach (var function in reading.Site.Functions)
        {
            var kind = function.Schedule is { } schedule ? $"{KindOf(function)} ({schedule})" : KindOf(function);
            table.AddRow(
                new Text(function.Name),
                new Text(UrlOf(function)),
                new Text(function.BuildError is null ? kind : "does not build", Style.Parse(function.BuildError is null ? "default" : "red")),
                new Text(string.Join('\n', function.Routes.Select(PathOf))));
        }

        if (Console.IsOutputRedirected)
        {
            AnsiConsole.Profile.Width = 1000;
        }

        AnsiConsole.Write(table);
    }

    private static string PathOf(FunctionRoute route) =>
        route.Methods.Count > 0 ? $"{string.Join(' ', route.Methods)} {route.Pattern.Text}" : route.Pattern.Text;
}
