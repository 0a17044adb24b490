namespace SandboxHost.Isolation.Egress;

/// <summary>What went through one sandbox's egress door.</summary>
/// <param name="Connections">Connections that were let through and dialled.</param>
/// <param name="Refused">Requests that were refused, by policy or for being too many.</param>
/// <param name="BytesUp">From the worker outwards.</param>
/// <param name="BytesDown">To the worker.</param>
public readonly record struct EgressUsage(long Connections, long Refused, long BytesUp, long BytesDown);
