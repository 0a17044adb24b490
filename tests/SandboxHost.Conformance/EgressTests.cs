using System.Net.Http.Json;
using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>The way out by policy, and by clients that know no proxy: real databases, unmodified npm packages.</summary>
[Collection<Alone>]
public sealed class EgressTests(EgressTests.Fixture fixture) : IClassFixture<EgressTests.Fixture>
{
    [Fact(Timeout = 60_000)]
    public async Task FC_75_the_npm_package_pg_talks_to_a_PostgreSQL_server_that_is_allowed()
    {
        var seen = await fixture.Client.GetFromJsonAsync<JsonElement>("/postgres");

        Assert.Equal((1000, 1000), (seen.GetProperty("count").GetInt32(), seen.GetProperty("last").GetInt32()));
        Assert.Equal(4_000_000, seen.GetProperty("large").GetInt32());
        Assert.Equal("192.0.0.8", seen.GetProperty("address").GetString());
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_75_the_npm_packages_redis_and_ioredis_talk_to_a_Redis_server_that_is_allowed()
    {
        var seen = await fixture.Client.GetFromJsonAsync<JsonElement>("/redis");

        Assert.Equal(("hello", "it is there"), (seen.GetProperty("read").GetString(), seen.GetProperty("heard").GetString()));
    }

    [Theory(Timeout = 60_000)]
    [InlineData("169.254.169.254", 80)]
    [InlineData("[fd00:ec2::254]", 80)]
    [InlineData("2852039166", 80)]
    [InlineData("10.0.0.1", 5432)]
    [InlineData("host.internal", 443)]
    public async Task FC_75_what_is_not_allowed_is_a_reset_and_is_told_by_name(string host, int port)
    {
        var seen = await KnockAsync("", host, port);

        Assert.Equal("ECONNRESET", seen.GetProperty("connected").GetString());
        await fixture.Host.WaitForLineAsync(line =>
            line.Contains("[knock] The egress door refused ", StringComparison.Ordinal) && line.Contains($":{port} (", StringComparison.Ordinal), TimeSpan.FromSeconds(15));
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_75_names_are_answered_by_the_host_for_every_client()
    {
        Assert.Equal("192.0.0.8", (await KnockAsync("", "host.internal", 443)).GetProperty("found").GetString());
        Assert.Equal("ENOTFOUND", (await KnockAsync("", "nobody.localhost", 443)).GetProperty("found").GetString());
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_76_a_site_whose_policy_is_none_reaches_nothing()
    {
        var before = fixture.Allowed.Connections;

        Assert.Equal(("ENOTFOUND", "ENOTFOUND"), Read(await KnockAsync("none", "example.com", 443)));
        Assert.Equal("ECONNRESET", (await KnockAsync("none", "1.1.1.1", 443)).GetProperty("connected").GetString());
        Assert.False((await OutsideAsync("none", $"http://host.internal:{fixture.Allowed.Port}/")).IsSuccessStatusCode);
        await fixture.Host.WaitForLineAsync("The egress door refused 1.1.1.1:443 (none)");
        Assert.Equal(before, fixture.Allowed.Connections);
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_76_what_one_sites_settings_allow_is_allowed_to_no_other()
    {
        Assert.Equal("allowed", await (await OutsideAsync("", $"http://host.internal:{fixture.Allowed.Port}/")).Content.ReadAsStringAsync());
        Assert.False((await OutsideAsync("listed", $"http://host.internal:{fixture.Allowed.Port}/")).IsSuccessStatusCode);
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_76_a_list_of_names_is_a_list()
    {
        Assert.Equal(("ENOTFOUND", "ENOTFOUND"), Read(await KnockAsync("listed", "unlisted.example", 443)));
        await fixture.Host.WaitForLineAsync("The egress door did not look up unlisted.example (not-listed)");

        Assert.False((await OutsideAsync("listed", "http://unlisted.example/")).IsSuccessStatusCode);
        await fixture.Host.WaitForLineAsync("The egress door refused unlisted.example:80 (not-listed)");

        // Listed, and all the same not on the internet.
        Assert.False((await OutsideAsync("listed", "http://169.254.169.254/")).IsSuccessStatusCode);
        await fixture.Host.WaitForLineAsync("The egress door refused 169.254.169.254:80 (link-local)");
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_76_an_address_that_the_operator_calls_the_machines_own_is_not_reached()
    {
        Assert.False((await OutsideAsync("", $"http://{Fixture.AddressBehindNat}/")).IsSuccessStatusCode);
        await fixture.Host.WaitForLineAsync($"The egress door refused {Fixture.AddressBehindNat}:80 (host-address)");
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_76_a_policy_that_cannot_be_read_is_none_and_says_where()
    {
        Assert.Contains(fixture.Host.Output, line => line.Contains("sandboxhost.toml:2: egress.policy = 'internte': 'internet', 'none' or 'list'", StringComparison.Ordinal));
        Assert.Equal("ECONNRESET", (await KnockAsync("broken", "1.1.1.1", 443)).GetProperty("connected").GetString());
    }

    private static (string? Found, string? Connected) Read(JsonElement seen) => (seen.GetProperty("found").GetString(), seen.GetProperty("connected").GetString());

    private async Task<JsonElement> KnockAsync(string site, string host, int port) =>
        await (await AskAsync(site, $"/knock?host={Uri.EscapeDataString(host.Trim('[', ']'))}&port={port}")).Content.ReadFromJsonAsync<JsonElement>();

    private Task<HttpResponseMessage> OutsideAsync(string site, string url) => AskAsync(site, $"/outside?url={Uri.EscapeDataString(url)}");

    private async Task<HttpResponseMessage> AskAsync(string site, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Host = site.Length > 0 ? $"{site}.localhost" : "localhost";
        return await fixture.Client.SendAsync(request);
    }

    public sealed class Fixture : SiteFixture, IAsyncLifetime
    {
        /// <summary>One of the internet, which nothing is ever sent to here.</summary>
        public const string AddressBehindNat = "9.9.9.9";

        private readonly Dictionary<string, TemporarySite> _others = new()
        {
            ["none"] = new TemporarySite(),
            ["listed"] = new TemporarySite(),
            ["broken"] = new TemporarySite(),
        };

        private DatabaseServers? _databases;

        public LoopbackServer Allowed { get; } = new("allowed");

        protected override string[] Arguments =>
            [.. _others.SelectMany(other => new[] { "--site", $"{other.Key}={other.Value.Directory}" }), "--host-address", AddressBehindNat];

        async ValueTask IAsyncLifetime.InitializeAsync()
        {
            _databases = await DatabaseServers.StartAsync();
            await InitializeAsync();
        }

        async ValueTask IAsyncDisposable.DisposeAsync()
        {
            if (_databases is not null)
            {
                await DisposeAsync();
                await _databases.DisposeAsync();
            }

            Allowed.Dispose();
            foreach (var other in _others.Values)
            {
                other.Dispose();
            }
        }

        protected override void Fill(TemporarySite site)
        {
            var databases = Repository.PathOf("tests/functions/databases");
            foreach (var source in Directory.EnumerateFiles(Path.Combine(databases, "netlify", "functions")))
            {
                site.Write(Path.GetFileName(source), File.ReadAllText(source));
            }

            Directory.CreateSymbolicLink(Path.Combine(site.Directory, "node_modules"), Path.Combine(databases, "node_modules"));
            var (postgres, redis) = (_databases!.PostgresPort, _databases.RedisPort);
            site.WriteFile("sandboxhost.toml", $"""
                [egress]
                ports = [{postgres}, {redis}]
                allow = ["localhost:{postgres}", "localhost:{redis}", "localhost:{Allowed.Port}"]
                [environment]
                DATABASE_URL = "postgres://app:{DatabaseServers.Password}@host.internal:{postgres}/postgres"
                REDIS_URL = "redis://:{DatabaseServers.Password}@host.internal:{redis}"
                """);
            foreach (var other in _others.Values.Append(site))
            {
                other.Write("outside.mjs", File.ReadAllText(Repository.PathOf("tests/functions/site/netlify/functions/outside.mjs")));
                other.Write("knock.mjs", File.ReadAllText(Path.Combine(databases, "netlify", "functions", "knock.mjs")));
            }

            _others["none"].WriteFile("sandboxhost.toml", "[egress]\npolicy = \"none\"\n");
            _others["listed"].WriteFile("sandboxhost.toml", "[egress]\npolicy = \"list\"\nnames = [\"listed.example\", \"169.254.169.254\"]\n");
            _others["broken"].WriteFile("sandboxhost.toml", "[egress]\npolicy = \"internte\"\n");
        }
    }
}
