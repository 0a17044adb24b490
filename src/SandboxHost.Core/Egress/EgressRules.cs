namespace SandboxHost.Egress;

/// <summary>How far a site's functions reach.</summary>
public enum EgressMode
{
    /// <summary>The whole internet, and nothing private.</summary>
    Internet,

    /// <summary>Nothing.</summary>
    None,

    /// <summary>The listed names.</summary>
    List,
}

/// <summary>What one site's settings say of the network outside; <see cref="EgressPolicy"/> judges by it. Default: the internet.</summary>
public sealed record EgressRules
{
    public EgressMode Mode { get; init; }

    /// <summary>
    /// With <see cref="EgressMode.List"/>: "api.example.com", "*.example.com" (any name below it), each with ":443" for
    /// one port only. An address counts as a name.
    /// </summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    /// <summary>TCP ports at which programs that know no proxy reach the outside, beside the host's own list.</summary>
    public IReadOnlyList<int> Ports { get; init; } = [];

    /// <summary>
    /// Destinations that are reached whatever the rest says, although they are not on the internet: "10.1.2.3",
    /// "10.1.2.3:5432", "10.0.0.0/8", "[::1]:80", "localhost:8080". Loopback here is the host's. Only ever set on a
    /// developer's machine.
    /// </summary>
    public IReadOnlyList<string> AllowedPrivate { get; init; } = [];

    /// <summary>All of it in a line: two rules with the same text are the same.</summary>
    public override string ToString() => string.Join(' ', [$"{Mode}", .. Names, "ports", .. Ports.Select(port => $"{port}"), "allow", .. AllowedPrivate]);
}
