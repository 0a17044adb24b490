using System.Text.RegularExpressions;

namespace SandboxHost.Architecture.Tests;

/// <summary>docs/functions-contract.md and the conformance tests speak of the same clauses.</summary>
public sealed partial class ContractRules
{
    private static readonly string Page = File.ReadAllText(Repository.PathOf("docs/functions-contract.md"));

    private static IEnumerable<int> Clauses => ClauseRow().Matches(Page).Select(match => int.Parse(match.Groups["number"].Value, null));

    [TimedFact]
    public void Clauses_are_numbered_from_one_without_a_gap() => Assert.Equal(Enumerable.Range(1, Clauses.Count()), Clauses);

    [TimedFact]
    public void Every_clause_has_a_test_and_every_test_a_clause()
    {
        var tested = Directory.EnumerateFiles(Repository.PathOf("tests/SandboxHost.Conformance"), "*Tests.cs")
            .SelectMany(file => TestName().Matches(File.ReadAllText(file)))
            .Select(match => int.Parse(match.Groups["number"].Value, null))
            .Distinct().Order();

        Assert.Equal(Clauses, tested);
    }

    [TimedFact]
    public void Every_clause_that_is_referred_to_is_there() =>
        Assert.Subset(Clauses.ToHashSet(), Reference().Matches(Page).Select(match => int.Parse(match.Groups["number"].Value, null)).ToHashSet());

    [GeneratedRegex(@"^\| FC-(?<number>\d+) \|", RegexOptions.ExplicitCapture | RegexOptions.Multiline, 5000)]
    private static partial Regex ClauseRow();

    [GeneratedRegex(@"\bFC_(?<number>\d+)_\w+\(", RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex TestName();

    [GeneratedRegex(@"\bFC-(?<number>\d+)\b", RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex Reference();
}
