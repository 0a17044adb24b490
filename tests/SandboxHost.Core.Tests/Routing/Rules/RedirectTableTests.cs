using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using SandboxHost.Routing;
using SandboxHost.Routing.Rules;

namespace SandboxHost.Tests.Routing.Rules;

public sealed class RedirectTableTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    [TimedTheory]
    [InlineData("/a", "/a")]
    [InlineData("/a", "/a/")]
    [InlineData("/a/", "/a")]
    [InlineData("/a b", "/a%20b")]
    [InlineData("/%61", "/a")]
    [InlineData("/caf%c3%a9", "/caf%C3%A9")]
    [InlineData("/é", "/%C3%A9")]
    public void A_path_is_compared_in_any_spelling(string from, string path) => Assert.Equal("/to", Follow([Rule(from, "/to")], path));

    [TimedTheory]
    [InlineData("/a", "/A")]
    [InlineData("/a", "/a/b")]
    [InlineData("/a/:x", "/a")]
    [InlineData("/a/:x", "/a/")]
    [InlineData("/a/:x", "/a/b/c")]
    [InlineData("/a/*", "/ab")]
    [InlineData("/a/b", "/a%2Fb")]
    [InlineData("/a/*/z", "/a/b/c")]
    public void Another_path_is_not_taken(string from, string path) => Assert.Null(Follow([Rule(from, "/to")], path));

    [TimedTheory]
    [InlineData("/a/*", "/b/:splat", "/a/x/y", "/b/x/y")]
    [InlineData("/a/*", "/b/:splat", "/a", "/b/")]
    [InlineData("/a/*", "/b/:splat", "/a/x/", "/b/x/")]
    [InlineData("/a/*/z", "/b/:splat", "/a/1/2/z", "/b/1/2")]
    [InlineData("/a/*/x/*", "/b/:splat", "/a/1/x/2/x/3", "/b/1/x/2")]
    [InlineData("/pre*", "/b/:splat", "/prefix/y", "/b/fix/y")]
    [InlineData("/:y/:m", "/:m/:y", "/2020/5", "/5/2020")]
    [InlineData("/:id/:id2", "/x/:id2/:id", "/1/2", "/x/2/1")]
    [InlineData("/:a", "/to/:b", "/1", "/to/:b")]
    [InlineData("/:a", "https://x.test/:a", "/1", "https://x.test/1")]
    [InlineData("/:a", "https://:a.x.test:8080/", "/cdn", "https://cdn.x.test:8080/")]
    [InlineData("/a/*", "/to#:splat", "/a/x", "/to#x")]
    public void Placeholders_and_splats_are_put_in(string from, string to, string path, string expected) =>
        Assert.Equal(expected, Follow([Rule(from, to)], path));

    [TimedTheory]
    [InlineData("/open/*", "/:splat", "/open//evil.test", "/evil.test")]
    [InlineData("/open/*", "/:splat", "/open///evil.test", "/evil.test")]
    [InlineData("/g/:a", "/find?q=:a", "/g/1&admin=1", "/find?q=1%26admin%3D1")]
    [InlineData("/g/:a", "https://:a.x.test/", "/g/evil.test%2F", null)]
    [InlineData("/g/:a", "https://x.test:a/", "/g/@evil.test", null)]
    [InlineData("/g/*", "https://x.test:splat", "/g/.evil.test", null)]
    public void A_value_can_not_change_the_host_or_add_parameters(string from, string to, string path, string? expected) =>
        Assert.Equal(expected, Follow([Rule(from, to)], path));

    [TimedTheory]
    [InlineData("a%2Fb", "/item/a%2Fb")]
    [InlineData("a+b", "/item/a%20b")]
    [InlineData("..", null)]
    [InlineData("%2e%2E", null)]
    [InlineData("a%0D%0Ab", "/item/a%0D%0Ab")]
    public void A_value_from_the_query_is_one_segment(string value, string? expected) =>
        Assert.Equal(expected is null ? null : $"{expected}?id={value}", Follow([Rule("/s", "/item/:id", Query("id", capture: "id"))], "/s", query: $"id={value}"));

    [TimedTheory]
    [InlineData("a=1", "b")]
    [InlineData("z=0&a=1", "b")]
    [InlineData("a=2&a=1", "b")]
    [InlineData("a=1&a=2", "c")]
    [InlineData("A=1", "c")]
    [InlineData("", "c")]
    public void A_query_condition_asks_for_the_last_value_of_its_parameter(string query, string expected)
    {
        var to = Follow([Rule("/q", "/b?", Query("a", "1")), Rule("/q", "/c?")], "/q", query: query);

        Assert.Equal($"/{expected}?", to);
    }

    [TimedTheory]
    [InlineData("/to", "x=1&y=%20", "/to?x=1&y=%20")]
    [InlineData("/to?own=1", "x=1", "/to?own=1")]
    [InlineData("/to#part", "x=1", "/to?x=1#part")]
    [InlineData("https://x.test", "x=1", "https://x.test?x=1")]
    public void The_query_is_passed_on_unless_the_target_has_one(string to, string query, string expected) =>
        Assert.Equal(expected, Follow([Rule("/a", to)], "/a", query: query));

    [TimedFact]
    public void The_first_rule_that_covers_a_request_wins() =>
        Assert.Equal("/two", Follow([Rule("/b/*", "/one"), Rule("/:any", "/two"), Rule("/a", "/three"), Rule("/*", "/four")], "/a"));

    [TimedFact]
    public void A_redirect_to_where_the_client_is_is_passed_over()
    {
        Assert.Equal("/b", Follow([Rule("/*", "/:splat"), Rule("/a", "/b")], "/a"));
        Assert.Equal("/a", Follow([Rule("/*", "/:splat", status: 200), Rule("/a", "/b")], "/a"));
        Assert.Null(Follow([Rule("/*", "http://site.test/:splat")], "/a"));
    }

    [TimedTheory]
    [InlineData("de", "de", true)]
    [InlineData("de", "de-AT,en;q=0.5", true)]
    [InlineData("de-AT", "de", false)]
    [InlineData("de", "en;q=0.4, de;q=0.9", true)]
    [InlineData("de", "en, de", false)]
    [InlineData("en", "", true)]
    [InlineData("d", "de", false)]
    [InlineData("de", "*, de;q=0.1", true)]
    public void The_language_is_the_one_that_the_visitor_likes_best(string asked, string header, bool matches) =>
        Assert.Equal(matches, Follow([Rule("/", "/x", languages: [asked])], "/", visitor => visitor.Language = header) is not null);

    [TimedFact]
    public void Cookies_override_language_and_country()
    {
        RedirectRule[] rules = [Rule("/", "/de", languages: ["de"]), Rule("/", "/at", countries: ["AT"])];

        Assert.Equal("/de", Follow(rules, "/", visitor => (visitor.Language, visitor.Cookies) = ("en", "nf_lang=de")));
        Assert.Equal("/at", Follow(rules, "/", visitor => (visitor.Country, visitor.Cookies) = ("US", "a=b; nf_country=at")));
        Assert.Equal("/at", Follow(rules, "/", visitor => visitor.Country = "at"));
        Assert.Null(Follow(rules, "/", visitor => (visitor.Country, visitor.Cookies) = ("AT", "nf_country=us")));
    }

    [TimedTheory]
    [InlineData("beta=1", true)]
    [InlineData("x=y; beta=\"1\"", true)]
    [InlineData("beta=", false)]
    [InlineData("alphabeta=1", false)]
    public void A_cookie_condition_asks_that_it_is_there(string cookies, bool matches) =>
        Assert.Equal(matches, Follow([Rule("/", "/x", cookies: ["beta"])], "/", visitor => visitor.Cookies = cookies) is not null);

    [TimedFact]
    public void A_role_comes_from_a_genuine_token_that_has_not_ended()
    {
        RedirectRule[] rules = [Rule("/m", "/in", roles: ["admin", "editor"])];
        RoleTokens secret = new("secret"u8.ToArray(), RoleTokens.DefaultClaimPath);
        var claims = """{"exp":END,"app_metadata":{"authorization":{"roles":["editor"]}}}""".Replace("END", $"{Now.ToUnixTimeSeconds() + 60}");

        Assert.Equal(RedirectOutcome.Match, With(Token(claims, "secret")));
        Assert.Equal(RedirectOutcome.Denied, With(Token(claims, "other secret")));
        Assert.Equal(RedirectOutcome.Denied, With(Token(claims, "secret", """{"alg":"none"}""")));
        Assert.Equal(RedirectOutcome.Denied, With(Token(claims.Replace("exp", "ends"), "secret")));
        Assert.Equal(RedirectOutcome.Denied, With(Token(claims.Replace("\"exp\":", "\"exp\":1,\"was\":"), "secret")));
        Assert.Equal(RedirectOutcome.Denied, With(Token(claims.Replace("editor", "reader"), "secret")));
        Assert.Equal(RedirectOutcome.Denied, With(Token("""{"exp":99999999999,"app_metadata":"x"}""", "secret")));
        Assert.Equal(RedirectOutcome.Denied, With("no token"));
        Assert.Equal(RedirectOutcome.Denied, With("a.b.c"));
        Assert.Equal(RedirectOutcome.Denied, With(""));
        Assert.Equal(RedirectOutcome.Denied, Find(rules, "/m", "", visitor => visitor.Cookies = $"nf_jwt={Token(claims, "secret")}").Outcome);

        RedirectOutcome With(string token) => Find(rules, "/m", "", visitor => (visitor.Tokens, visitor.Cookies) = (secret, $"nf_jwt={token}")).Outcome;
    }

    [TimedFact]
    public void Who_lacks_a_role_gets_what_a_later_rule_says()
    {
        RedirectRule[] rules = [Rule("/m/*", "/in", roles: ["admin"]), Rule("/m/login", "/login")];

        Assert.Equal("/login", Follow(rules, "/m/login"));
        Assert.Equal(RedirectOutcome.Denied, Find(rules, "/m/x", "", _ => { }).Outcome);
        Assert.Equal(RedirectOutcome.None, Find(rules, "/other", "", _ => { }).Outcome);
    }

    [TimedFact]
    public void A_rule_with_a_host_holds_for_that_host()
    {
        RedirectRule[] rules = [Rule("/*", "/theirs", host: "other.test"), Rule("/*", "/https", scheme: "https"), Rule("/x", "/ours", host: "SITE.test")];

        Assert.Equal("/ours", Follow(rules, "/x"));
    }

    [TimedFact]
    public void Ten_thousand_rules_cost_a_miss_no_more_than_ten()
    {
        Assert.Equal(StepsOfMiss(10), StepsOfMiss(RedirectTable.MaxRules));
        Assert.InRange(StepsOfMiss(RedirectTable.MaxRules), 1, 20);

        static int StepsOfMiss(int count)
        {
            var table = new RedirectTable([.. Enumerable.Range(0, count).Select(i => (i % 4) switch
            {
                0 => Rule($"/docs/{i}", "/x"),
                1 => Rule($"/docs/{i}/*", "/x"),
                2 => Rule($"/docs/:any/{i}", "/x"),
                _ => Rule($"/docs/{i}/:x/*/end", "/x"),
            })]);
            var steps = 0;
            Assert.Equal(RedirectOutcome.None, table.Find(VisitorTo("/docs/nothing/of/this/kind", ""), ref steps).Outcome);
            return steps;
        }
    }

    [TimedFact]
    public void A_long_path_against_many_stars_is_walked_once()
    {
        var path = string.Concat(Enumerable.Repeat("/a", 4000));
        var pattern = string.Concat(Enumerable.Repeat("/*/a", 200)) + "/b";

        // With backtracking this does not end.
        Assert.Null(Follow([Rule(pattern, "/x")], path));
        Assert.Equal("/x", Follow([Rule(pattern, "/x")], path + "/b"));
    }

    private static string? Follow(RedirectRule[] rules, string path, Action<Asked>? ask = null, string query = "")
    {
        var match = Find(rules, path, query, ask ?? (_ => { }));
        return match.Outcome == RedirectOutcome.Match ? match.Target : null;
    }

    private static RedirectMatch Find(RedirectRule[] rules, string path, string query, Action<Asked> ask)
    {
        var asked = new Asked();
        ask(asked);
        return new RedirectTable(rules).Find(VisitorTo(path, query, asked));
    }

    private static Visitor VisitorTo(string path, string query, Asked? asked = null) => new()
    {
        Scheme = "http",
        Host = "site.test",
        Path = RulePath.Of(UrlPath.Canonical(UrlPath.Resolve(path))),
        Query = query,
        AcceptLanguage = asked?.Language ?? "",
        Cookies = asked?.Cookies ?? "",
        Country = asked?.Country,
        RoleTokens = asked?.Tokens,
        Now = Now,
    };

    private static QueryCondition[] Query(string name, string? value = null, string? capture = null) => [new(name, value, capture)];

    private static RedirectRule Rule(
        string from, string to, QueryCondition[]? query = null, int status = 301, string? host = null, string? scheme = null,
        string[]? languages = null, string[]? countries = null, string[]? roles = null, string[]? cookies = null)
    {
        Assert.True(RedirectTarget.TryParse(to, out var target));
        return new RedirectRule
        {
            From = RulePattern.Parse(from, RuleDialect.Redirects),
            Host = host,
            Scheme = scheme,
            Query = query ?? [],
            To = target,
            Status = status,
            Conditions = new RedirectConditions(languages ?? [], countries ?? [], roles ?? [], cookies ?? []),
        };
    }

    private static string Token(string claims, string secret, string header = """{"alg":"HS256","typ":"JWT"}""")
    {
        var signed = $"{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header))}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims))}";
        return $"{signed}.{Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.ASCII.GetBytes(signed)))}";
    }

    private sealed class Asked
    {
        public string Language { get; set; } = "";

        public string Cookies { get; set; } = "";

        public string? Country { get; set; }

        public RoleTokens? Tokens { get; set; }
    }
}
