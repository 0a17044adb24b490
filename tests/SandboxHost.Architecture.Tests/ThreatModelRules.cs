using System.Globalization;
using System.Text.RegularExpressions;

namespace SandboxHost.Architecture.Tests;

/// <summary>docs/threat-model.md names tests that are there, and leaves no case out.</summary>
public sealed partial class ThreatModelRules
{
    private const int Cases = 55;

    private static readonly string Page = File.ReadAllText(Repository.PathOf("docs/threat-model.md"));

    // A class may be in several projects, as LoopTests is.
    private static readonly ILookup<string, string> Classes = Directory
        .EnumerateFiles(Repository.PathOf("tests"), "*Tests.cs", SearchOption.AllDirectories)
        .Where(file => !file.Contains("/obj/", StringComparison.Ordinal))
        .ToLookup(file => Path.GetFileNameWithoutExtension(file), File.ReadAllText);

    private static IEnumerable<(int Number, string Test)> Rows =>
        Row().Matches(Page).Select(match => (int.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture), match.Groups["test"].Value));

    [TimedFact]
    public void Every_case_has_a_row_and_no_number_is_used_twice() => Assert.Equal(Enumerable.Range(1, Cases), Rows.Select(row => row.Number));

    [TimedFact]
    public void Every_case_names_a_test_or_says_why_there_is_none() =>
        Assert.Empty(Rows.Where(row => !TestName().IsMatch(row.Test) && !row.Test.StartsWith("No test: ", StringComparison.Ordinal)).Select(row => row.Number));

    [TimedFact]
    public void Every_test_that_is_named_is_there() =>
        Assert.Empty(
            from match in TestName().Matches(Page)
            let method = match.Groups["method"].Value
            where !Classes[match.Groups["class"].Value].Any(code => method.Length == 0 || code.Contains($" {method}(", StringComparison.Ordinal))
            select match.Value);

    [TimedFact]
    public void Every_hostile_case_that_is_tested_is_named_in_its_row() =>
        Assert.Empty(
            from file in Directory.EnumerateFiles(Repository.PathOf("tests/SandboxHost.Chaos"), "*Tests.cs", SearchOption.AllDirectories)
            from match in CaseName().Matches(File.ReadAllText(file))
            let number = int.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture)
            where !Rows.Any(row => row.Number == number && row.Test.Contains(match.Groups["name"].Value, StringComparison.Ordinal))
            select match.Groups["name"].Value);

    [GeneratedRegex(@"^\| (?<number>\d+) \|.*\| (?<test>[^|]+) \|$", RegexOptions.ExplicitCapture | RegexOptions.Multiline, 5000)]
    private static partial Regex Row();

    [GeneratedRegex(@"`(?<class>[A-Z]\w+Tests)(\.(?<method>\w+))?`", RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex TestName();

    [GeneratedRegex(@"\b(?<name>Case_(?<number>\d+)_\w+)\(", RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex CaseName();
}
