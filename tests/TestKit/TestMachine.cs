using Xunit.v3;

namespace SandboxHost.TestKit;

/// <summary>What kind of machine the tests run on. eng/cgroup2-vm-tests.sh says when it is an emulated one.</summary>
public static class TestMachine
{
    private const int EmulatedTimesSlower = 20;

    /// <summary>
    /// A virtual machine that is thrown away after the tests and in which nothing else runs: its kernel's settings may be
    /// changed, and it is slow.
    /// </summary>
    public static bool IsVirtual { get; } = Environment.GetEnvironmentVariable("SANDBOXHOST_TEST_MACHINE") == "cgroup2-vm";

    /// <summary>A time limit or a pause, longer where the machine is slower.</summary>
    public static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(IsVirtual ? seconds * EmulatedTimesSlower : seconds);
}

/// <summary>A test that runs on this machine and in the virtual one, whose only cgroups are v2.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class AlsoOnCgroup2Attribute : Attribute, ITraitAttribute
{
    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() => [new("cgroup2", "also")];
}

/// <summary>A test that runs in the virtual machine only; ./test.sh leaves it out elsewhere.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class OnlyOnCgroup2Attribute : Attribute, ITraitAttribute
{
    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() => [new("cgroup2", "only")];
}
