using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SandboxHost.Sites.Rules;

/// <summary>Netlify's own parsers and matcher, asked in a Node process: tests/oracles.</summary>
internal sealed class RuleOracle : IDisposable
{
    private readonly TempFolder _folder;
    private readonly Process _node;

    public RuleOracle()
    {
        var directory = Repository.PathOf("tests/oracles");
        Assert.SkipUnless(Directory.Exists(Path.Combine(directory, "node_modules")), "No oracles: run `npm ci --prefix tests/oracles`.");
        _folder = new TempFolder();
        _node = Process.Start(new ProcessStartInfo(Repository.Node, [Path.Combine(directory, "rules.mjs"), _folder.Path])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        })!;
    }

    public async Task<JsonNode> AskAsync(object question)
    {
        await _node.StandardInput.WriteLineAsync(JsonSerializer.Serialize(question));
        await _node.StandardInput.FlushAsync();
        var answer = await _node.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException($"Node ended at {JsonSerializer.Serialize(question)}");
        return JsonNode.Parse(answer)!;
    }

    public void Dispose()
    {
        _node.StandardInput.Close();
        if (!_node.WaitForExit(5000))
        {
            _node.Kill();
        }

        _node.Dispose();
        _folder.Dispose();
    }

    /// <summary>The same text for the same values: names sorted, nothing that is null.</summary>
    public static string TextOf(JsonNode? value) => value switch
    {
        JsonObject table => $"{{{string.Join(", ", table.Where(item => item.Value is not null).OrderBy(item => item.Key, StringComparer.Ordinal).Select(item => $"{item.Key}: {TextOf(item.Value)}"))}}}",
        JsonArray list => $"[{string.Join(", ", list.Select(TextOf))}]",
        null => "null",
        _ => value.ToJsonString(),
    };
}
