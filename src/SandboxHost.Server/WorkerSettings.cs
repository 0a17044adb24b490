using System.Net;
using SandboxHost.Isolation;
using SandboxHost.Sandboxes;
using SandboxHost.Supervisor;

namespace SandboxHost.Server;

/// <summary>From what a host was asked to do to the settings of those who start its workers.</summary>
public static class WorkerSettings
{
    public static IsolationOptions IsolationOptionsFor(HostFiles files, string? userRuntimeDirectory)
    {
        ArgumentNullException.ThrowIfNull(files);
        return new IsolationOptions { LauncherPath = files.Launcher, UserRuntimeDirectory = userRuntimeDirectory };
    }

    // The egress proxy's own port is taken inside of sandboxes; a host that listens there is not reached by its functions.
    public static SiteServer SiteServerFor(ListenOptions listen, IReadOnlyList<string> hostNames) => new()
    {
        Address = listen.Address switch
        {
            var any when any.Equals(IPAddress.Any) => IPAddress.Loopback,
            var any when any.Equals(IPAddress.IPv6Any) => IPAddress.IPv6Loopback,
            var one => one,
        },
        Ports =
        [
            .. new[] { listen.Port, listen.Http2Port, listen.TlsPort }
                .OfType<int>().Where(port => port != new Uri(SandboxLayout.EgressProxy).Port),
        ],
        HostNames = hostNames,
    };

    public static SupervisorOptions SupervisorOptionsFor(HostOptions options, string linkDirectory, bool confined)
    {
        var hostDirectory = confined ? SandboxLayout.HostDirectory : linkDirectory;
        var inspect = options.InspectPort is not null;
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["SANDBOXHOST_SOCKET"] = SandboxLayout.LinkAddressFor(hostDirectory),
        };
        if (inspect)
        {
            environment["SANDBOXHOST_INSPECTOR_SOCKET"] = Path.Combine(hostDirectory, SandboxLayout.InspectorSocketName);
        }

        if (confined)
        {
            environment["HTTP_PROXY"] = environment["HTTPS_PROXY"] = SandboxLayout.EgressProxy;
            // Node takes the second for every name below the first.
            environment["NO_PROXY"] = "localhost,.localhost,127.0.0.1,::1";
        }

        var defaults = new SupervisorOptions
        {
            LinkDirectory = linkDirectory,
            Runtimes = [NodeRuntime.Create(options.Files, confined ? SandboxLayout.RunnerDirectory : options.Files.NodeRunner, inspect)],
            WorkerEnvironment = environment,
            Placeholders = options.Placeholders,
            MaxPlaceholders = options.MaxPlaceholders ?? options.Placeholders * 4,
            MaxWorkers = options.MaxWorkers ?? HostCapacity.OfThisMachine().MaxWorkers,
            PlaceholderMemoryBytes = options.Limits.MemoryBytes,
        };
        if (inspect)
        {
            // Whoever looks at a function has time: it may stand still while it loads, and as long as anybody likes.
            return defaults with { Inspect = true, LoadTimeout = TimeSpan.FromDays(1), FreezeAfter = TimeSpan.MaxValue, KeepAlive = TimeSpan.MaxValue };
        }

        return defaults with
        {
            FreezeAfter = options.FreezeAfter ?? defaults.FreezeAfter,
            KeepAlive = options.KeepAlive ?? defaults.KeepAlive,
        };
    }
}
