using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;

namespace SandboxHost.Isolation;

/// <summary>A host in a process of its own (SandboxHost.Isolation.Tests.Host), with three workers, one of them frozen.</summary>
[SupportedOSPlatform("linux")]
internal sealed class TestHostProgram : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TestMachine.Seconds(20);
    private readonly Process _process;

    private TestHostProgram(Process process) => _process = process;

    public int ProcessId => _process.Id;

    /// <summary>Starts it and waits until its workers run.</summary>
    /// <param name="before">A command that starts the program in its place, with the program and its arguments behind it.</param>
    public static async Task<TestHostProgram> StartAsync(IReadOnlyList<string> before, string runtimeDirectory, uint uidBase, string directory)
    {
        string[] command =
        [
            .. before, TestPlaces.HostProgram, TestPlaces.Launcher, runtimeDirectory, uidBase.ToString(CultureInfo.InvariantCulture), TestPlaces.Node!, directory,
        ];
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        var program = new TestHostProgram(Process.Start(start)!);
        if (await program.ReadLineAsync() is not "ready")
        {
            var problem = await program._process.StandardError.ReadToEndAsync();
            await program.DisposeAsync();
            Assert.Fail($"the host did not start: {problem}");
        }

        return program;
    }

    /// <summary>Has it do something; gives the lines that it answers.</summary>
    public async Task<IReadOnlyList<string>> AskAsync(string command)
    {
        await _process.StandardInput.WriteLineAsync(command);
        var lines = new List<string>();
        while (await ReadLineAsync() is { } line and not "end")
        {
            lines.Add(line);
        }

        return lines;
    }

    /// <summary>Lets it end in order; gives its exit code and what it printed as errors.</summary>
    public async Task<(int Code, string Errors)> EndAsync()
    {
        _process.StandardInput.Close();
        var errors = await _process.StandardError.ReadToEndAsync().WaitAsync(Limit);
        await _process.WaitForExitAsync().WaitAsync(Limit);
        return (_process.ExitCode, errors);
    }

    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync().WaitAsync(Limit);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        _process.Dispose();
    }

    private async Task<string?> ReadLineAsync() => await _process.StandardOutput.ReadLineAsync().WaitAsync(Limit);
}
