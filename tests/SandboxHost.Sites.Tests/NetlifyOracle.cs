using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SandboxHost.Sites.Tests;

/// <summary>Asks Netlify's own code (tests/oracles/zip-it-and-ship-it), many questions at once. Skips the test where it is not installed.</summary>
internal static class NetlifyOracle
{
    private static string Directory => Repository.PathOf("tests/oracles/zip-it-and-ship-it");

    public static async Task<IReadOnlyList<JsonNode>> AskAsync(IEnumerable<object> questions)
    {
        Assert.SkipUnless(System.IO.Directory.Exists(Path.Combine(Directory, "node_modules")), $"No oracle: run `npm ci --prefix {Directory}`.");
        var start = new ProcessStartInfo(Repository.Node, [Path.Combine(Directory, "answer.mjs")])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        using var node = Process.Start(start)!;
        var answer = node.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await node.StandardInput.WriteAsync(JsonSerializer.Serialize(questions));
        node.StandardInput.Close();
        return [.. JsonNode.Parse(await answer)!.AsArray().Select(item => item!)];
    }
}
