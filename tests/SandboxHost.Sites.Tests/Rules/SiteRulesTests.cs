using SandboxHost.Deployments;
using SandboxHost.Routing.Rules;
using Tomlyn;
using Tomlyn.Model;

namespace SandboxHost.Sites.Rules;

/// <summary>From the files of a site to its rules, and what is said about what is wrong in them.</summary>
public sealed class SiteRulesTests : IDisposable
{
    private readonly TempFolder _site = new();
    private readonly List<string> _mistakes = [];

    public void Dispose() => _site.Dispose();

    [TimedFact]
    public void A_wrong_line_is_named_and_left_out_and_the_others_hold()
    {
        _site.Write("_redirects", "/a /b\n\nnonsense\n/c nowhere\n/.netlify/x /y\n/d /e 302\n");

        Assert.Equal(["/a", "/d"], Read().Redirects.Rules.Select(rule => rule.From.Text));
        Assert.Equal(
            [
                "_redirects:3: Missing destination path/URL (nonsense)",
                "_redirects:4: The destination path/URL must start with \"/\", \"http:\" or \"https:\" (/c nowhere)",
                "_redirects:5: \"path\" field must not start with \"/.netlify\" (/.netlify/x /y)",
            ],
            _mistakes);
    }

    [TimedTheory]
    [InlineData("/a /b 999", "_redirects:1: status = '999': 200 to 599")]
    [InlineData("/a /b 100", "_redirects:1: status = '100': 200 to 599")]
    [InlineData("a /b", "_redirects:1: from = 'a': begins with '/', 'http://' or 'https://'")]
    [InlineData("/a /b 200 Browser=x", "_redirects:1: Condition 'Browser' is not known; known are Language, Country, Role, Cookie")]
    [InlineData("/a https://x.test 404", "_redirects:1: status = '404' with an address in to: 200 for a proxy, 3xx for a redirect")]
    public void A_rule_that_can_not_be_carried_out_is_named(string line, string mistake)
    {
        _site.Write("_redirects", line);

        Assert.Empty(Read().Redirects.Rules);
        Assert.Equal([mistake], _mistakes);
    }

    [TimedFact]
    public void The_publish_directory_comes_first_and_netlify_toml_last()
    {
        _site.Write("public/_redirects", "/one /x");
        _site.Write("_redirects", "/two /x");

        Assert.Equal(["/one", "/two", "/three"], Read("[[redirects]]\nfrom = '/three'\nto = '/x'", "public").Redirects.Rules.Select(rule => rule.From.Text));
    }

    [TimedFact]
    public void A_signed_rule_takes_its_secret_from_the_environment()
    {
        _site.Write("_redirects", "/a https://x.test 200 Sign=THERE\n/b https://x.test 200 Sign=MISSING");

        var rules = Read().Redirects.Rules;

        Assert.Equal(["the secret", null], rules.Select(rule => rule.SigningSecret));
        Assert.Equal(["_redirects:2: Could not sign redirect because environment variable MISSING is not set"], _mistakes);
    }

    [TimedFact]
    public void Roles_without_a_secret_are_nobodys_and_it_says_so()
    {
        _site.Write("_redirects", "/a /b 200 Role=admin");

        Assert.Null(Read().RoleTokens);
        Assert.Equal(["Redirects ask for a role, and nobody has one: netlify.toml has no [dev] jwtSecret to check tokens with"], _mistakes);
        var tokens = Read("[dev]\njwtSecret = 's'\njwtRolePath = 'a.b'").RoleTokens!;
        Assert.Equal(("s", "a.b"), (System.Text.Encoding.UTF8.GetString(tokens.Secret.Span), tokens.ClaimPath));
        Assert.Single(_mistakes);
    }

    [TimedTheory]
    [InlineData("window_limit = 5\nwindow_size = 60", RateLimitKeys.Domain, null)]
    [InlineData("window_limit = 5\nwindow_size = 60\naggregate_by = 'ip'", RateLimitKeys.Ip, null)]
    [InlineData("window_limit = 5\nwindow_size = 60\naggregate_by = ['ip', 'domain']", RateLimitKeys.Ip | RateLimitKeys.Domain, null)]
    [InlineData("window_limit = 5\nwindow_size = 60\naction = 'rewrite'\nto = '/slow'", RateLimitKeys.Domain, "/slow")]
    public void A_rate_limit_stays_with_its_rule(string limit, RateLimitKeys keys, string? rewriteTo) =>
        Assert.Equal(
            new RateLimitRule(5, TimeSpan.FromSeconds(60), keys, rewriteTo),
            Assert.Single(Read($"[[redirects]]\nfrom = '/a'\nto = '/b'\n[redirects.rate_limit]\n{limit}").Redirects.Rules).RateLimit);

