namespace SandboxHost.Conformance;

/// <summary>
/// Tests that have the machine to themselves: they judge by the clock or by memory, or look at what belongs to the whole
/// machine. The other classes mostly wait for processes to start and for time to pass, and do so beside each other, before
/// these.
/// </summary>
[CollectionDefinition(DisableParallelization = true)]
public sealed class Alone;
