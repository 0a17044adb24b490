using System.Net;
using SandboxHost.Egress;
using SandboxHost.Sandboxes;

namespace SandboxHost.Tests.Egress;

public sealed class EgressPolicyTests
{
    private static readonly HashSet<IPAddress> Own = [IPAddress.Parse("8.8.4.4"), IPAddress.Parse("2600::1")];
    private static readonly EgressPolicy Strict = new([]);

    [TimedTheory]
    [InlineData("0.0.0.0", "this-network")]
    [InlineData("0.1.2.3", "this-network")]
    [InlineData("10.0.0.1", "private")]
    [InlineData("10.255.255.255", "private")]
    [InlineData("100.64.0.1", "shared")]
    [InlineData("100.100.100.200", "shared")] // a cloud's metadata
    [InlineData("100.127.255.255", "shared")]
    [InlineData("127.0.0.1", "loopback")]
    [InlineData("127.255.255.254", "loopback")]
    [InlineData("2130706433", "loopback")]
    [InlineData("0177.1", "loopback")]
    [InlineData("0x7f.1", "loopback")]
    [InlineData("0x7f000001", "loopback")]
    [InlineData("017700000001", "loopback")]
    [InlineData("127.1", "loopback")]
    [InlineData("169.254.169.254", "link-local")]
    [InlineData("0xa9fea9fe", "link-local")]
    [InlineData("172.16.0.1", "private")]
    [InlineData("172.31.255.255", "private")]
    [InlineData("192.0.0.192", "protocol")]
    [InlineData("192.0.2.1", "documentation")]
    [InlineData("192.88.99.1", "6to4")]
    [InlineData("192.168.1.1", "private")]
    [InlineData("198.18.0.1", "benchmark")]
    [InlineData("198.19.255.255", "benchmark")]
    [InlineData("198.51.100.7", "documentation")]
    [InlineData("203.0.113.7", "documentation")]
    [InlineData("224.0.0.1", "multicast")]
    [InlineData("240.0.0.1", "reserved")]
    [InlineData("255.255.255.255", "reserved")]
    [InlineData("168.63.129.16", "cloud-platform")]
    [InlineData("::", "unspecified")]
    [InlineData("::1", "loopback")]
    [InlineData("::127.0.0.1", "ipv4-compatible")]
    [InlineData("::ffff:127.0.0.1", "loopback")]
    [InlineData("::ffff:7f00:1", "loopback")]
    [InlineData("::ffff:10.1.1.1", "private")]
    [InlineData("::ffff:8.8.4.4", "host-address")]
    [InlineData("64:ff9b::7f00:1", "nat64")]
    [InlineData("64:ff9b::808:808", "nat64")]
    [InlineData("64:ff9b:1::1", "nat64")]
    [InlineData("100::1", "not-global")]
    [InlineData("2001::1", "teredo")]
    [InlineData("2001:10::1", "protocol")]
    [InlineData("2001:db8::1", "documentation")]
    [InlineData("2002:7f00:1::", "6to4")]
    [InlineData("3fff::1", "documentation")]
    [InlineData("4000::1", "not-global")]
    [InlineData("fc00::1", "unique-local")]
    [InlineData("fd00:ec2::254", "unique-local")] // a cloud's metadata
    [InlineData("fe80::1", "link-local")]
    [InlineData("fe80::1%1", "link-local")]
    [InlineData("fec0::1", "site-local")]
    [InlineData("ff02::1", "multicast")]
    [InlineData("8.8.4.4", "host-address")]
    [InlineData("2600::1", "host-address")]
    public void Addresses_that_are_not_on_the_internet_are_refused(string address, string rule) =>
        Assert.Equal(rule, Strict.Judge(IPAddress.Parse(address), 443, Own).Rule);

    [TimedTheory]
    [InlineData("1.1.1.1")]
    [InlineData("9.255.255.255")]
    [InlineData("11.0.0.1")]
    [InlineData("100.63.255.255")]
    [InlineData("100.128.0.1")]
    [InlineData("172.15.255.255")]
    [InlineData("172.32.0.1")]
    [InlineData("192.0.1.1")]
    [InlineData("198.17.255.255")]
    [InlineData("223.255.255.255")]
    [InlineData("::ffff:1.1.1.1")]
    [InlineData("2606:4700::1111")]
    [InlineData("2a00::1")]
    public void Addresses_on_the_internet_are_allowed(string address) =>
        Assert.True(Strict.Judge(IPAddress.Parse(address), 443, Own).IsAllowed);

    [TimedTheory]
    [InlineData(25)]
    [InlineData(0)]
    public void Mail_and_no_port_are_refused(int port) => Assert.Equal("port", Strict.Judge(IPAddress.Parse("1.1.1.1"), port, Own).Rule);

    [TimedTheory]
    [InlineData("127.0.0.1:8080", "127.0.0.1", 8080, true)]
    [InlineData("127.0.0.1:8080", "::ffff:127.0.0.1", 8080, true)]
    [InlineData("127.0.0.1:8080", "127.0.0.1", 8081, false)]
    [InlineData("127.0.0.1:8080", "127.0.0.2", 8080, false)]
    [InlineData("10.0.0.0/8", "10.9.8.7", 1, true)]
    [InlineData("10.0.0.0/8", "11.9.8.7", 80, true)] // on the internet anyway
    [InlineData("10.0.0.0/8:5432", "10.9.8.7", 5433, false)]
    [InlineData("fd00::/8", "fd12::1", 80, true)]
    [InlineData("[fd00::1]:80", "fd00::1", 80, true)]
    [InlineData("[fd00::1]:80", "fd00::1", 81, false)]
    [InlineData("fd00::1", "fd00::1", 81, true)]
    [InlineData("localhost:3000", "127.0.0.1", 3000, true)]
    [InlineData("localhost:3000", "::1", 3000, true)]
    [InlineData("localhost:3000", "::1", 3001, false)]
    [InlineData("10.1.1.1:25", "10.1.1.1", 25, true)] // said exactly
    [InlineData("8.8.4.4", "8.8.4.4", 80, true)] // the host's own
    public void Operator_can_allow_single_destinations(string entry, string address, int port, bool allowed) =>
        Assert.Equal(allowed, new EgressPolicy([entry]).Judge(IPAddress.Parse(address), port, Own).IsAllowed);

    [TimedTheory]
    [InlineData("example.com")]
    [InlineData("10.0.0.1:http")]
    [InlineData("10.0.0.0/99")]
    [InlineData("")]
    public void Entries_that_cannot_be_read_are_refused_by_name(string entry) =>
        Assert.Contains($"'{entry}'", Assert.Throws<SandboxException>(() => new EgressPolicy([entry])).Message);
}
