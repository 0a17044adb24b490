using SandboxHost.Deployments;

namespace SandboxHost.Tests.Deployments;

public sealed class FunctionLimitsTests
{
    [TimedFact]
    public void Defaults_are_the_ones_of_the_reference()
    {
        var limits = FunctionLimits.Default;

        Assert.Equal(TimeSpan.FromSeconds(10), limits.StreamingTime);
        Assert.Equal(20_971_520, limits.StreamingBytes);
        Assert.Equal(TimeSpan.FromSeconds(60), limits.BufferedTime);
        Assert.Equal(6_291_456, limits.BufferedBytes);
        Assert.Equal(6_291_456, limits.RequestBytes);
        Assert.Equal(TimeSpan.FromMinutes(15), limits.BackgroundTime);
        Assert.Equal(262_144, limits.BackgroundBytes);
        Assert.Equal(TimeSpan.FromSeconds(30), limits.ScheduledTime);
        Assert.Equal(1024 * FunctionLimits.Megabyte, limits.MemoryBytes);
    }

    [TimedTheory]
    [InlineData(128, 0.5)]
    [InlineData(1024, 0.5)]
    [InlineData(2048, 1)]
    [InlineData(3072, 1.5)]
    [InlineData(4096, 2)]
    [InlineData(16384, 2)]
    public void Memory_brings_its_share_of_cpu(long megabytes, double vcpu) =>
        Assert.Equal(vcpu, new FunctionLimits { MemoryBytes = megabytes * FunctionLimits.Megabyte }.EffectiveVcpu);

    [TimedFact]
    public void A_vcpu_that_was_asked_for_counts() => Assert.Equal(0.1, new FunctionLimits { Vcpu = 0.1 }.EffectiveVcpu);
}
