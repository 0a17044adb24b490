using SandboxHost.Supervisor.Workers;

namespace SandboxHost.Supervisor.Pools;

/// <summary>A process that may start now; <see cref="StartTurns.Leave"/> ends it.</summary>
/// <param name="site">Whose it is.</param>
/// <param name="isFirst">Whether no other of the site is starting.</param>
internal sealed class StartTurn(string site, bool isFirst)
{
    public string Site => site;

    /// <summary>The first of its site has none; each other's is over when it has become the first.</summary>
    public StartPatience Patience => isFirst ? default : new StartPatience(StartPatience.Awaited, First.Token);

    private CancellationTokenSource First { get; } = new();

    /// <summary>What that takes happens beside the caller, who has a start of its own to go on with.</summary>
    public void BecomeFirst() => _ = First.CancelAsync();
}
