using System.Buffers;
using System.Collections.Frozen;
using SandboxHost.Routing.Rules;

namespace SandboxHost.Sites.Rules;

/// <summary>Which header fields a rule may set.</summary>
internal static class HeaderFields
{
    // RFC 9110 §5.6.2.
    private static readonly SearchValues<char> InName =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~");

    // What is true of a message is for its server to say: the names that Netlify documents as ignored, and a few of their kind.
    private static readonly FrozenSet<string> Reserved = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase,
        "accept-ranges", "age", "allow", "alt-svc", "connection", "content-encoding", "content-length", "content-range", "date",
        "keep-alive", "location", "proxy-connection", "server", "te", "trailer", "transfer-encoding", "upgrade",
        "x-nf-request-id");

    public static HeaderRule? Compile(HeaderDeclaration declaration, Action<string> mistake)
    {
        var fields = new List<KeyValuePair<string, string>>();
        foreach (var field in declaration.Values)
        {
            if (WrongWith(field.Key, field.Value) is { } wrong)
            {
                mistake($"{declaration.Where}: {wrong}");
            }
            else
            {
                fields.Add(field);
            }
        }

        return fields.Count == 0 ? null : new HeaderRule(RulePattern.Parse(declaration.For, RuleDialect.Headers), fields);
    }

    /// <summary>What is wrong with a field of a request to another host; null when nothing is.</summary>
    public static string? WrongWithRequestField(string name, string value) =>
        name.Equals("host", StringComparison.OrdinalIgnoreCase) ? "Header \"Host\" follows from the address" : WrongWith(name, value);

    private static string? WrongWith(string name, string value) => name switch
    {
        "" => "Empty header name",
        _ when name.AsSpan().ContainsAnyExcept(InName) => $"'{name}' is no header name",
        _ when name.Equals("basic-auth", StringComparison.OrdinalIgnoreCase) =>
            "Basic-Auth is not supported here: the path is open to everybody",
        _ when Reserved.Contains(name) => $"Header \"{name}\" can't be set by a rule",
        _ when value.Any(c => c is < ' ' and not '\t' or '\x7f' or > '\xff') => $"Header \"{name}\" has a value with characters that no header may have",
        _ => null,
    };
}
