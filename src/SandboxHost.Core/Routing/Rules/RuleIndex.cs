using System.Runtime.InteropServices;

namespace SandboxHost.Routing.Rules;

/// <summary>
/// Finds the rules whose pattern may cover a path without looking at the others: a tree by segments. What a request costs
/// depends on its path and on the rules along it, not on how many rules there are.
/// </summary>
internal sealed class RuleIndex
{
    private readonly Node _root = new();

    /// <param name="rule">The rule's number: the lower goes first.</param>
    public void Add(RulePattern pattern, int rule)
    {
        var node = _root;
        foreach (var segment in pattern.Segments)
        {
            if (!segment.IsSingle)
            {
                (node.Open ??= []).Add(rule);
                return;
            }

            node = segment.Kind == RulePattern.SegmentKind.Literal ? node.LiteralChild(segment.Text) : node.Placeholder ??= new Node();
        }

        (node.Exact ??= []).Add(rule);
    }

    /// <summary>The numbers of the rules to look at, ascending; null when there are none.</summary>
    /// <param name="steps">Counts the nodes visited and the rules found.</param>
    public List<int>? Find(in RulePath path, ref int steps)
    {
        List<int>? found = null;
        Collect(_root, path, 0, ref found, ref steps);
        found?.Sort();
        return found;
    }

    private static void Collect(Node node, in RulePath path, int at, ref List<int>? found, ref int steps)
    {
        steps++;
        Take(node.Open, ref found, ref steps);
        if (at == path.Count)
        {
            Take(node.Exact, ref found, ref steps);
            return;
        }

        if (node.Literals is not null && node.Literals.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(path[at], out var literal))
        {
            Collect(literal, path, at + 1, ref found, ref steps);
        }

        if (node.Placeholder is not null)
        {
            Collect(node.Placeholder, path, at + 1, ref found, ref steps);
        }
    }

    private static void Take(List<int>? rules, ref List<int>? found, ref int steps)
    {
        if (rules is not null)
        {
            steps += rules.Count;
            (found ??= []).AddRange(CollectionsMarshal.AsSpan(rules));
        }
    }

    private sealed class Node
    {
        public Dictionary<string, Node>? Literals { get; private set; }

        public Node? Placeholder { get; set; }

        /// <summary>Rules whose pattern ends here.</summary>
        public List<int>? Exact { get; set; }

        /// <summary>Rules whose pattern goes on from here with a star.</summary>
        public List<int>? Open { get; set; }

        public Node LiteralChild(string text)
        {
            Literals ??= new Dictionary<string, Node>(StringComparer.Ordinal);
            ref var child = ref CollectionsMarshal.GetValueRefOrAddDefault(Literals, text, out _);
            return child ??= new Node();
        }
    }
}
