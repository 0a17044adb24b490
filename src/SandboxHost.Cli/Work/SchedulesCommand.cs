using System.CommandLine;
using SandboxHost.Protocol.Control.V1;
using Spectre.Console;

namespace SandboxHost.Cli.Work;

/// <summary>`sandboxhost schedules …`: the schedules of a running host.</summary>
internal static class SchedulesCommand
{
    private static readonly Option<DirectoryInfo> Folder = HostCommand.Folder();

    private static readonly Option<bool> Json = HostCommand.Json();

    private static readonly Option<string?> Site = new("--site") { HelpName = "NAME", Description = "Only of this site; for `run`, the main site by default." };

    private static readonly Argument<string> Function = new("FUNCTION") { Description = "The function's name." };

    public static Command Create()
    {
        var list = new Command("list", "Lists schedules with their last and next tick.") { Folder, Site, Json };
        list.SetAction((arguments, token) => HostCommand.AskAsync(arguments.GetValue(Folder)!, async channel =>
        {
            var request = new ListSchedulesRequest { Site = arguments.GetValue(Site) ?? "" };
            Print(await new SchedulesService.SchedulesServiceClient(channel).ListSchedulesAsync(request, cancellationToken: token), arguments.GetValue(Json));
        }));

        var run = new Command("run", "Runs a scheduled function now, as at a tick.") { Function, Folder, Site };
        run.SetAction((arguments, token) => HostCommand.AskAsync(arguments.GetValue(Folder)!, async channel =>
        {
            var request = new FunctionName { Function = arguments.GetValue(Function), Site = arguments.GetValue(Site) ?? "" };
            var made = await new SchedulesService.SchedulesServiceClient(channel).RunScheduleAsync(request, cancellationToken: token);
            Console.WriteLine($"Run {made.Id} of {made.Function} is {made.State}; `sandboxhost runs show {made.Id}` says how it ends.");
        }));
        return new Command("schedules", "Shows and runs schedules.") { list, run };
    }

    private static void Print(ListSchedulesResponse response, bool asJson)
    {
        if (asJson)
        {
            HostCommand.PrintJson(response.Schedules.Select(schedule => new
            {
                schedule.Site,
                schedule.Function,
                schedule.Cron,
                nextAt = HostCommand.TimeOf(schedule.NextAt),
                lastAt = HostCommand.TimeOf(schedule.LastAt),
                schedule.Ticks,
                lastState = schedule.LastState.Length > 0 ? schedule.LastState : null,
            }));
            return;
        }

        if (response.Schedules.Count == 0)
        {
            Console.WriteLine("No scheduled functions.");
            return;
        }

        var table = new Table().Border(TableBorder.Rounded).AddColumns("Function", "Site", "Cron (UTC)", "Next", "Last", "Last run");
        foreach (var schedule in response.Schedules)
        {
            table.AddRow(
                new Text(schedule.Function),
                new Text(schedule.Site),
                new Text(schedule.Cron),
                new Text(schedule.Ticks ? HostCommand.Show(HostCommand.TimeOf(schedule.NextAt)) : "does not tick: start with --schedules"),
                new Text(HostCommand.Show(HostCommand.TimeOf(schedule.LastAt))),
                new Text(schedule.LastState.Length > 0 ? schedule.LastState : "–"));
        }

        HostCommand.Print(table);
    }
}
