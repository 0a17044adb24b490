using System.Buffers;

namespace SandboxHost.Output;

/// <summary>
/// Puts the name of a variable in the place of its value, in what people and logs get to see, where the value is a secret:
/// its name has a word such as KEY, TOKEN or PASSWORD (and not PUBLIC), or it is an address with a password in it.
/// </summary>
/// <remarks>
/// For accidents, such as an error that prints a connection string. It is no barrier for a function that means to show its
/// secrets: that may spell them backwards.
/// </remarks>
public sealed class SecretMask
{
    /// <summary>Shorter values are words of daily life, or as good as public.</summary>
    private const int LeastLength = 8;

    private static readonly HashSet<string> SecretWords = new(
        [
            "KEY", "KEYS", "APIKEY", "SECRET", "SECRETS", "TOKEN", "TOKENS", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS", "PRIVATE",
        ],
        StringComparer.OrdinalIgnoreCase);

    private readonly (string Value, string Shown)[] _secrets;
    private readonly SearchValues<string> _values;

    public SecretMask(IReadOnlyDictionary<string, string> environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        // The longest first: one may hold another.
        _secrets =
        [
            .. environment.Where(variable => IsSecret(variable.Key, variable.Value))
                .SelectMany(variable => ValuesOf(variable.Value).Select(value => (value, $"[{variable.Key}]")))
                .OrderByDescending(secret => secret.value.Length),
        ];
        _values = SearchValues.Create([.. _secrets.Select(secret => secret.Value)], StringComparison.Ordinal);
    }

    public string Apply(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (_secrets.Length == 0 || !text.AsSpan().ContainsAny(_values))
        {
            return text;
        }

        foreach (var (value, shown) in _secrets)
        {
            text = text.Replace(value, shown, StringComparison.Ordinal);
        }

        return text;
    }

    private static bool IsSecret(string name, string value)
    {
        var words = name.Split('_', '-', '.');
        return (words.Any(SecretWords.Contains) && !words.Contains("PUBLIC", StringComparer.OrdinalIgnoreCase)) || HasPassword(value);
    }

    // scheme://user:password@host
    private static bool HasPassword(string value)
    {
        var authority = value.IndexOf("://", StringComparison.Ordinal) + 3;
        var at = authority < 3 ? -1 : value.IndexOf('@', authority);
        return at > 0 && value.AsSpan(authority, at - authority).IndexOf(':') is var colon and >= 0 && !value.AsSpan(authority, colon).ContainsAny("/?#");
    }

    // A key of several lines is printed line by line.
    private static IEnumerable<string> ValuesOf(string value) =>
        value.Split('\n').Select(line => line.Trim()).Where(line => !line.StartsWith("-----", StringComparison.Ordinal))
            .Append(value).Distinct().Where(part => part.Length >= LeastLength);
}
