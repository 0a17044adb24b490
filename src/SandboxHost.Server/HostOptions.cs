using System.Net;
using System.Net.Sockets;
using SandboxHost.Deployments;
using SandboxHost.Isolation;

namespace SandboxHost.Server;

/// <summary>How workers are isolated.</summary>
public enum IsolationMode
{
    /// <summary>bubblewrap, seccomp, cgroups: the default.</summary>
    Bubblewrap,

    /// <summary>Not at all. For machines that can't, and for code that is trusted.</summary>
    None,

    /// <summary>Windows' own limits, and nothing else: the default there. Files and network are not isolated.</summary>
    JobObject,
}

/// <summary>What every host was asked to do, wherever its sites come from.</summary>
public abstract record HostOptions
{
    public required HostFiles Files { get; init; }

    public ListenOptions Listen { get; init; } = new();

    public FunctionLimits Limits { get; init; } = FunctionLimits.Default;

    /// <summary>The ways out of sandboxes. What sites find inside is the host's own to say.</summary>
    public EgressOptions Egress { get; init; } = new();

    public IsolationMode Isolation { get; init; } = DefaultIsolation;

    public static IsolationMode DefaultIsolation => OperatingSystem.IsWindows() ? IsolationMode.JobObject : IsolationMode.Bubblewrap;

    public int Placeholders { get; init; } = 2;

    /// <summary>While cold starts come in bursts: see <see cref="Supervisor.SupervisorOptions.MaxPlaceholders"/>. Null: four times as many as else.</summary>
    public int? MaxPlaceholders { get; init; }

    /// <summary>Workers that live at a time, of all sites. Null: as many as this machine has memory and descriptors for (<see cref="HostCapacity"/>).</summary>
    public int? MaxWorkers { get; init; }

    public TimeSpan? FreezeAfter { get; init; }

    public TimeSpan? KeepAlive { get; init; }

    /// <summary>Runs and schedules. Schedules of deploys that are not published tick only if this says so.</summary>
    public BackgroundOptions Background { get; init; } = new();

    /// <summary>Port at which debuggers reach the functions; 0 picks one, null: none. With one, nothing has a time limit.</summary>
    public int? InspectPort { get; init; }

    /// <summary>Every request of a function is told of (<see cref="RequestLog"/>). Default false.</summary>
    public bool LogRequests { get; init; }

    /// <summary>XDG_RUNTIME_DIR, for hosts that are not root.</summary>
    public string? UserRuntimeDirectory { get; init; }

    /// <summary>
    /// The same with every port that was left open picked: sites are told their address, and sandboxes get its ports, before
    /// anything listens.
    /// </summary>
    internal ListenOptions ListenWithPorts()
    {
        // All are held until all are known, so that none is picked twice.
        var held = new List<TcpListener>();
        int? Pick(int? port)
        {
            if (port != 0)
            {
                return port;
            }

            var listener = new TcpListener(Listen.Address, 0);
            held.Add(listener);
            listener.Start();
            return ((IPEndPoint)listener.LocalEndpoint).Port;
        }

        try
        {
            return Listen with { Port = Pick(Listen.Port)!.Value, Http2Port = Pick(Listen.Http2Port), TlsPort = Pick(Listen.TlsPort) };
        }
        finally
        {
            held.ForEach(listener => listener.Dispose());
        }
    }
}
