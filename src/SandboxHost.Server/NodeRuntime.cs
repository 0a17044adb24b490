using System.Globalization;
using SandboxHost.Sandboxes;

namespace SandboxHost.Server;

/// <summary>How Node is started in a sandbox.</summary>
public static class NodeRuntime
{
    private const string Script = "runner.cjs";

    /// <param name="runnerDirectory">The directory as the process sees it: inside the sandbox, or on the host without one.</param>
    /// <param name="inspect">Debuggers may come; Node then does not announce its inspector, whose address means nothing outside.</param>
    public static SandboxRuntime Create(HostFiles files, string runnerDirectory, bool inspect)
    {
        ArgumentNullException.ThrowIfNull(files);
        return new SandboxRuntime("node", files.Node, files.NodeRunner, limits =>
        [
            // Three quarters of the limit for the JavaScript heap: V8 then gives up by itself, with a report, before the
            // kernel kills the process without one. Node's own guess is wrong under cgroup v1.
            string.Create(CultureInfo.InvariantCulture, $"--max-old-space-size={limits.MemoryBytes * 3 / 4 / (1 << 20)}"),
            "--max-semi-space-size=16",
            "--disable-warning=ExperimentalWarning",
            .. inspect ? ["--inspect-publish-uid=http"] : Array.Empty<string>(),
            Path.Combine(runnerDirectory, Script),
        ]);
    }
}
