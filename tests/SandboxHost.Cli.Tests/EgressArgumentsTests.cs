using System.Net;
using SandboxHost.Isolation;

namespace SandboxHost.Cli.Tests;

public sealed class EgressArgumentsTests
{
    [TimedFact]
    public void Limits_have_the_names_that_logs_have_and_bursts_keep_their_proportion()
    {
        var egress = Read(["connections=16", "rate=10", "bytes=8mb", "lookup-rate=5", "lookups=2"], []);

        Assert.Equal(
            new EgressLimits
            {
                MaxConnections = 16,
                ConnectionsPerSecond = 10,
                ConnectionBurst = 100,
                BytesPerSecond = 8 << 20,
                ByteBurst = 128 << 20,
                LookupsPerSecond = 5,
                LookupBurst = 50,
                MaxLookups = 2,
            },
            egress.Limits);
    }

    [TimedFact]
    public void The_proportions_are_those_of_the_defaults() =>
        Assert.Equal(new EgressLimits(), Read(["rate=100", "bytes=32mb", "lookup-rate=20"], []).Limits);

    [TimedFact]
    public void Addresses_of_the_machine_are_taken_in_both_families() =>
        Assert.Equal([IPAddress.Parse("203.0.113.5"), IPAddress.Parse("2001:db8::5")], Read([], ["203.0.113.5", "2001:db8::5"]).FurtherHostAddresses);

    [TimedTheory]
    [InlineData("connections=0", "1 to 10000")]
    [InlineData("connections", "1 to 10000")]
    [InlineData("rate=-1", "1 to 100000")]
    [InlineData("bytes=lots", "such as '32mb'")]
    [InlineData("lookups=1001", "1 to 1000")]
    [InlineData("speed=1", "there is no limit speed")]
    public void What_cannot_be_read_is_said(string limit, string rule)
    {
        var mistakes = new List<string>();
        EgressArguments.Read([limit], ["localhost"], mistakes);

        Assert.Collection(
            mistakes,
            mistake => Assert.Contains(rule, mistake, StringComparison.Ordinal),
            mistake => Assert.Equal("--host-address localhost: not an IP address", mistake));
    }

    private static EgressOptions Read(string[] limits, string[] addresses)
    {
        var mistakes = new List<string>();
        var egress = EgressArguments.Read(limits, addresses, mistakes);
        Assert.Empty(mistakes);
        return egress;
    }
}
