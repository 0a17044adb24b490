using System.Collections.Concurrent;
using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using CliWrap;
using Microsoft.Extensions.Logging;
using SandboxHost.Isolation.Cgroups;
using SandboxHost.Isolation.Egress;
using SandboxHost.Isolation.Output;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Linux;

/// <summary>
/// Starts workers under bubblewrap. One launch: (1) a uid, (2) directories, (3) cgroups with their limits, (4) the plan,
/// (5) the launcher program, which gets the plan over its standard input and becomes bubblewrap.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed partial class LinuxSandboxLauncher : ISandboxLauncher, IAsyncDisposable
{
    private readonly IsolationOptions _options;
    private readonly HostInstance _instance;
    private readonly LaunchThread _thread = new();
    private readonly EgressSites _egressSites;
    private readonly OwnAddresses _ownAddresses;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ConcurrentDictionary<string, LinuxSandbox> _sandboxes = new();
    private readonly Func<SandboxParts, int, EgressDoor>? _openEgress;
    private bool _disposed;

    private LinuxSandboxLauncher(
        IsolationOptions options, HostCapabilities capabilities, HostInstance instance, TimeProvider time, ILogger logger)
    {
        _options = options;
        _instance = instance;
        _time = time;
        _logger = logger;
        _egressSites = new EgressSites(options.Egress.Limits, new HostResolver(options.Egress.LookUp), time);
        _ownAddresses = new OwnAddresses(time, options.Egress.FurtherHostAddresses);
        _openEgress = capabilities.CanOpenEgress ? OpenEgress : null;
        Capabilities = capabilities;
    }

    /// <summary>What was found when this was made.</summary>
    public HostCapabilities Capabilities { get; }

    /// <summary>A directory of this instance for the socket that workers dial; it goes with the instance.</summary>
    public string LinkDirectory => _instance.Directories.Link;

    /// <summary>
    /// Looks at the host, claims a place on it and sweeps what dead hosts left. One per process is the rule.
    /// </summary>
    /// <exception cref="SandboxException">The host cannot isolate; the message has every reason.</exception>
    public static async Task<LinuxSandboxLauncher> CreateAsync(
        IsolationOptions options, TimeProvider time, ILogger<LinuxSandboxLauncher> logger, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentNullException.ThrowIfNull(logger);
        options.ThrowIfInvalid();
        var capabilities = await HostCapabilities.ProbeAsync(options, time, cancellationToken);
        capabilities.ThrowIfUnable();
        foreach (var row in capabilities.Report.Rows.Where(row => row.Status == DoctorStatus.Weaker))
        {
            logger.CapabilityWeak(row.Name, row.Status, row.Consequence);
        }

        var instance = await HostInstance.ClaimAsync(options, new CgroupFiles(), time, logger, cancellationToken);
        return new LinuxSandboxLauncher(options, capabilities, instance, time, logger);
    }

    public async ValueTask<ISandbox> LaunchAsync(SandboxSpec spec, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(spec);
        cancellationToken.ThrowIfCancellationRequested();
        var sandbox = await StartAsync(spec);
        try
        {
            await sandbox.GatherAsync();
            return sandbox;
        }
        catch
        {
            // Whatever it was, also that no thread could be had: nobody else would end it.
            await sandbox.DisposeAsync();
            throw;
        }
    }

    private async Task<LinuxSandbox> StartAsync(SandboxSpec spec)
    {
        if (!LegalName().IsMatch(spec.Name))
        {
            throw new SandboxException($"launch: '{spec.Name}' is no name for a sandbox: 1 to 64 of a-z, 0-9 and -");
        }

        if (DescriptorReserve.IsReached)
        {
            throw new SandboxException($"launch: {spec.Name}: no descriptor is left for a worker (ulimit -n)");
        }

        var uid = _instance.Uids?.Take();
        var directories = _instance.Directories;
        Cgroup? group = null;
        OutputLines? output = null;
        var madeDirectory = false;
        try
        {
            madeDirectory = MakeDirectories(spec.Name);
            group = _instance.Groups.CreateGroup(spec.Name, spec.Limits, isPatient: spec.Patience > TimeSpan.Zero);
            var plan = SandboxPlanner.Plan(spec, Capabilities, Place(spec.Name, uid, group.JoinFiles));
            output = new OutputLines(spec.Name, spec.Output, _time, _logger);
            var process = await _thread.StartAsync(CommandFor(plan, output));

            // No await and nothing that throws from here on: the process runs, and the sandbox owns it.
            var parts = new SandboxParts(spec, directories, group, uid ?? LibC.EffectiveUserId, _instance.Uids, output);
            var sandbox = new LinuxSandbox(parts, process, _openEgress, gone => _sandboxes.TryRemove(spec.Name, out _), _time, _logger);
            _sandboxes[spec.Name] = sandbox;
            _logger.SandboxStarted(spec.Name, sandbox.ProcessId, sandbox.Uid);
            return sandbox;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            output?.Dispose();
            await UndoAsync(spec.Name, uid, group, madeDirectory);
            throw e is SandboxException ? e : new SandboxException($"launch: {spec.Name}: {e.Message}", e);
        }
    }

    /// <summary>Ends every sandbox and removes everything of this instance.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, true))
        {
            return;
        }

        await Task.WhenAll(_sandboxes.Values.Select(sandbox => sandbox.DisposeAsync().AsTask()));
        _egressSites.Dispose();
        _thread.Dispose();
        try
        {
            await _instance.DisposeAsync();
        }
        catch (Exception e) when (e is SandboxException or IOException or UnauthorizedAccessException)
        {
            // The host is ending; whoever starts next finds it by its lock being free.
            _logger.InstanceLeftBehind(_instance.Directories.Instance, e);
        }
    }

    [GeneratedRegex("^[a-z0-9-]{1,64}$", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex LegalName();

    private bool MakeDirectories(string name)
    {
        var directory = _instance.Directories.SandboxDirectory(name);
        if (Directory.Exists(directory))
        {
            throw new SandboxException($"launch: there is a sandbox called {name} already");
        }

        FileModes.MakeDirectory(directory, FileModes.DirectoryOfOwner);

        // Readable by all, behind a directory that only the host passes: the worker gets to it by its mount.
        FileModes.MakeDirectory(_instance.Directories.FunctionDirectory(name), FileModes.DirectoryReadableByAll);
        return true;
    }

    private SandboxPlacement Place(string name, uint? uid, IReadOnlyList<string> joinFiles) => new()
    {
        HostProcessId = Environment.ProcessId,
        Uid = uid,
        JoinFiles = joinFiles,
        FunctionDirectory = _instance.Directories.FunctionDirectory(name),
        ReportPath = _instance.Directories.ReportPath(name),
        SeccompPath = _instance.Directories.SeccompPath,
        EtcDirectory = _instance.Directories.Etc,
        EmptyDirectory = _instance.Directories.Empty,
        StageDirectory = uid is null ? null : _instance.Directories.Stage,
        OutOfMemoryScore = _options.OutOfMemoryScore,
    };

    private Command CommandFor(SandboxPlan plan, OutputLines output) => Cli.Wrap(_options.LauncherPath)
        .WithWorkingDirectory("/")
        .WithStandardInputPipe(PipeSource.FromBytes(plan.ToBytes()))
        .WithStandardOutputPipe(output.NewTarget())
        .WithStandardErrorPipe(output.NewTarget())
        .WithValidation(CommandResultValidation.None);

    private async Task UndoAsync(string name, uint? uid, Cgroup? group, bool madeDirectory)
    {
        try
        {
            if (group is not null)
            {
                await group.RemoveAsync(_time, CancellationToken.None);
            }

            if (madeDirectory)
            {
                HostDirectories.Remove(_instance.Directories.SandboxDirectory(name));
            }
        }
        catch (Exception e) when (e is SandboxException or IOException or UnauthorizedAccessException)
        {
            // Without descriptors even this fails. Why there is no sandbox is what the caller must hear of.
            _logger.LaunchNotUndone(name, e);
        }

        // Nothing ever ran under it.
        if (uid is { } taken)
        {
            _instance.Uids?.GiveBack(taken);
        }
    }

    private EgressDoor OpenEgress(SandboxParts parts, int workerProcessId) => EgressDoor.Open(
        workerProcessId,
        new EgressContext(parts.Spec.Name, _egressSites, _ownAddresses, _time, _logger) { TellAsync = parts.Output.SayAsync },
        _options.Egress);
}
