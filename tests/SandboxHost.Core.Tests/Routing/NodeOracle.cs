using System.Diagnostics;
using System.Text.Json;

namespace SandboxHost.Tests.Routing;

/// <summary>A Node process that answers JSON lines for as long as this object lives.</summary>
internal sealed class NodeOracle : IDisposable
{
    private readonly Process _node;

    /// <param name="answer">The body of a JavaScript function of one argument, called "question".</param>
    public NodeOracle(string node, string answer)
    {
        var script = $$"""
            const answer = (question) => { {{answer}} };
            require("node:readline").createInterface({ input: process.stdin })
              .on("line", (line) => console.log(JSON.stringify(answer(JSON.parse(line)))));
            """;
        _node = Process.Start(new ProcessStartInfo(node, ["-e", script])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        })!;
    }

    public async Task<T> AskAsync<T>(object question)
    {
        await _node.StandardInput.WriteLineAsync(JsonSerializer.Serialize(question));
        await _node.StandardInput.FlushAsync();
        var answer = await _node.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException($"Node ended at {question}");
        return JsonSerializer.Deserialize<T>(answer)!;
    }

    public void Dispose()
    {
        _node.StandardInput.Close();
        if (!_node.WaitForExit(5000))
        {
            _node.Kill();
        }

        _node.Dispose();
    }
}
