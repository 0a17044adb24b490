using CsCheck;
using SandboxHost.Deployments;
using SandboxHost.Routing;

namespace SandboxHost.Tests.Routing;

public sealed class RouteTableTests
{
    [TimedTheory]
    [InlineData("/.netlify/functions/hello")]
    [InlineData("/.netlify/functions/hello/")]
    [InlineData("/.netlify/functions/hello/more/segments")]
    [InlineData("/.netlify/builders/hello")]
    public void A_function_without_paths_answers_at_its_default_url(string path)
    {
        var hello = Some.Function("hello");

        Assert.Equal(new RouteMatch(RouteOutcome.Function, hello, -1), new RouteTable([hello]).Match("PATCH", path));
    }

    [TimedTheory]
    [InlineData("/.netlify/functions/nobody", RouteOutcome.UnknownFunction)]
    [InlineData("/.netlify/functions/Hello", RouteOutcome.UnknownFunction)]
    [InlineData("/.netlify/functions/hellooo", RouteOutcome.UnknownFunction)]
    [InlineData("/.netlify/functions/hel.lo", RouteOutcome.IllegalName)]
    [InlineData("/.netlify/functions/hel%20lo", RouteOutcome.IllegalName)]
    [InlineData("/.netlify/functions/h\u00e9llo", RouteOutcome.IllegalName)]
    [InlineData("/.netlify/functions/", RouteOutcome.None)]
    [InlineData("/.netlify/functions//hello", RouteOutcome.None)]
    [InlineData("/.netlify/functions", RouteOutcome.None)]
    [InlineData("/.Netlify/functions/hello", RouteOutcome.None)]
    [InlineData("/.netlify/Functions/hello", RouteOutcome.None)]
    [InlineData("/x/.netlify/functions/hello", RouteOutcome.None)]
    [InlineData("/hello", RouteOutcome.None)]
    [InlineData("/", RouteOutcome.None)]
    [InlineData("//.netlify/functions/hello", RouteOutcome.None)]
    public void Other_urls_lead_to_no_function(string path, RouteOutcome outcome) =>
        Assert.Equal(new RouteMatch(outcome, null, -1), new RouteTable([Some.Function("hello")]).Match("GET", path));

    [TimedFact]
    public void A_function_for_every_path_gets_a_default_url_that_names_nobody() =>
        Assert.Equal(0, TableOf(Some.Route("/*")).Match("GET", "/.netlify/functions/").Route);

    [TimedFact]
    public void The_first_function_wins_however_specific_the_others_are()
    {
        var wide = Some.Function("a", Some.Route("/items/*"));
        var exact = Some.Function("b", Some.Route("/items/1"));

        Assert.Same(wide, new RouteTable([wide, exact]).Match("GET", "/items/1").Function);
        Assert.Same(exact, new RouteTable([exact, wide]).Match("GET", "/items/1").Function);
    }

    [TimedFact]
    public void The_match_tells_which_of_the_functions_routes_it_was()
    {
        var table = TableOf(Some.Route("/a"), Some.Route("/b/:x"), Some.Route("/c"), Some.Route("/b/c"));

        Assert.Equal([0, 1, 2, 1], new[] { "/a", "/b/c", "/c", "/b/d" }.Select(path => table.Match("GET", path).Route));
    }

    [TimedFact]
    public void Functions_share_a_path_by_method()
    {
        var get = Some.Function("get", Some.Route("/products/:sku", "GET"));
        var post = Some.Function("post", Some.Route("/products/:sku", "POST", "PUT"));
        var table = new RouteTable([get, post]);

        Assert.Same(get, table.Match("GET", "/products/1").Function);
        Assert.Same(post, table.Match("PUT", "/products/1").Function);
        Assert.Equal(RouteOutcome.None, table.Match("DELETE", "/products/1").Outcome);
    }

    [TimedFact]
    public void Functions_share_a_literal_by_method()
    {
        var get = Some.Function("get", Some.Route("/", "GET"));
        var post = Some.Function("post", Some.Route("/", "POST"));
        var table = new RouteTable([get, post]);

        Assert.Same(get, table.Match("GET", "/").Function);
        Assert.Same(post, table.Match("POST", "/").Function);
    }

    [TimedFact]
    public void Get_does_not_imply_head() => Assert.Equal(RouteOutcome.None, TableOf(Some.Route("/a", "GET")).Match("HEAD", "/a").Outcome);

    [TimedTheory]
    [InlineData("/api/users", true)]
    [InlineData("/api/admin", false)]
    [InlineData("/API/Admin/", false)]
    [InlineData("/api/static/app.js", false)]
    [InlineData("/api/admin/x", true)]
    public void An_excluded_path_is_no_match(string path, bool matches)
    {
        var function = Some.Function("api", ["/api/admin", "/api/static/*"], Some.Route("/api/*"), Some.Route("/api/admin"));

        Assert.Equal(matches, new RouteTable([function]).Match("GET", path).Outcome == RouteOutcome.Function);
    }

    [TimedFact]
    public void An_excluded_path_leaves_the_request_to_the_next_function()
    {
        var first = Some.Function("a", ["/x/admin"], Some.Route("/x/*"));
        var second = Some.Function("b", Some.Route("/*"));

        Assert.Same(second, new RouteTable([first, second]).Match("GET", "/x/admin").Function);
    }

