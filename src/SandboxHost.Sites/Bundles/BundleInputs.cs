using System.Text.Json;

namespace SandboxHost.Sites.Bundles;

/// <summary>Which files went into each bundle of a run of esbuild, by its metafile (https://esbuild.github.io/api/#metafile).</summary>
/// <param name="meta">Paths in it are relative to the directory.</param>
internal sealed class BundleInputs(JsonElement meta, string directory)
{
    private readonly Dictionary<string, JsonElement> _inputs = meta.GetProperty("inputs").EnumerateObject().ToDictionary(input => input.Name, input => input.Value, StringComparer.Ordinal);
    private readonly Dictionary<string, string> _entries = meta.GetProperty("outputs").EnumerateObject()
        .Where(output => output.Value.TryGetProperty("entryPoint", out _))
        .ToDictionary(output => Path.GetFullPath(output.Name, directory), output => output.Value.GetProperty("entryPoint").GetString()!, StringComparer.Ordinal);

    /// <summary>Absolute paths of what the bundle's entry leads to, also of what is imported and left out since nothing uses it.</summary>
    public IEnumerable<string> Of(string output)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        var waiting = new Stack<string>([_entries[output]]);
        while (waiting.TryPop(out var name))
        {
            // What stays an import is no input.
            if (!_inputs.TryGetValue(name, out var input) || !found.Add(name))
            {
                continue;
            }

            foreach (var import in input.GetProperty("imports").EnumerateArray())
            {
                waiting.Push(import.GetProperty("path").GetString()!);
            }
        }

        return found.Select(name => Path.GetFullPath(name, directory)).Where(File.Exists);
    }
}
