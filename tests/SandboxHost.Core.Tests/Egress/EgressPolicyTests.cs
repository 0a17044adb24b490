using System.Net;
using SandboxHost.Egress;
using SandboxHost.Sandboxes;

namespace SandboxHost.Tests.Egress;

public sealed class EgressPolicyTests
{
    private static readonly HashSet<IPAddress> Own = [IPAddress.Parse("8.8.4.4"), IPAddress.Parse("2600::1")];
    private static readonly EgressPolicy Strict = EgressPolicy.Internet;

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
    [InlineData("0251.0376.0251.0376", "link-local")]
    [InlineData("0xa9.0xfe.0xa9.0xfe", "link-local")]
    [InlineData("2852039166", "link-local")]
    [InlineData("169.16689662", "link-local")]
    [InlineData("10.1", "private")]
    [InlineData("0", "this-network")]
    [InlineData("::ffff:169.254.169.254", "link-local")]
    [InlineData("::ffff:a9fe:a9fe", "link-local")]
    [InlineData("::ffff:0:127.0.0.1", "not-global")] // translated (RFC 2765)
    [InlineData("::169.254.169.254", "ipv4-compatible")]
    [InlineData("64:ff9b::a9fe:a9fe", "nat64")]
    [InlineData("64:ff9b:1::a9fe:a9fe", "nat64")]
    [InlineData("2002:a9fe:a9fe::1", "6to4")]
    [InlineData("2001:0:a9fe:a9fe::1", "teredo")]
    [InlineData("2600:1::5efe:10.0.0.1", "isatap")]
    [InlineData("2600:1::200:5efe:a9fe:a9fe", "isatap")]
    [InlineData("fd00:ec2::254%3", "unique-local")]
    [InlineData("FD00:EC2::254", "unique-local")]
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
    [InlineData("2a00::5eff:1.1.1.1")]
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
        Assert.Equal(allowed, Allowing(entry).Judge(IPAddress.Parse(address), port, Own).IsAllowed);

    [TimedTheory]
    [InlineData("example.com")]
    [InlineData("10.0.0.1:http")]
    [InlineData("10.0.0.0/99")]
    [InlineData("")]
    public void Entries_that_cannot_be_read_are_refused_by_name(string entry) =>
        Assert.Contains($"'{entry}'", Assert.Throws<SandboxException>(() => Allowing(entry)).Message);

    [TimedTheory]
    [InlineData("example.com", 443, true)]
    [InlineData("EXAMPLE.com", 443, true)]
    [InlineData("example.com.", 443, true)]
    [InlineData("www.example.com", 443, false)]
    [InlineData("example.com.evil.example", 443, false)]
    [InlineData("notexample.com", 443, false)]
    [InlineData("a.below.example", 443, true)]
    [InlineData("a.b.Below.Example.", 443, true)]
    [InlineData("below.example", 443, false)]
    [InlineData("xbelow.example", 443, false)]
    [InlineData(".below.example", 443, false)]
    [InlineData("db.example", 5432, true)]
    [InlineData("db.example", 5433, false)]
    [InlineData("b\u00fccher.example", 443, true)]
    [InlineData("xn--bcher-kva.example", 443, true)]
    [InlineData("B\u00dcCHER.example", 443, true)]
    [InlineData("1.1.1.1", 443, true)]
    [InlineData("::ffff:1.1.1.1", 443, true)]
    [InlineData("0x01010101", 443, true)]
    [InlineData("1.1.1.2", 443, false)]
    [InlineData("2606:4700::1111", 443, true)]
    [InlineData("2606:4700:0::1111", 443, true)]
    [InlineData("2606:4700::1111", 80, false)]
    [InlineData("example.com@db.example", 443, false)]
    [InlineData("example.com\0.evil.example", 443, false)]
    [InlineData("example.com/evil.example", 443, false)]
    [InlineData("", 443, false)]
    public void A_list_lets_through_the_names_that_it_has_in_any_spelling_and_no_other(string host, int port, bool allowed)
    {
        var policy = Listing("example.com", "*.below.example", "db.example:5432", "b\u00fccher.example", "1.1.1.1", "[2606:4700::1111]:443");

        Assert.Equal(allowed, policy.JudgeName(host, port).IsAllowed);
    }

