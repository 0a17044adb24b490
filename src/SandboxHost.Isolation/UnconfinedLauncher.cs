using CliWrap;
using Microsoft.Extensions.Logging;
using SandboxHost.Isolation.Output;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation;

/// <summary>
/// Isolation "none": starts workers as plain processes, for a developer's machine, and only by name. Paths inside the
/// sandbox do not exist here; arguments that begin with one are given the host's path, and the environment says the rest.
/// </summary>
public sealed class UnconfinedLauncher : ISandboxLauncher
{
    /// <summary>Names of the variables that say where things are.</summary>
    public const string FunctionDirectoryVariable = "SANDBOXHOST_FUNCTION_DIR";
    public const string RunnerDirectoryVariable = "SANDBOXHOST_RUNNER_DIR";
    public const string HostDirectoryVariable = "SANDBOXHOST_HOST_DIR";

    private readonly TimeProvider _time;
    private readonly ILogger<UnconfinedLauncher> _logger;

    public UnconfinedLauncher(TimeProvider time, ILogger<UnconfinedLauncher> logger)
    {
        _time = time;
        _logger = logger;
        logger.Unconfined();
    }

    public ValueTask<ISandbox> LaunchAsync(SandboxSpec spec, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(spec);
        cancellationToken.ThrowIfCancellationRequested();
        var directory = Directory.CreateTempSubdirectory("sandboxhost-none-");
        var output = new OutputLines(spec.Name, spec.Output, _time, _logger);
        var kill = new CancellationTokenSource();
        try
        {
            var process = CommandFor(spec, directory.FullName)
                .WithStandardOutputPipe(output.NewTarget())
                .WithStandardErrorPipe(output.NewTarget())
                .ExecuteAsync(kill.Token, CancellationToken.None);
            _logger.SandboxStarted(spec.Name, process.ProcessId, UnconfinedSandbox.OwnUid);
            return ValueTask.FromResult<ISandbox>(new UnconfinedSandbox(spec, process, directory, output, kill, _logger));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            directory.Delete(recursive: true);
            output.Dispose();
            kill.Dispose();
            throw new SandboxException($"launch: {spec.Runtime.Executable}: {e.Message}", e);
        }
    }

    private static Command CommandFor(SandboxSpec spec, string functionDirectory) => Cli.Wrap(spec.Runtime.Executable)
        .WithArguments(OutsidePaths.ArgumentsOf(spec, functionDirectory))
        .WithEnvironmentVariables(OutsidePaths.EnvironmentOf(spec, functionDirectory)!)
        .WithWorkingDirectory(functionDirectory)
        .WithValidation(CommandResultValidation.None);
}
