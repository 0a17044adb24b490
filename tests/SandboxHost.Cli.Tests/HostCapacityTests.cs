using SandboxHost.Server;

namespace SandboxHost.Cli.Tests;

public sealed class HostCapacityTests
{
    private const long Gigabyte = 1L << 30;

    [TimedTheory]
    [InlineData(24, 1_048_576, 576)]
    [InlineData(24, 20_000, 576)]
    [InlineData(64, 20_000, 583)]
    [InlineData(24, 4096, 119)]
    [InlineData(24, 1024, 20)]
    [InlineData(1, 1_048_576, 24)]
    [InlineData(0, 256, 8)]
    public void As_many_workers_live_as_memory_and_descriptors_allow(int gigabytes, long descriptors, int workers) =>
        Assert.Equal(workers, new HostCapacity(gigabytes * Gigabyte, descriptors).MaxWorkers);

    [TimedTheory]
    [InlineData("Max open files            1024                 524288               files     ", 1024)]
    [InlineData("Max open files            unlimited            unlimited            files     ", long.MaxValue)]
    [InlineData("Max processes             100                  100                  processes ", long.MaxValue)]
    [InlineData("Max open files", long.MaxValue)]
    public void The_limit_of_descriptors_is_the_soft_one(string line, long limit) =>
        Assert.Equal(limit, HostCapacity.ReadDescriptorLimit(["Limit                     Soft Limit           Hard Limit           Units", line]));
}
