using System.Diagnostics;

namespace SandboxHost.TestKit;

/// <summary>One run of a program to its end.</summary>
public sealed record CommandRun(int ExitCode, string Output, string Errors)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(40);

    /// <summary>`sandboxhost …`, without a terminal.</summary>
    public static Task<CommandRun> SandboxHostAsync(params string[] arguments)
    {
        var (program, all) = Repository.SandboxHost(arguments);
        return OfAsync(program, Repository.Root, all);
    }

    public static async Task<CommandRun> OfAsync(string program, string directory, params string[] arguments)
    {
        using var process = Start(program, directory, arguments);
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        try
        {
            await process.WaitForExitAsync().WaitAsync(Limit);
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        return new CommandRun(process.ExitCode, await output, await errors);
    }

    /// <summary>For what is to be seen while it runs.</summary>
    public static Process Start(string program, string directory, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return process;
    }
}
