namespace SandboxHost.Isolation.Egress;

/// <summary>The door's limits by the names that they have in logs, answers and metrics.</summary>
internal static class LimitName
{
    public const string Connections = "connections";
    public const string Rate = "rate";
    public const string Bytes = "bytes";
    public const string Lookups = "lookups";
    public const string LookupRate = "lookup-rate";

    public static bool IsLimit(string rule) => rule is Connections or Rate or Bytes or Lookups or LookupRate;

    /// <summary>For the function's author.</summary>
    public static string Explain(string limit, EgressLimits limits) => limit switch
    {
        Connections => $"The egress door turned a connection away: a worker may have {limits.MaxConnections} at a time",
        Rate => $"The egress door turned a connection away: a site may open {limits.ConnectionsPerSecond:0.###} a second",
        Bytes => $"The egress door slows down: a site may move {limits.BytesPerSecond:0} bytes a second",
        Lookups => $"The egress door did not look up a name: a site may look up {limits.MaxLookups} at a time",
        _ => $"The egress door did not look up a name: a site may look up {limits.LookupsPerSecond:0.###} a second",
    };
}
