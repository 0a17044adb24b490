using System.Globalization;
using System.Text.RegularExpressions;

namespace SandboxHost.Chaos.Load;

/// <summary>A worker of a host, found from outside.</summary>
/// <param name="Name">The host's name for it.</param>
/// <param name="Uid">The uid of all of its processes, and of no others.</param>
internal sealed record HostWorker(string Name, string Function, long Uid);

/// <summary>The workers of one host, by what it says of them and by their uids.</summary>
internal sealed partial class HostWorkers(HostProcess host)
{
    /// <summary>Those that have a function and live.</summary>
    public IReadOnlyList<HostWorker> Serving()
    {
        var uids = new Dictionary<string, long>(StringComparer.Ordinal);
        var serving = new Dictionary<string, HostWorker>(StringComparer.Ordinal);
        foreach (var line in host.Output)
        {
            if (Started().Match(line) is { Success: true } started)
            {
                uids[started.Groups["name"].Value] = long.Parse(started.Groups["uid"].Value, CultureInfo.InvariantCulture);
            }
            else if (Ready().Match(line) is { Success: true } ready && uids.TryGetValue(ready.Groups["name"].Value, out var uid))
            {
                serving[ready.Groups["name"].Value] = new HostWorker(ready.Groups["name"].Value, ready.Groups["function"].Value, uid);
            }
            else if (Ended().Match(line) is { Success: true } ended)
            {
                serving.Remove(ended.Groups["name"].Value);
            }
        }

        return [.. serving.Values];
    }

    /// <summary>How many workers with a function have ended so far.</summary>
    public int EndedOf(string function) => host.Output.Count(line => Ended().Match(line) is { Success: true } match && match.Groups["function"].Value == function);

    /// <summary>How many workers were bound to the function so far.</summary>
    public int StartedOf(string function) => host.Output.Count(line => Ready().Match(line) is { Success: true } match && match.Groups["function"].Value == function);

    /// <summary>Its processes: bubblewrap's two and the runner, with whatever the function started. Empty when it is gone.</summary>
    public IReadOnlyList<int> ProcessesOf(HostWorker worker) => [.. Leftovers.WorkerProcesses(host.Instance).Where(id => UidOf(id) == worker.Uid)];

    /// <summary>The process that runs the function; null when it is gone.</summary>
    public int? RunnerOf(HostWorker worker) =>
        ProcessesOf(worker).Where(id => TextOf($"/proc/{id}/cmdline").Split('\0') is [var program, ..] && program.EndsWith("/node", StringComparison.Ordinal)).Select(id => (int?)id).FirstOrDefault();

    private static long UidOf(int processId) =>
        TextOf($"/proc/{processId}/status").Split('\n').FirstOrDefault(line => line.StartsWith("Uid:", StringComparison.Ordinal)) is { } line
            ? long.Parse(line.Split('\t')[1], CultureInfo.InvariantCulture)
            : -1;

    private static string TextOf(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception ex) when (ex is IOException or UnauthorizedAccessException)
        {
            // It ended while we looked.
            return "";
        }
    }

    [GeneratedRegex(@"Sandbox (?<name>\S+) started: process \d+, uid (?<uid>\d+)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Started();

    [GeneratedRegex(@"Worker (?<name>\S+) of (?<function>\S+) is ready after", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Ready();

    [GeneratedRegex(@"Worker (?<name>\S+) of (?<function>\S*) ended: ", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Ended();
}
