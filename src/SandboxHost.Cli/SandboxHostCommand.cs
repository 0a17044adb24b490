using System.CommandLine;
using SandboxHost.Cli.Events;
using SandboxHost.Cli.Functions;
using SandboxHost.Cli.Serve;
using SandboxHost.Cli.Work;

namespace SandboxHost.Cli;

/// <summary>The whole command tree. docs/cli.md describes it; a test compares the two.</summary>
internal static class SandboxHostCommand
{
    /// <summary>Also takes the Netlify CLI's way to write subcommands, `functions:list`.</summary>
    public static ParseResult Parse(string[] arguments) => Create().Parse(
        arguments is [var first, .. var rest] && first.StartsWith("functions:", StringComparison.Ordinal) ? [.. first.Split(':', 2), .. rest] : arguments);

    public static RootCommand Create() => new("Runs sites' serverless functions, each in its own sandboxed process.")
    {
        DevCommand.Create(),
        ServeCommand.Create(),
        DeployCommand.Create(),
        SitesCommand.Create(),
        DeploysCommand.Create(),
        FunctionsCommand.Create(),
        EventsCommand.Create(),
        RunsCommand.Create(),
        SchedulesCommand.Create(),
        DoctorCommand.Create(),
    };
}
