using System.Text.RegularExpressions;

namespace SandboxHost.Architecture.Tests;

/// <summary>Rules for the tests themselves.</summary>
public sealed partial class TestRules
{
    private static readonly string[] Projects = ["Core", "Sites", "Gateway", "Supervisor", "Cli", "Architecture"];

    private static IEnumerable<string> Files =>
        Projects.SelectMany(project => Directory.EnumerateFiles(Repository.PathOf($"tests/SandboxHost.{project}.Tests"), "*.cs", SearchOption.AllDirectories));

    [TimedFact]
    public void Every_test_has_a_time_limit() =>
        Assert.Empty(Files.Where(file => Untimed().IsMatch(File.ReadAllText(file))).Select(Path.GetFileName));

    [TimedFact]
    public void No_test_sleeps() => Assert.Empty(Files.Where(file => Sleep().IsMatch(File.ReadAllText(file))).Select(Path.GetFileName));

    [GeneratedRegex(@"^\s*\[(Fact|Theory)\b", RegexOptions.ExplicitCapture | RegexOptions.Multiline, 5000)]
    private static partial Regex Untimed();

    [GeneratedRegex(@"\bThread\.Sleep\(", RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex Sleep();
}
