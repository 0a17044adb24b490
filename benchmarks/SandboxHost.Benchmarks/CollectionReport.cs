using System.Text.Json;
using Microsoft.Diagnostics.Tracing;
using Microsoft.Diagnostics.Tracing.Analysis;

namespace SandboxHost.Benchmarks;

/// <summary>How long a host stood still to collect garbage, from what its runtime wrote down (EventPipe).</summary>
internal static class CollectionReport
{
    public const string Command = "gc";

    /// <summary>Prints the pauses as one line of JSON, milliseconds each.</summary>
    public static void Print(string trace)
    {
        using var source = new EventPipeEventSource(trace);
        source.NeedLoadedDotNetRuntimes();
        source.Process();
        var pauses = source.Processes().Select(process => process.LoadedDotNetRuntime()).Where(runtime => runtime is not null)
            .SelectMany(runtime => runtime.GC.GCs).Select(collection => new { generation = collection.Generation, ms = collection.PauseDurationMSec });
        Console.WriteLine(JsonSerializer.Serialize(new { seconds = source.SessionDuration.TotalSeconds, pauses }));
    }
}
