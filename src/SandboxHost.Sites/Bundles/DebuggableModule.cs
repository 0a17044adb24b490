using System.Text;
using System.Text.Json.Nodes;
using SandboxHost.Deployments;

namespace SandboxHost.Sites.Bundles;

/// <summary>
/// A bundle that a debugger understands wherever it runs. A debugger sees only what the inspector tells it, not the
/// sandbox's files: so the module says where it lies on the developer's disk (below the workspace, where editors trust
/// source maps) and carries its source map, which names the sources by absolute URLs and holds their text.
/// </summary>
public static class DebuggableModule
{
    private static readonly TimeSpan Unhurried = TimeSpan.FromDays(1);

    /// <param name="module">Absolute path at which the module is stored.</param>
    /// <param name="place">Absolute; the sources in the bundle's map are relative to it.</param>
    public static string Write(Bundle bundle, string module, string place)
    {
        ArgumentNullException.ThrowIfNull(bundle);
        var map = JsonNode.Parse(bundle.SourceMap)!.AsObject();
        var sources = map["sources"]!.AsArray();
        var texts = new JsonArray();
        for (var i = 0; i < sources.Count; i++)
        {
            var file = Path.GetFullPath(Path.Combine(place, sources[i]!.GetValue<string>()));
            sources[i] = new Uri(file).AbsoluteUri;
            texts.Add((JsonNode?)(File.Exists(file) ? File.ReadAllText(file) : null));
        }

        map["sourcesContent"] = texts;
        var encoded = Convert.ToBase64String(Encoding.UTF8.GetBytes(map.ToJsonString()));
        return $"{bundle.Code}\n//# sourceMappingURL=data:application/json;charset=utf-8;base64,{encoded}\n//# sourceURL={new Uri(module).AbsoluteUri}\n";
    }

    /// <summary>A paused function is not late. One worker, so that a breakpoint is met wherever the request goes.</summary>
    public static FunctionLimits WithTime(FunctionLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        return limits with
        {
            StreamingTime = Unhurried,
            BufferedTime = Unhurried,
            BackgroundTime = Unhurried,
            ScheduledTime = Unhurried,
            QueueTime = Unhurried,
            MaxWorkers = 1,
        };
    }
}
