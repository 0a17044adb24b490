using System.Runtime.CompilerServices;
using SandboxHost.Isolation.Linux;

namespace SandboxHost.Isolation;

/// <summary>A test against the real kernel: wants root, bubblewrap, the published launcher and node, and is skipped with the reason otherwise.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LinuxFactAttribute : FactAttribute
{
    public LinuxFactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line)
    {
        Timeout = 30_000;
        Skip = Reason;
    }

    private static string? Reason { get; } =
        !OperatingSystem.IsLinux() ? "Linux only"
        : LibC.EffectiveUserId != 0 ? "wants root"
        : !File.Exists("/usr/bin/bwrap") ? "wants bubblewrap"
        : !File.Exists(TestPlaces.Launcher) ? "wants the published launcher: a C compiler was missing at build time"
        : TestPlaces.Node is null ? "wants node on PATH, or in SANDBOXHOST_NODE"
        : null;
}
