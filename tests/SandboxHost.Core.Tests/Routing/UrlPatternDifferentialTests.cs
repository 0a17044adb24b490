using SandboxHost.Routing;

namespace SandboxHost.Tests.Routing;

/// <summary>
/// The same questions to our compiler and to Node's URLPattern. Differences that are meant:
/// what a regular expression without backtracking can't do is refused, and the reason says "not supported";
/// percent-encodings compare in lower case; dot segments inside a pattern are not resolved.
/// </summary>
public sealed class UrlPatternDifferentialTests
{
    // With some other seeds Node itself needs many seconds for one path: /**+{a}*b backtracks.
    private const int Patterns = 4000;
    private const int Seed = 20261123;

    // The host lower-cases the path, percent-encodings with it; the standard keeps %C3. A trailing slash is optional: ^…\/?$.
    private const string Answer = """
        let compiled;
        try { compiled = new URLPattern({ pathname: question.pattern }); } catch { return null; }
        const upper = (path) => path.replace(/%[0-9a-f]{2}/g, (hex) => hex.toUpperCase());
        const test = (path) => compiled.test({ pathname: upper(path) });
        return question.paths.map((path) => test(path) || (path.endsWith("/") && test(path.slice(0, -1))));
        """;

    [TimedFact]
    public async Task Our_patterns_and_those_of_Node_agree()
    {
        using var oracle = new NodeOracle(Repository.Node, Answer);
        var generator = new PatternGenerator(Seed);
        var differences = new List<string>();
        var (accepted, matched) = (0, 0);
        for (var i = 0; i < Patterns; i++)
        {
            var (text, paths) = generator.Next();
            var theirs = await oracle.AskAsync<bool[]?>(new { pattern = text, paths });
            if (RoutePattern.TryParse(text, out var ours, out var mistake))
            {
                accepted++;
                matched += theirs?.Count(matches => matches) ?? 0;
                differences.AddRange(Compare(ours, paths, theirs));
            }
            else if (theirs is not null && !mistake.Contains("not supported", StringComparison.Ordinal))
            {
                differences.Add($"refused by us only: {mistake}");
            }
        }

        Assert.True(differences.Count == 0, $"{differences.Count} differences:\n{string.Join('\n', differences.Take(40))}");

        // So that it does not agree about nothing.
        Assert.True(accepted > Patterns / 2, $"{accepted} of {Patterns} patterns are legal");
        Assert.True(matched > Patterns, $"{matched} paths match");
    }

    private static IEnumerable<string> Compare(RoutePattern ours, IReadOnlyList<string> paths, bool[]? theirs)
    {
        if (ours.IsLiteral)
        {
            // Netlify's rule, not the standard's.
            return [];
        }

        return theirs is null
            ? [$"refused by Node only: {ours.Text}"]
            : paths.Zip(theirs).Where(pair => ours.Matches(pair.First) != pair.Second)
                .Select(pair => $"{ours.Text} on {pair.First}: Node says {pair.Second}");
    }
}
