using System.Collections.Frozen;
using SandboxHost.Deployments;

namespace SandboxHost.Routing;

/// <summary>What a request's path leads to.</summary>
public enum RouteOutcome
{
    /// <summary>No function; the request goes on to redirects and static files.</summary>
    None,

    /// <summary>A function takes it.</summary>
    Function,

    /// <summary>A default URL that names no function, or one that answers at its own paths only: 404.</summary>
    UnknownFunction,

    /// <summary>A default URL whose name no function can have: 400.</summary>
    IllegalName,
}

/// <param name="Function">
/// Set with <see cref="RouteOutcome.Function"/>, and with <see cref="RouteOutcome.UnknownFunction"/> when the name is that of
/// a function which answers elsewhere.
/// </param>
/// <param name="Route">Index into the function's routes; -1 for its default URL.</param>
/// <param name="Order">The place of the route among all routes of the site.</param>
public readonly record struct RouteMatch(RouteOutcome Outcome, FunctionVersion? Function, int Route, int Order = -1)
{
    public static readonly RouteMatch None = new(RouteOutcome.None, null, -1);
}

/// <summary>
/// From method and path to function, as Netlify's own algorithm does it (reference §1.3 and §1.5): default URLs first,
/// then every function's patterns in registry order; the first that matches wins, however specific the others are.
/// </summary>
public sealed class RouteTable
{
    private static readonly string[] DefaultPrefixes = ["/.netlify/functions/", "/.netlify/builders/"];

    private readonly FrozenDictionary<string, FunctionVersion> _byName;
    private readonly FrozenDictionary<string, Entry[]> _literals;
    private readonly Entry[] _expressions;

    public RouteTable(IReadOnlyList<FunctionVersion> functions)
    {
        ArgumentNullException.ThrowIfNull(functions);
        _byName = functions.ToFrozenDictionary(function => function.Name, StringComparer.Ordinal);
        var entries = functions
            .SelectMany(function => function.Routes.Select((route, index) => (function, route, index)))
            .Select((item, order) => new Entry(order, item.function, item.route, item.index))
            .ToArray();
        _literals = entries
            .Where(entry => entry.Route.Pattern.IsLiteral)
            .GroupBy(entry => entry.Route.Pattern.Text, StringComparer.Ordinal)
            .ToFrozenDictionary(group => group.Key, group => group.ToArray(), StringComparer.Ordinal);
        _expressions = entries.Where(entry => !entry.Route.Pattern.IsLiteral).ToArray();
    }

    /// <param name="method">Upper case.</param>
    /// <param name="path">The path as it was sent, percent-encoded, without the query.</param>
    /// <param name="after">The match that yielded (<see cref="FunctionVersion.PreferStatic"/>): only what comes after it counts.</param>
    public RouteMatch Match(string method, string path, RouteMatch? after = null)
    {
        path = UrlPath.Resolve(path);
        foreach (var prefix in DefaultPrefixes)
        {
            // Without a name behind it, it is a path like any other.
            if (path.StartsWith(prefix, StringComparison.Ordinal) && path.Length > prefix.Length && path[prefix.Length] != '/')
            {
                return MatchDefaultUrl(path.AsSpan(prefix.Length));
            }
        }

        if (path.Length > 1 && path[^1] == '/')
        {
            path = path[..^1];
        }

        return MatchPatterns(method, path.ToLowerInvariant(), after?.Order ?? -1);
    }

    private RouteMatch MatchDefaultUrl(ReadOnlySpan<char> rest)
    {
        var end = rest.IndexOf('/');
        var name = end < 0 ? rest : rest[..end];
        if (!FunctionName.IsLegal(name))
        {
            return new RouteMatch(RouteOutcome.IllegalName, null, -1);
        }

        return _byName.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out var function) && function.Routes.Count == 0
            ? new RouteMatch(RouteOutcome.Function, function, -1)
            : new RouteMatch(RouteOutcome.UnknownFunction, function, -1);
    }

    private RouteMatch MatchPatterns(string method, string path, int after)
    {
        var best = FirstLiteral(method, path, after);
        foreach (var entry in _expressions)
        {
            if (best is not null && entry.Order > best.Order)
            {
                break;
            }

            if (entry.Order > after && entry.Takes(method) && entry.Route.Pattern.Matches(path) && !entry.Excludes(path))
            {
                best = entry;
                break;
            }
        }

        return best is null
            ? RouteMatch.None
            : new RouteMatch(RouteOutcome.Function, best.Function, best.Index, best.Order);
    }

    private Entry? FirstLiteral(string method, string path, int after)
    {
        if (_literals.TryGetValue(path, out var entries))
        {
            foreach (var entry in entries)
            {
                if (entry.Order > after && entry.Takes(method) && !entry.Excludes(path))
                {
                    return entry;
                }
            }
        }

        return null;
    }

    private sealed record Entry(int Order, FunctionVersion Function, FunctionRoute Route, int Index)
    {
        public bool Takes(string method) => Route.Allows(method);

        public bool Excludes(string path)
        {
            foreach (var excluded in Function.ExcludedPaths)
            {
                if (excluded.Matches(path))
                {
                    return true;
                }
            }

            return false;
        }
    }
}