    [TimedTheory]
    [InlineData("example.com", true)]
    [InlineData("db.example", true)]
    [InlineData("other.example", false)]
    public void A_name_of_a_list_may_be_looked_up_whatever_its_port(string host, bool allowed) =>
        Assert.Equal(allowed, Listing("example.com", "db.example:5432").JudgeName(host, null).IsAllowed);

    [TimedTheory]
    [InlineData("example.com")]
    [InlineData("1.1.1.1")]
    [InlineData("host.internal")]
    [InlineData("")]
    public void None_is_none(string host) => Assert.False(new EgressPolicy(new EgressRules { Mode = EgressMode.None }).JudgeName(host, 443).IsAllowed);

    [TimedTheory]
    [InlineData(EgressMode.None, "127.0.0.1", 5432, true)]
    [InlineData(EgressMode.None, "host.internal", 5432, true)]
    [InlineData(EgressMode.List, "HOST.internal", 5432, true)]
    [InlineData(EgressMode.List, "host.internal", 5433, false)]
    [InlineData(EgressMode.List, "10.0.0.1", 5432, false)]
    public void What_is_allowed_by_address_is_reached_under_every_policy(EgressMode mode, string host, int port, bool allowed)
    {
        var rules = new EgressRules { Mode = mode, Names = mode == EgressMode.List ? ["example.com"] : [], AllowedPrivate = ["localhost:5432"] };

        Assert.Equal(allowed, new EgressPolicy(rules).JudgeName(host, port).IsAllowed);
    }

    [TimedFact]
    public void A_listed_name_is_no_reason_to_dial_a_private_address() =>
        Assert.Equal("link-local", Listing("169.254.169.254", "metadata.example").Judge(IPAddress.Parse("169.254.169.254"), 80, Own).Rule);

    [TimedTheory]
    [InlineData("")]
    [InlineData("*")]
    [InlineData("*.")]
    [InlineData("a.*.example")]
    [InlineData("http://example.com")]
    [InlineData("example.com:")]
    [InlineData("example.com:0")]
    [InlineData("example.com:70000")]
    [InlineData("example.com:http")]
    [InlineData("ex ample.com")]
    [InlineData("-example.com")]
    [InlineData("user@example.com")]
    public void Names_that_cannot_be_read_are_refused_by_name(string name) =>
        Assert.Contains($"'{name}'", Assert.Throws<SandboxException>(() => Listing(name)).Message);

    [TimedTheory]
    [InlineData(0)]
    [InlineData(25)]
    [InlineData(70_000)]
    public void Ports_that_cannot_be_opened_are_refused(int port) =>
        Assert.Contains($"{port}", Assert.Throws<SandboxException>(() => new EgressPolicy(new EgressRules { Ports = [port] })).Message);

    [TimedFact]
    public void An_address_is_judged_for_any_port_when_a_name_is_looked_up()
    {
        Assert.True(Allowing("10.0.0.1:5432").Judge(IPAddress.Parse("10.0.0.1"), null, Own).IsAllowed);
        Assert.Equal("private", Allowing("10.0.0.1:5432").Judge(IPAddress.Parse("10.0.0.2"), null, Own).Rule);
        Assert.True(Strict.Judge(IPAddress.Parse("1.1.1.1"), null, Own).IsAllowed);
    }

    private static EgressPolicy Allowing(string entry) => new(new EgressRules { AllowedPrivate = [entry] });

    private static EgressPolicy Listing(params string[] names) => new(new EgressRules { Mode = EgressMode.List, Names = names });
}
