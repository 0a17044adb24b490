using System.Runtime.Versioning;
using Microsoft.Extensions.Logging;
using SandboxHost.Isolation.Output;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Windows;

/// <summary>
/// Starts workers in job objects: memory, processor time, processes and the user interface are limited by Windows, and a
/// worker ends with the host. Not isolated: files, registry, network and other processes of the host's user, whose rights a
/// worker has.
/// </summary>
/// <remarks>
/// One launch: (1) a directory, (2) a job with its limits, (3) a process that does not run yet, (4) into the job, (5) it runs.
/// Neither a restricted token nor an AppContainer: each needs access rights on Node's and the site's files that somebody has
/// to give and take back. It has been compiled and its limits tested, on Linux; it has never been run.
/// </remarks>
[SupportedOSPlatform("windows")]
public sealed class JobObjectLauncher : ISandboxLauncher
{
    private readonly TimeProvider _time;
    private readonly ILogger<JobObjectLauncher> _logger;

    public JobObjectLauncher(TimeProvider time, ILogger<JobObjectLauncher> logger)
    {
        _time = time;
        _logger = logger;
        logger.JobObjectsOnly();
    }

    public ValueTask<ISandbox> LaunchAsync(SandboxSpec spec, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(spec);
        cancellationToken.ThrowIfCancellationRequested();
        var directory = Directory.CreateTempSubdirectory("sandboxhost-job-");
        JobObject? job = null;
        SuspendedProcess? process = null;
        OutputLines? output = null;
        try
        {
            var function = directory.CreateSubdirectory("function").FullName;
            job = new JobObject(spec.Limits);
            process = SuspendedProcess.Create(
                spec.Runtime.Executable,
                CommandLine.Of(spec.Runtime.Executable, OutsidePaths.ArgumentsOf(spec, function)),
                CommandLine.EnvironmentOf(EnvironmentOf(spec, function, directory.CreateSubdirectory("tmp").FullName)),
                function);
            job.Assign(process.Process.DangerousGetHandle());
            output = new OutputLines(spec.Name, spec.Output, _time, _logger);
            process.Resume();

            // Nothing that throws from here on: the process runs, and the sandbox owns it.
            _logger.SandboxStarted(spec.Name, process.Id, UnconfinedSandbox.OwnUid);
            return ValueTask.FromResult<ISandbox>(new JobObjectSandbox(new JobParts(spec, directory, job, process, output), _time, _logger));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            if (process is not null)
            {
                // It may not be in the job yet, which would have taken it along.
                _ = Kernel32.TerminateProcess(process.Process.DangerousGetHandle(), 1);
                process.Dispose();
            }

            job?.Dispose();
            output?.Dispose();
            directory.Delete(recursive: true);
            throw e is SandboxException ? e : new SandboxException($"launch: {spec.Runtime.Executable}: {e.Message}", e);
        }
    }

    // Without the first neither sockets nor random numbers work.
    private static Dictionary<string, string> EnvironmentOf(SandboxSpec spec, string function, string tmp) => new(OutsidePaths.EnvironmentOf(spec, function))
    {
        ["SystemRoot"] = Environment.GetFolderPath(Environment.SpecialFolder.Windows),
        ["TEMP"] = tmp,
        ["TMP"] = tmp,
    };
}