    [TimedTheory]
    [InlineData("window_limit = 5")]
    [InlineData("window_limit = 5\nwindow_size = 181")]
    [InlineData("window_limit = 0\nwindow_size = 60")]
    [InlineData("window_limit = 5\nwindow_size = 60\naggregate_by = 'country'")]
    [InlineData("window_limit = 5\nwindow_size = 60\naction = 'rewrite'")]
    public void A_wrong_rate_limit_leaves_the_rule_out(string limit)
    {
        Assert.Empty(Read($"[[redirects]]\nfrom = '/a'\nto = '/b'\n[redirects.rate_limit]\n{limit}").Redirects.Rules);
        Assert.StartsWith("netlify.toml: redirects[1]: rate_limit: ", Assert.Single(_mistakes));
    }

    [TimedTheory]
    [InlineData("Content-Length: 5", "_headers:1: Header \"Content-Length\" can't be set by a rule")]
    [InlineData("transfer-encoding: chunked", "_headers:1: Header \"transfer-encoding\" can't be set by a rule")]
    [InlineData("Basic-Auth: me:secret", "_headers:1: Basic-Auth is not supported here: the path is open to everybody")]
    [InlineData("X Y: z", "_headers:1: 'X Y' is no header name")]
    [InlineData("X-Y: €", "_headers:1: Header \"X-Y\" has a value with characters that no header may have")]
    [InlineData("X-Y: a\rSet-Cookie: b", "_headers:1: Header \"X-Y\" has a value with characters that no header may have")]
    public void A_field_that_no_rule_may_set_is_named_and_left_out(string field, string mistake)
    {
        _site.Write("_headers", $"/a\n  {field}\n  X-Good: yes\n");

        Assert.Equal(["X-Good"], Assert.Single(Read().Headers.Rules).Fields.Select(one => one.Key));
        Assert.Equal([mistake], _mistakes);
    }

    [TimedFact]
    public void More_rules_than_there_may_be_are_left_out()
    {
        _site.Write("_redirects", string.Join('\n', Enumerable.Range(0, RedirectTable.MaxRules + 5).Select(i => $"/{i} /x")));

        Assert.Equal(RedirectTable.MaxRules, Read().Redirects.Rules.Count);
        Assert.Equal(["10005 redirects are more than 10000; those after it are left out"], _mistakes);
    }

    [TimedFact]
    public void A_file_or_line_that_is_too_long_is_named()
    {
        _site.Write("_redirects", new string('#', 5 * 1024 * 1024));
        _site.Write("public/_redirects", "/a /" + new string('b', 5000));

        Assert.Empty(Read("", "public").Redirects.Rules);
        Assert.Equal(["_redirects:1: The line is longer than 4096 characters", "_redirects has 5242880 bytes, more than 4194304, and is not read"], _mistakes);
    }

    [TimedTheory]
    [InlineData("", "netlify.toml", true)]
    [InlineData("", "package-lock.json", true)]
    [InlineData("", "netlify/functions", true)]
    [InlineData("public", "netlify.toml", false)]
    [InlineData("public", "netlify/functions", false)]
    [InlineData("public", "_headers", true)]
    public void What_describes_the_site_is_hidden_when_the_site_folder_is_published(string publish, string name, bool isHidden)
    {
        var files = PublishDirectory.FilesOf("/site", publish.Length == 0 ? "/site" : "/site/" + publish, ["/site/netlify/functions"]);

        Assert.Equal(isHidden, files.Hidden.Contains(name));
    }

    private SiteRules Read(string toml = "", string publish = "") => SiteRules.Read(
        new RuleSources(
            _site.Path,
            publish.Length == 0 ? _site.Path : _site.File(publish),
            TomlSerializer.Deserialize<TomlTable>(toml),
            new Dictionary<string, string> { ["THERE"] = "the secret" }),
        _mistakes.Add);
}
