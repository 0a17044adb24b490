using System.Text.Json;

namespace SandboxHost.Isolation.Linux;

/// <summary>
/// What bubblewrap wrote about itself: one JSON object a line. It cannot be forged from inside, where its descriptor is
/// closed.
/// </summary>
/// <param name="ChildProcessId">The first process of the sandbox's pid namespace, as the host sees it; 0 if it never was.</param>
/// <param name="Ran">bubblewrap got as far as starting the worker's program, and saw it end.</param>
internal sealed record SandboxReport(int ChildProcessId, bool Ran)
{
    public static SandboxReport Parse(string text)
    {
        var report = new SandboxReport(0, false);
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            try
            {
                using var json = JsonDocument.Parse(line);
                if (json.RootElement.TryGetProperty("child-pid", out var child))
                {
                    report = report with { ChildProcessId = child.GetInt32() };
                }

                if (json.RootElement.TryGetProperty("exit-code", out _))
                {
                    report = report with { Ran = true };
                }
            }
            catch (JsonException)
            {
                // Cut off: bubblewrap was killed while it wrote. What was read before holds.
                break;
            }
        }

        return report;
    }

    public static SandboxReport Read(string path) => Parse(File.Exists(path) ? File.ReadAllText(path) : "");
}
