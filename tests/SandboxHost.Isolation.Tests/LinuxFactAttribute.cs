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
        Timeout = RealKernel.TimeoutMilliseconds;
        Skip = RealKernel.WhyNot;
    }
}

/// <summary>The same with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LinuxTheoryAttribute : TheoryAttribute
{
    public LinuxTheoryAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line)
    {
        Timeout = RealKernel.TimeoutMilliseconds;
        Skip = RealKernel.WhyNot;
    }
}

internal static class RealKernel
{
    public static int TimeoutMilliseconds { get; } = (int)TestMachine.Seconds(30).TotalMilliseconds;

    /// <summary>Why tests against the real kernel cannot run here; null when they can.</summary>
    public static string? WhyNot { get; } =
        !OperatingSystem.IsLinux() ? "Linux only"
        : LibC.EffectiveUserId != 0 ? "wants root"
        : !File.Exists("/usr/bin/bwrap") ? "wants bubblewrap"
        : !File.Exists(TestPlaces.Launcher) ? "wants the published launcher: a C compiler was missing at build time"
        : TestPlaces.Node is null ? "wants node on PATH, or in SANDBOXHOST_NODE"
        : null;
}
