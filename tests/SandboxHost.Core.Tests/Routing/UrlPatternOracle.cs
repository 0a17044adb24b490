using System.Diagnostics;
using System.Text.Json;

namespace SandboxHost.Tests.Routing;

/// <summary>Node's own URLPattern, asked line by line through a process that lives as long as this object.</summary>
internal sealed class UrlPatternOracle : IDisposable
{
    // The host lower-cases the path, percent-encodings with it; the standard keeps %C3. A trailing slash is optional: ^…\/?$.
    private const string Script = """
        const lines = require("node:readline").createInterface({ input: process.stdin });
        lines.on("line", (line) => {
          const { pattern, paths } = JSON.parse(line);
          let compiled;
          try { compiled = new URLPattern({ pathname: pattern }); } catch { console.log("null"); return; }
          const upper = (path) => path.replace(/%[0-9a-f]{2}/g, (hex) => hex.toUpperCase());
          const test = (path) => compiled.test({ pathname: upper(path) });
          console.log(JSON.stringify(paths.map((path) => test(path) || (path.endsWith("/") && test(path.slice(0, -1))))));
        });
        """;

    private readonly Process _node;

    public UrlPatternOracle(string node)
    {
        var start = new ProcessStartInfo(node, ["-e", Script]) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false };
        _node = Process.Start(start)!;
    }

    /// <summary>Whether each path matches; null when the pattern is not valid.</summary>
    public async Task<bool[]?> AskAsync(string pattern, IReadOnlyList<string> paths)
    {
        await _node.StandardInput.WriteLineAsync(JsonSerializer.Serialize(new { pattern, paths }));
        await _node.StandardInput.FlushAsync();
        var answer = await _node.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException($"Node ended at {pattern}");
        return JsonSerializer.Deserialize<bool[]?>(answer);
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
