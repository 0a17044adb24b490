using SandboxHost.Deployments;
using SandboxHost.Egress;
using SandboxHost.Sites.Settings;

namespace SandboxHost.Sites.Tests.Settings;

public sealed class SiteSettingsTests
{
    private readonly List<string> _mistakes = [];

    [TimedFact]
    public void A_functions_limits_are_laid_over_the_sites_and_those_over_the_hosts()
    {
        var settings = Read("""
            [limits]
            streaming_time = "30s"
            request_size = "100mb"

            [functions.upload.limits]
            request_size = "2gb"
            """);
        var host = new FunctionLimits { RequestBytes = 1, QueueLength = 5 };

        Assert.Equal(host with { StreamingTime = TimeSpan.FromSeconds(30), RequestBytes = 2L << 30 }, settings.LimitsFor("upload", host));
        Assert.Equal(host with { StreamingTime = TimeSpan.FromSeconds(30), RequestBytes = 100L << 20 }, settings.LimitsFor("other", host));
        Assert.Empty(_mistakes);
    }

    [TimedFact]
    public void The_environment_is_text()
    {
        var settings = Read("[environment]\nA = \"a\"\nB = 5\nC = true\nD = 1.5");

        Assert.Equal(["a", "5", "true", "1.5"], settings.Environment.Values);
        Assert.Empty(_mistakes);
    }

    [TimedFact]
    public void Egress_may_be_allowed_by_address()
    {
        Assert.Equal(["127.0.0.1:5432"], Read("[egress]\nallow = [\"127.0.0.1:5432\"]").Egress.AllowedPrivate);
        Assert.Empty(_mistakes);
    }

    [TimedFact]
    public void Functions_reach_the_internet_unless_the_site_says_otherwise()
    {
        Assert.Equal(EgressMode.Internet, Read("").Egress.Mode);
        Assert.Equal(EgressMode.Internet, Read("[egress]\npolicy = \"internet\"").Egress.Mode);
        Assert.Equal(EgressMode.None, Read("[egress]\npolicy = \"none\"").Egress.Mode);
        var listed = Read("[egress]\npolicy = \"list\"\nnames = [\"example.com\", \"*.example.org:443\"]\nports = [15432]").Egress;
        Assert.Equal((EgressMode.List, 2, 15432), (listed.Mode, listed.Names.Count, listed.Ports.Single()));
        Assert.Empty(_mistakes);
    }

    [TimedTheory]
    [InlineData("policy = 'lst'", "sandboxhost.toml:3: egress.policy = 'lst': 'internet', 'none' or 'list'")]
    [InlineData("policy = 1", "sandboxhost.toml:3: egress.policy = '1': 'internet', 'none' or 'list'")]
    [InlineData("polcy = 'none'", "sandboxhost.toml:3: egress.polcy is not known here; known are policy, names, ports and allow")]
    [InlineData("policy = 'list'", "sandboxhost.toml:2: egress.names: policy = 'list' wants some")]
    [InlineData("names = ['example.com']", "sandboxhost.toml:3: egress.names: only with policy = 'list'")]
    [InlineData("policy = 'list'\nnames = ['example.com', 'http://a']", "sandboxhost.toml:4: egress.names has 'http://a': names such as 'example.com', '*.example.com' or 'example.com:443'")]
    public void A_policy_that_cannot_be_read_is_none_and_says_where(string lines, string mistake)
    {
        Assert.Equal(EgressMode.None, Read($"# first\n[egress]\n{lines}").Egress.Mode);
        Assert.Equal(mistake, Assert.Single(_mistakes));
    }

    [TimedTheory]
    [InlineData("ports = [25]", "sandboxhost.toml:2: egress.ports = '[25]': up to 16 whole numbers from 1 to 65535, and not 25 or 53")]
    [InlineData("allow = ['example.com']", "sandboxhost.toml:2: egress.allow has 'example.com': an address, address:port or network/length, such as '127.0.0.1:5432'")]
    public void What_only_widens_is_left_out_when_it_is_wrong(string line, string mistake)
    {
        var egress = Read($"[egress]\n{line}").Egress;

        Assert.Equal((EgressMode.Internet, 0, 0), (egress.Mode, egress.Ports.Count, egress.AllowedPrivate.Count));
        Assert.Equal(mistake, Assert.Single(_mistakes));
    }

    [TimedFact]
    public void Every_mistake_is_reported_with_file_key_value_and_rule()
    {
        var settings = Read("""
            limit = 5

            [limits]
            memory = "1mb"
            streaming_time = "0s"
            colour = "red"
            concurrency = 4

            [functions.a.limits]
            max_workers = 0
            queue_length = [1]

            [functions.b]
            schedule = "@daily"

            [functions.c]
            extra = 1
            [functions.c.limits]
            vcpu = 1

            [environment]
            LIST = [1]

            [egress]
            allow = [5]
            deny = []
            """);

        Assert.Equal(
            [
                "sandboxhost.toml: 'limit' is not known here; known are [limits], [functions.NAME.limits], [environment], [egress] and [events] secret",
                "sandboxhost.toml: limits.memory = '1mb': a size such as '1024mb', 128mb or more",
                "sandboxhost.toml: limits.streaming_time = '0s': a time such as '500ms', '10s' or '15min', up to a day",
                "sandboxhost.toml: limits.colour = 'red': no limit has this name",
                "sandboxhost.toml: functions.a.limits.max_workers = '0': a whole number from 1 to 1000",
                "sandboxhost.toml: functions.a.limits.queue_length = '[1]': a whole number from 1 to 100000",
                "sandboxhost.toml: functions.b holds no [limits]",
                "sandboxhost.toml: functions.c.extra is not known here; known is [functions.c.limits]",
                "sandboxhost.toml: environment.LIST = '[1]': a text, a number, or true or false",
                "sandboxhost.toml:25: egress.allow = '[5]': a list of texts such as '127.0.0.1:5432'",
                "sandboxhost.toml:26: egress.deny is not known here; known are policy, names, ports and allow",
            ],
            _mistakes);
        Assert.Equal(4, settings.LimitsFor("z", FunctionLimits.Default).Concurrency);
        Assert.Equal(1, settings.LimitsFor("c", FunctionLimits.Default).Vcpu);
    }

    [TimedTheory]
    [InlineData("[limits")]
    [InlineData("a = ")]
    [InlineData("a = \"\\")]
    public void What_is_no_toml_is_one_mistake_and_no_settings(string text)
    {
        Assert.Same(SiteSettings.Unreadable, Read(text));
        Assert.Equal(EgressMode.None, SiteSettings.Unreadable.Egress.Mode);
        Assert.StartsWith("sandboxhost.toml: ", Assert.Single(_mistakes), StringComparison.Ordinal);
    }

    [TimedFact]
    public void Hostile_nesting_is_a_mistake_and_not_the_end_of_the_process()
    {
        Assert.Same(SiteSettings.Unreadable, Read("a = " + new string('[', 100_000)));
        Assert.Single(_mistakes);
    }

    private SiteSettings Read(string text) => SiteSettings.Parse(text, _mistakes);
}
