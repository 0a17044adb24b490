using System.CommandLine;
using SandboxHost.Protocol.Control.V1;
using Spectre.Console;

namespace SandboxHost.Cli.Work;

/// <summary>`sandboxhost runs …`: background calls, ticks and events of a running host.</summary>
internal static class RunsCommand
{
    private static readonly Option<DirectoryInfo> Folder = HostCommand.Folder();

    private static readonly Option<bool> Json = HostCommand.Json();

    private static readonly Option<string?> Site = new("--site") { HelpName = "NAME", Description = "Only of this site." };

    private static readonly Option<string?> Function = new("--function") { HelpName = "NAME", Description = "Only of this function." };

    private static readonly Option<string?> State = new("--state") { HelpName = "STATE", Description = "Only waiting, running, succeeded, dead, skipped or failed ones." };

    private static readonly Option<string?> Kind = new("--kind") { HelpName = "KIND", Description = "Only background, scheduled or event ones." };

    private static readonly Option<int> Limit = new("--limit", "-n") { Description = "As many, 1 to 1000.", DefaultValueFactory = _ => 50 };

    private static readonly Option<string?> Before = new("--before") { HelpName = "ID", Description = "Only older ones than this: the last of the page before." };

    private static readonly Argument<string> Id = new("ID") { Description = "The run's id, which is the request id of its attempts." };

    public static Command Create()
    {
        var list = new Command("list", "Lists runs, newest first.") { Folder, Site, Function, State, Kind, Limit, Before, Json };
        list.SetAction((arguments, token) => HostCommand.AskAsync(arguments.GetValue(Folder)!, async channel =>
            PrintList(await new RunsService.RunsServiceClient(channel).ListRunsAsync(RequestOf(arguments), cancellationToken: token), arguments.GetValue(Json))));

        var show = new Command("show", "Shows a run with its attempts.") { Id, Folder, Json };
        show.SetAction((arguments, token) => HostCommand.AskAsync(arguments.GetValue(Folder)!, async channel =>
            PrintDetails(await new RunsService.RunsServiceClient(channel).GetRunAsync(IdOf(arguments), cancellationToken: token), arguments.GetValue(Json))));

        var redrive = new Command("redrive", "Gives a dead run all its attempts again.") { Id, Folder };
        redrive.SetAction((arguments, token) => HostCommand.AskAsync(arguments.GetValue(Folder)!, async channel =>
        {
            var run = await new RunsService.RunsServiceClient(channel).RedriveRunAsync(IdOf(arguments), cancellationToken: token);
            Console.WriteLine($"Run {run.Id} of {run.Function} is {run.State}.");
        }));

        var purge = new Command("purge", "Removes the record of a run that has ended.") { Id, Folder };
        purge.SetAction((arguments, token) => HostCommand.AskAsync(arguments.GetValue(Folder)!, async channel =>
        {
            await new RunsService.RunsServiceClient(channel).PurgeRunAsync(IdOf(arguments), cancellationToken: token);
            Console.WriteLine($"Run {arguments.GetValue(Id)} is removed.");
        }));
        return new Command("runs", "Shows and repeats background calls, ticks and events.") { list, show, redrive, purge };
    }

    private static RunId IdOf(ParseResult arguments) => new() { Id = arguments.GetValue(Id) };

    private static ListRunsRequest RequestOf(ParseResult arguments) => new()
    {
        Site = arguments.GetValue(Site) ?? "",
        Function = arguments.GetValue(Function) ?? "",
        State = arguments.GetValue(State) ?? "",
        Kind = arguments.GetValue(Kind) ?? "",
        Before = arguments.GetValue(Before) ?? "",
        Limit = arguments.GetValue(Limit),
    };

    private static void PrintList(ListRunsResponse response, bool asJson)
    {
        if (asJson)
        {
            HostCommand.PrintJson(response.Runs.Select(JsonOf));
            return;
        }

        if (response.Runs.Count == 0)
        {
            Console.WriteLine("No runs.");
            return;
        }

        var table = new Table().Border(TableBorder.Rounded).AddColumns("Id", "Function", "Kind", "State", "Made", "Attempt", "Error");
        foreach (var run in response.Runs)
        {
            table.AddRow(
                new Text(run.Id),
                new Text(run.Function),
                new Text(run.Kind),
                new Text(run.State, Style.Parse(run.State == "dead" ? "red" : "default")),
                new Text(HostCommand.Show(HostCommand.TimeOf(run.CreatedAt))),
                new Text($"{run.Attempt}"),
                new Text(run.Error));
        }

        HostCommand.Print(table);
    }

    private static void PrintDetails(RunDetails details, bool asJson)
    {
        if (asJson)
        {
            HostCommand.PrintJson(new { run = JsonOf(details.Run), attempts = details.Attempts.Select(JsonOf) });
            return;
        }

        var run = details.Run;
        Console.WriteLine($"{run.Id}  {run.Kind} run of {run.Function} in {run.Site}: {run.State}");
        Console.WriteLine($"made {HostCommand.Show(HostCommand.TimeOf(run.CreatedAt))}, due {HostCommand.Show(HostCommand.TimeOf(run.DueAt))}");
        if (run.Error.Length > 0)
        {
            Console.WriteLine($"last error: {run.Error}: {run.ErrorMessage}");
        }

        var table = new Table().Border(TableBorder.Rounded).AddColumns("Attempt", "Started", "Ended", "Outcome", "Message");
        foreach (var attempt in details.Attempts)
        {
            table.AddRow(
                new Text($"{attempt.Attempt}"),
                new Text(HostCommand.Show(HostCommand.TimeOf(attempt.StartedAt))),
                new Text(HostCommand.Show(HostCommand.TimeOf(attempt.EndedAt))),
                new Text(attempt.Outcome.Length > 0 ? attempt.Outcome : "running"),
                new Text(attempt.Message));
        }

        HostCommand.Print(table);
    }

    private static object JsonOf(Run run) => new
    {
        run.Id,
        run.Kind,
        run.Site,
        run.Function,
        run.Deploy,
        run.State,
        createdAt = HostCommand.TimeOf(run.CreatedAt),
        dueAt = HostCommand.TimeOf(run.DueAt),
        startedAt = HostCommand.TimeOf(run.StartedAt),
        endedAt = HostCommand.TimeOf(run.EndedAt),
        run.Attempt,
        run.Failures,
        run.Interruptions,
        error = run.Error.Length > 0 ? run.Error : null,
        errorMessage = run.ErrorMessage.Length > 0 ? run.ErrorMessage : null,
    };

    private static object JsonOf(RunAttempt attempt) => new
    {
        attempt.Attempt,
        startedAt = HostCommand.TimeOf(attempt.StartedAt),
        endedAt = HostCommand.TimeOf(attempt.EndedAt),
        outcome = attempt.Outcome.Length > 0 ? attempt.Outcome : null,
        message = attempt.Message.Length > 0 ? attempt.Message : null,
    };
}
