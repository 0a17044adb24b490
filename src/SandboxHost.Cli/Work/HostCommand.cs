using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Grpc.Core;
using Grpc.Net.Client;
using SandboxHost.Cli.Functions;
using SandboxHost.Control;
using Spectre.Console;

namespace SandboxHost.Cli.Work;

/// <summary>What the commands have in common that ask a running host.</summary>
internal static class HostCommand
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    public static Option<DirectoryInfo> Folder() => new("--cwd")
    {
        HelpName = "DIR",
        Description = "The folder that the host was started with.",
        DefaultValueFactory = _ => new DirectoryInfo("."),
    };

    public static Option<bool> Json() => new("--json") { Description = "For programs." };

    /// <summary>Asks the host of a folder; tells the user why it can't, or what the host refused.</summary>
    public static Task<int> AskAsync(DirectoryInfo folder, Func<GrpcChannel, Task> ask) => AskAsync(folder, "sandboxhost dev", ask);

    /// <param name="start">The command that starts such a host.</param>
    public static async Task<int> AskAsync(DirectoryInfo folder, string start, Func<GrpcChannel, Task> ask)
    {
        ArgumentNullException.ThrowIfNull(ask);
        using var channel = ControlChannel.Open(folder.FullName);
        if (channel is null)
        {
            return FunctionsCommand.Fail($"No host serves {folder.FullName}. Start one with `{start}`.");
        }

        try
        {
            await ask(channel);
            return 0;
        }
        catch (RpcException ex)
        {
            return FunctionsCommand.Fail(ex.Status.Detail);
        }
    }

    public static void PrintJson(object value) => Console.WriteLine(JsonSerializer.Serialize(value, Indented));

    public static void Print(Table table)
    {
        if (Console.IsOutputRedirected)
        {
            AnsiConsole.Profile.Width = 1000;
        }

        AnsiConsole.Write(table);
    }

    /// <summary>A time of the control API: milliseconds since 1970, 0 for none.</summary>
    public static DateTimeOffset? TimeOf(long milliseconds) => milliseconds == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);

    public static string Show(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture) ?? "–";
}
