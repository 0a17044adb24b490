using System.CommandLine;
using System.CommandLine.Invocation;
using SandboxHost.Cli;

var arguments = SandboxHostCommand.Parse(args);
if (arguments.Action is ParseErrorAction error)
{
    // A mistake in a long line is lost above a page of help. Who names no command wants the page.
    error.ShowHelp = arguments.CommandResult.Command.Subcommands.Count > 0;
}

// SIGINT and SIGTERM cancel the command's token. Stopping lets requests and workers finish, so it gets its time.
var configuration = new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(30) };
return await arguments.InvokeAsync(configuration);
