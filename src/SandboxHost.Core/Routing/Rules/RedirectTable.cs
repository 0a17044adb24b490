namespace SandboxHost.Routing.Rules;

/// <summary>What the redirects say about a request.</summary>
public enum RedirectOutcome
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>A rule takes it.</summary>
    Match,

    /// <summary>A rule would take it from somebody with another role, and no other does: 404.</summary>
    Denied,
}

/// <param name="Target">A path with its query, or an address.</param>
public readonly record struct RedirectMatch(RedirectOutcome Outcome, RedirectRule? Rule, string Target)
{
    public static readonly RedirectMatch None = new(RedirectOutcome.None, null, "");
}

/// <summary>The redirects of a site in order: the first that covers a request wins.</summary>
public sealed class RedirectTable
{
    /// <summary>More are left out, with a warning.</summary>
    public const int MaxRules = 10_000;

    public static readonly RedirectTable Empty = new([]);

    private readonly RedirectRule[] _rules;
    private readonly RuleIndex _index = new();

    public RedirectTable(IReadOnlyList<RedirectRule> rules)
    {
        ArgumentNullException.ThrowIfNull(rules);
        _rules = [.. rules];
        for (var i = 0; i < _rules.Length; i++)
        {
            _index.Add(_rules[i].From, i);
        }
    }

    public IReadOnlyList<RedirectRule> Rules => _rules;

    public RedirectMatch Find(Visitor visitor)
    {
        var steps = 0;
        return Find(visitor, ref steps);
    }

    /// <param name="steps">Counts the work, in nodes of the index and rules looked at.</param>
    internal RedirectMatch Find(Visitor visitor, ref int steps)
    {
        ArgumentNullException.ThrowIfNull(visitor);
        if (_rules.Length == 0 || _index.Find(visitor.Path, ref steps) is not { } candidates)
        {
            return RedirectMatch.None;
        }

        var denied = false;
        var captures = new List<RuleCapture>();
        foreach (var candidate in candidates)
        {
            var rule = _rules[candidate];
            captures.Clear();
            if (!IsAddressed(rule, visitor) || !rule.From.Matches(visitor.Path, captures) || !visitor.Meets(rule.Query, captures)
                || !visitor.Meets(rule.Conditions))
            {
                continue;
            }

            if (!visitor.HasRole(rule.Conditions.Roles))
            {
                denied = true;
                continue;
            }

            if (rule.To.Expand(captures, visitor.Query) is { } target && !LeadsBack(rule, visitor, target))
            {
                return new RedirectMatch(RedirectOutcome.Match, rule, target);
            }
        }

        return denied ? new RedirectMatch(RedirectOutcome.Denied, null, "") : RedirectMatch.None;
    }

    private static bool IsAddressed(RedirectRule rule, Visitor visitor) =>
        (rule.Scheme is null || string.Equals(rule.Scheme, visitor.Scheme, StringComparison.OrdinalIgnoreCase))
        && (rule.Host is null || string.Equals(rule.Host, visitor.Host, StringComparison.OrdinalIgnoreCase));

    // A client sent to where it is would come again for ever.
    private static bool LeadsBack(RedirectRule rule, Visitor visitor, string target)
    {
        if (!rule.IsRedirect)
        {
            return false;
        }

        var here = visitor.Query.Length == 0 ? visitor.Path.Text : $"{visitor.Path.Text}?{visitor.Query}";
        return target == (rule.To.IsAddress ? $"{visitor.Scheme}://{visitor.Host}{here}" : here);
    }
}
