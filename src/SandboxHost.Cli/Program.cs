using System.CommandLine;
using SandboxHost.Cli;

var root = new RootCommand("Runs sites' serverless functions, each in its own sandboxed process.")
{
    DevCommand.Create(),
    DoctorCommand.Create(),
};
return await root.Parse(args).InvokeAsync();