    [TimedTheory]
    [InlineData("/a", "/a/", true)]
    [InlineData("/a", "/A", true)]
    [InlineData("/a", "/a//", false)]
    [InlineData("/A", "/a", false)]
    [InlineData("/A", "/A", false)]
    [InlineData("/a/", "/a/", false)]
    [InlineData("/", "/", true)]
    [InlineData("/", "//", true)]
    [InlineData("/pets/:name", "/PETS/Boo", true)]
    [InlineData("/pets/:name", "/pets/boo/", true)]
    [InlineData("/*", "//example.com/x", true)]
    [InlineData("/é/:x", "/%C3%A9/1", true)]
    [InlineData("/é/:x", "/%c3%a9/1", true)]
    [InlineData("/é", "/%C3%A9", false)]
    public void The_path_is_lower_cased_and_loses_one_trailing_slash(string pattern, string path, bool matches) =>
        Assert.Equal(matches, TableOf(Some.Route(pattern)).Match("GET", path).Outcome == RouteOutcome.Function);

    [TimedTheory]
    [InlineData("/public/../admin/x")]
    [InlineData("/public/%2e%2E/admin/x")]
    [InlineData("/public/.%2e/admin/x")]
    [InlineData("/./admin/./x")]
    [InlineData("/public\\..\\admin\\x")]
    [InlineData("/../../admin/x")]
    public void Dot_segments_do_not_lead_around_an_excluded_path(string path)
    {
        // The function sees a parsed URL, and in that the path is /admin/x.
        var function = Some.Function("all", ["/admin/*"], Some.Route("/*"));

        Assert.Equal(RouteOutcome.None, new RouteTable([function]).Match("GET", path).Outcome);
    }

    [TimedFact]
    public void Dot_segments_lead_to_the_function_that_the_parsed_url_names()
    {
        var other = Some.Function("other");
        var table = new RouteTable([Some.Function("hello"), other]);

        Assert.Same(other, table.Match("GET", "/.netlify/functions/hello/../other").Function);
    }

    [TimedFact]
    public void Many_routes_give_the_same_answer_as_asking_each_in_turn()
    {
        var patterns = Gen.OneOf("/a", "/b", "/a/b", "/:x", "/a/:x", "/*", "/a/*", "/:x/b", "/{a/}?b", "/A");
        var methods = Gen.OneOf<string[]>([], ["GET"], ["POST"], ["GET", "POST"]);
        var function = Gen.Select(Gen.Select(patterns, methods).Array[1, 3], patterns.Array[0, 1]);
        Gen.Select(function.Array[0, 6], Gen.OneOf("GET", "POST", "HEAD"), Gen.OneOf("/", "/a", "/b", "/a/b", "/a/", "/A/B", "/a/b/c", "/c"))
            .Sample((made, method, path) =>
            {
                FunctionVersion[] functions =
                    [.. made.Select((item, i) => Some.Function($"f{i}", item.Item2, [.. item.Item1.Select(route => Some.Route(route.Item1, route.Item2))]))];
                return new RouteTable(functions).Match(method, path) with { Order = -1 } == AskedInTurn(functions, method, path);
            });
    }

    [TimedFact]
    public void A_function_that_yields_leaves_the_path_to_those_behind_it()
    {
        var first = Some.Function("a", Some.Route("/:x"), Some.Route("/a"));
        var second = Some.Function("b", Some.Route("/a", "POST"));
        var third = Some.Function("c", Some.Route("/*"));
        var table = new RouteTable([first, second, third]);

        var matches = new List<(string?, int)>();
        for (var match = table.Match("GET", "/a"); match.Outcome == RouteOutcome.Function; match = table.Match("GET", "/a", match))
        {
            matches.Add((match.Function!.Name, match.Route));
        }

        Assert.Equal([("a", 0), ("a", 1), ("c", 0)], matches);
    }

    [TimedFact]
    public void A_function_with_paths_does_not_answer_at_its_default_url_which_says_whose_it_is()
    {
        var function = Some.Function("custom", Some.Route("/x"));

        var match = new RouteTable([function]).Match("GET", "/.netlify/functions/custom");

        Assert.Equal((RouteOutcome.UnknownFunction, function), (match.Outcome, match.Function));
        Assert.Null(new RouteTable([function]).Match("GET", "/.netlify/functions/nobody").Function);
    }

    // §1.5 word by word.
    private static RouteMatch AskedInTurn(FunctionVersion[] functions, string method, string path)
    {
        path = (path is [.. var before, '/'] && before.Length > 0 ? before : path).ToLowerInvariant();
        foreach (var function in functions)
        {
            var route = function.Routes.ToList().FindIndex(route =>
                (route.Methods.Count == 0 || route.Methods.Contains(method)) && route.Pattern.Matches(path));
            if (route >= 0 && !function.ExcludedPaths.Any(excluded => excluded.Matches(path)))
            {
                return new RouteMatch(RouteOutcome.Function, function, route);
            }
        }

        return new RouteMatch(RouteOutcome.None, null, -1);
    }

    private static RouteTable TableOf(params FunctionRoute[] routes) => new([Some.Function("f", routes)]);
}
