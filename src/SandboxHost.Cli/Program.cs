using System.CommandLine;
using SandboxHost.Cli;

var root = new RootCommand("Runs sites' serverless functions, each in its own sandboxed process.")
{
    DevCommand.Create(),
    DoctorCommand.Create(),
};

// SIGINT and SIGTERM cancel the command's token. Stopping lets requests and workers finish, so it gets its time.
var configuration = new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(30) };
return await root.Parse(args).InvokeAsync(configuration);
