using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Linux;

/// <summary>What is known when a sandbox's outermost process has ended.</summary>
internal sealed record ExitReading
{
    /// <summary>As wait(2) tells it through bubblewrap and the runtime: 128 + n for signal n.</summary>
    public required int Code { get; init; }

    /// <summary>The worker's program was started and ended by itself or by a signal of its own.</summary>
    public required bool Ran { get; init; }

    public required bool KilledByHost { get; init; }

    public required long OutOfMemoryKills { get; init; }

    public required long MemoryLimitBytes { get; init; }

    public required long PeakMemoryBytes { get; init; }

    /// <summary>The first lines that came out of it.</summary>
    public required IReadOnlyList<string> FirstLines { get; init; }

    /// <summary>What the runtime said as it gave itself up; null when it said nothing.</summary>
    public required string? FatalLine { get; init; }

    public required long RefusedProcesses { get; init; }

    /// <summary>Says why it ended. Pure.</summary>
    public SandboxExit Explain()
    {
        const int SignalBase = 128, LastSignal = 64, SigKill = 9;
        var signal = Code is > SignalBase and <= SignalBase + LastSignal ? Code - SignalBase : 0;
        var exit = new SandboxExit(SandboxExitReason.Exited, 0, signal, MemoryLimitBytes, PeakMemoryBytes, RefusedProcesses: RefusedProcesses);

        if (OutOfMemoryKills > 0 && signal == SigKill && !KilledByHost)
        {
            return exit with
            {
                Reason = SandboxExitReason.OutOfMemory,
                Detail = $"memory limit {MemoryLimitBytes} bytes reached, peak {PeakMemoryBytes} bytes, {OutOfMemoryKills} processes killed",
            };
        }

        if (KilledByHost)
        {
            return exit with { Reason = SandboxExitReason.Killed, Signal = 0 };
        }

        if (signal == 0 && NeverRan())
        {
            return exit with { Reason = SandboxExitReason.LaunchFailed, Detail = $"code {Code}: {string.Join(" / ", FirstLines)}" };
        }

        var detail = OutOfMemoryKills > 0 ? $"{OutOfMemoryKills} of its processes were killed for memory before" : null;
        return signal > 0
            ? exit with { Reason = SandboxExitReason.Signalled, Detail = FatalLine ?? detail }
            : exit with { Code = Code, Detail = detail };
    }

    // The one failure after bubblewrap reports a start is the exec itself. It only shows in what bubblewrap printed, before
    // anything of the worker's could.
    private bool NeverRan() =>
        !Ran || (Code == 1 && FirstLines is [var first, ..] && first.StartsWith("bwrap: execvp", StringComparison.Ordinal));
}
