using System.Globalization;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Windows;

/// <summary>What is known when a job's first process has ended.</summary>
internal sealed record JobExit
{
    // NTSTATUS codes of severity "error": how Windows says that it ended a process for what that did.
    private const uint FirstCrash = 0xC0000000;

    public required uint Code { get; init; }

    public required bool KilledByHost { get; init; }

    /// <summary>How often memory was refused. Nothing is killed for it; what a process does then is its own affair, and mostly an end.</summary>
    public required int MemoryLimitMet { get; init; }

    public required long MemoryLimitBytes { get; init; }

    public required long PeakMemoryBytes { get; init; }

    /// <summary>Says why it ended. Pure.</summary>
    public SandboxExit Explain()
    {
        var exit = new SandboxExit(SandboxExitReason.Exited, 0, 0, MemoryLimitBytes, PeakMemoryBytes);
        var code = string.Create(CultureInfo.InvariantCulture, $"code 0x{Code:X8}");
        if (KilledByHost)
        {
            return exit with { Reason = SandboxExitReason.Killed };
        }

        if (MemoryLimitMet > 0 && Code != 0)
        {
            return exit with
            {
                Reason = SandboxExitReason.OutOfMemory,
                Detail = $"memory limit {MemoryLimitBytes} bytes reached {MemoryLimitMet} times, peak {PeakMemoryBytes} bytes, {code}",
            };
        }

        return Code >= FirstCrash
            ? exit with { Reason = SandboxExitReason.Signalled, Detail = code }
            : exit with { Code = (int)Code };
    }
}
