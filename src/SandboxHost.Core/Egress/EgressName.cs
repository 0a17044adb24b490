using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace SandboxHost.Egress;

/// <summary>A name that may be reached: one, or all below one; at a port, or at any.</summary>
public sealed partial class EgressName
{
    private const int LongestName = 253;
    private static readonly IdnMapping Idn = new() { AllowUnassigned = false };

    private readonly string _name;
    private readonly bool _below;
    private readonly int? _port;

    private EgressName(string name, bool below, int? port)
    {
        _name = name;
        _below = below;
        _port = port;
    }

    /// <summary>Reads "example.com", "*.example.com", "example.com:443", "192.0.2.1", "[2001:db8::1]:443"; null when it is none of these.</summary>
    public static EgressName? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        // In brackets it may have a port, which the framework would read over.
        if (!text.StartsWith('[') && IPAddress.TryParse(text, out var bare))
        {
            return new EgressName(EgressPolicy.Plain(bare).ToString(), below: false, port: null);
        }

        var colon = text.LastIndexOf(':');
        var host = colon < 0 ? text : text[..colon];
        int? port = null;
        if (colon >= 0)
        {
            if (!ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number == 0)
            {
                return null;
            }

            port = number;
        }

        var below = host.StartsWith("*.", StringComparison.Ordinal);
        return Normalise(below ? host[2..] : host.Trim('[', ']')) is { } name ? new EgressName(name, below, port) : null;
    }

    /// <summary>A name or an address in the one spelling that is compared: lower case, no last dot, ASCII; null when it is no host name.</summary>
    public static string? Normalise(string host)
    {
        ArgumentNullException.ThrowIfNull(host);
        if (IPAddress.TryParse(host, out var address))
        {
            return EgressPolicy.Plain(address).ToString();
        }

        try
        {
            var name = host.EndsWith('.') ? host[..^1] : host;
            // First: the framework's IDNA folds no case without ICU.
            name = name.ToLowerInvariant();
            name = name.All(char.IsAscii) ? name : Idn.GetAscii(name);
            return name.Length <= LongestName && LegalName().IsMatch(name) ? name : null;
        }
        catch (ArgumentException)
        {
            // What IDNA does not allow.
            return null;
        }
    }

    /// <param name="normal">As <see cref="Normalise"/> gives it.</param>
    /// <param name="port">Null: whether at any port at all.</param>
    public bool Matches(string normal, int? port)
    {
        ArgumentNullException.ThrowIfNull(normal);
        var name = _below
            ? normal.Length > _name.Length + 1 && normal[^(_name.Length + 1)] == '.' && normal.EndsWith(_name, StringComparison.Ordinal)
            : normal == _name;
        return name && (_port is null || port is null || _port == port);
    }

    [GeneratedRegex(@"\A([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex LegalName();
}
