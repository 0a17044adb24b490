namespace SandboxHost.Routing.Rules;

/// <summary>Header fields for the replies to some paths.</summary>
/// <param name="Fields">Names as their author wrote them; a name comes once.</param>
public sealed record HeaderRule(RulePattern For, IReadOnlyList<KeyValuePair<string, string>> Fields);

/// <summary>The header rules of a site. All that cover a path apply, in order; a later one overrides an earlier one.</summary>
public sealed class HeaderTable
{
    /// <summary>More are left out, with a warning.</summary>
    public const int MaxRules = 10_000;

    public static readonly HeaderTable Empty = new([]);

    private readonly HeaderRule[] _rules;
    private readonly RuleIndex _index = new();

    public HeaderTable(IReadOnlyList<HeaderRule> rules)
    {
        ArgumentNullException.ThrowIfNull(rules);
        _rules = [.. rules];
        for (var i = 0; i < _rules.Length; i++)
        {
            _index.Add(_rules[i].For, i);
        }
    }

    public IReadOnlyList<HeaderRule> Rules => _rules;

    /// <param name="path">Resolved and canonical.</param>
    public IEnumerable<HeaderRule> Find(string path)
    {
        var steps = 0;
        return Find(path, ref steps);
    }

    /// <param name="steps">Counts the work, in nodes of the index and rules looked at.</param>
    internal IEnumerable<HeaderRule> Find(string path, ref int steps)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (_rules.Length == 0)
        {
            return [];
        }

        var lower = RulePath.Of(path.ToLowerInvariant());
        var candidates = _index.Find(lower, ref steps);
        return candidates is null ? [] : candidates.Select(rule => _rules[rule]).Where(rule => rule.For.Matches(lower, null));
    }
}
