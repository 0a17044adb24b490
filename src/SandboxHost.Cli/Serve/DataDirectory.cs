using System.CommandLine;
using Grpc.Net.Client;
using SandboxHost.Cli.Work;

namespace SandboxHost.Cli.Serve;

/// <summary>`--data`: which host is meant, by the directory in which it keeps its data.</summary>
internal static class DataDirectory
{
    private const string Variable = "SANDBOXHOST_DATA";

    public static readonly Option<DirectoryInfo?> Option = new("--data")
    {
        HelpName = "DIR",
        Description = $"Where the host keeps what it must not lose. Default: {Variable} of the environment.",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } directory ? new DirectoryInfo(directory) : null,
    };

    public static string Missing => $"--data DIR is missing: the host's data directory (or set {Variable}).";

    /// <summary>Asks the host that uses the directory; tells the user why it can't, or what the host refused.</summary>
    public static Task<int> AskAsync(ParseResult arguments, Func<GrpcChannel, Task> ask) =>
        arguments.GetValue(Option) is { } directory
            ? HostCommand.AskAsync(directory, "sandboxhost serve", ask)
            : Task.FromResult(Functions.FunctionsCommand.Fail(Missing));
}
