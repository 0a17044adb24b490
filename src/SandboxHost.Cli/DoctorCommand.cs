using System.CommandLine;
using System.Text.Json;
using SandboxHost.Isolation;
using SandboxHost.Server;
using Spectre.Console;

namespace SandboxHost.Cli;

/// <summary>`sandboxhost doctor`: what this machine can do for isolation, and what to install for more.</summary>
internal static class DoctorCommand
{
    private static readonly Option<bool> Json = new("--json") { Description = "For programs." };

    public static Command Create()
    {
        var command = new Command("doctor", "Shows what this machine can isolate, and what to install for more.") { Json };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var options = WorkerSettings.IsolationOptionsFor(Installation.Find() ?? HostFiles.InPackage("."), Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR"));
        var capabilities = await HostCapabilities.ProbeAsync(options, TimeProvider.System, cancellationToken);
        var report = capabilities.Report;
        if (arguments.GetValue(Json))
        {
            var rows = report.Rows.Select(row => new
            {
                name = row.Name,
                status = row.Status.ToString().ToLowerInvariant(),
                found = row.Found,
                consequence = row.Consequence,
                remedy = row.Remedy,
            });
            Console.WriteLine(JsonSerializer.Serialize(new { canIsolate = report.CanIsolate, rows }));
        }
        else
        {
            Print(report);
        }

        return report.CanIsolate ? 0 : 1;
    }

    private static void Print(DoctorReport report)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumns("", "What", "Found", "What follows");
        foreach (var row in report.Rows)
        {
            var (mark, color) = row.Status switch
            {
                DoctorStatus.Ok => ("✓", "green"),
                DoctorStatus.Weaker => ("!", "yellow"),
                _ => ("✗", "red"),
            };
            table.AddRow(
                new Markup($"[{color}]{mark}[/]"),
                new Text(row.Name),
                new Text(row.Found),
                new Text(row.Remedy.Length > 0 ? $"{row.Consequence}\n→ {row.Remedy}" : row.Consequence));
        }

        AnsiConsole.Write(table);
        AnsiConsole.WriteLine(report.CanIsolate
            ? "This machine can isolate functions."
            : "This machine can't isolate functions yet; the rows marked ✗ say what to do.");
    }
}
