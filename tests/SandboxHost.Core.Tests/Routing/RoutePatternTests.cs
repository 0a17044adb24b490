using System.Diagnostics;
using CsCheck;
using SandboxHost.Routing;

namespace SandboxHost.Tests.Routing;

/// <summary>The table of the reference's §1.4, and what follows from its rules.</summary>
public sealed class RoutePatternTests
{
    [TimedTheory]
    [InlineData("/products", "/products", true)]
    [InlineData("/products", "/products/1", false)]
    [InlineData("/products", "/", false)]
    [InlineData("/", "/", true)]
    [InlineData("/File.:ext", "/file.txt", false)]
    [InlineData("/file.:ext", "/file.:ext", true)]
    [InlineData("/a b", "/a%20b", false)]
    [InlineData("/a b", "/a b", true)]
    [InlineData("/é", "/%c3%a9", false)]
    [InlineData("/q\\?x", "/q\\?x", true)]
    [InlineData("/q\\?x", "/q", false)]
    [InlineData("/a?b+", "/a?b+", true)]
    public void A_path_without_special_characters_is_a_literal(string text, string path, bool matches)
    {
        var pattern = Parse(text);

        Assert.True(pattern.IsLiteral);
        Assert.Equal(matches, pattern.Matches(path));
    }

    [TimedTheory]
    [InlineData("/:a")]
    [InlineData("/a/:b")]
    [InlineData("/a*")]
    [InlineData("/{a}")]
    [InlineData("/a[b")]
    [InlineData("/(a)")]
    public void A_name_at_a_segment_start_or_a_special_character_makes_an_expression(string text) => Assert.False(Parse(text).IsLiteral);

    [TimedTheory]
    [InlineData("/Products", "/products")]
    [InlineData("/Products", "/PRODUCTS")]
    public void A_literal_with_an_upper_case_letter_never_matches(string text, string path) =>
        Assert.False(Parse(text).Matches(path.ToLowerInvariant()));

    [TimedFact]
    public void An_expression_with_an_upper_case_letter_never_matches_either() => Assert.False(Parse("/Pets/:name").Matches("/pets/boo"));

    [TimedFact]
    public void A_literal_that_ends_in_a_slash_does_not_match_the_stripped_path() => Assert.False(Parse("/products/").Matches("/products"));

    [TimedTheory]
    [InlineData("/pets/:name", new[] { "/pets/boo", "/pets/boo/", "/pets/b.o-o", "/pets/%20" }, new[] { "/pets", "/pets/", "/pets/a/b", "/pet/a", "/x/pets/a" })]
    [InlineData("/a/*", new[] { "/a/", "/a/b", "/a/b/c", "/a/b/" }, new[] { "/a", "/ab", "/" })]
    [InlineData("/*", new[] { "/", "/a", "/a/b/c", "//a" }, new string[0])]
    [InlineData("/i/:id(\\d+)", new[] { "/i/1", "/i/123/" }, new[] { "/i/", "/i/a", "/i/1a", "/i/1/2" })]
    [InlineData("/o/:x?", new[] { "/o", "/o/", "/o/a", "/o/a/" }, new[] { "/o/a/b", "/oa" })]
    [InlineData("/o/:x+", new[] { "/o/a", "/o/a/b", "/o/a/b/" }, new[] { "/o", "/o/", "/o//" })]
    [InlineData("/w/:x*", new[] { "/w", "/w/", "/w/a", "/w/a/b/c" }, new[] { "/wa", "/" })]
    [InlineData("/{v:n/}?z", new[] { "/z", "/v1/z", "/vx/z/" }, new[] { "/v/z", "/vz", "/v1z", "/z/z" })]
    [InlineData("/a/:b-:c", new[] { "/a/x-y", "/a/x-y-z" }, new[] { "/a/x", "/a/x-", "/a/-x", "/a/x/-y" })]
    [InlineData("/foo.(png|jpg)", new[] { "/foo.png", "/foo.jpg/" }, new[] { "/foo.gif", "/fooxpng", "/foo.", "/foo.pngjpg" })]
    [InlineData("/é/:x", new[] { "/%c3%a9/1" }, new[] { "/e/1", "/é/1" })]
    [InlineData("/😀/:x", new[] { "/%f0%9f%98%80/1" }, new[] { "/%ef%bf%bd/1", "/%ef%bf%bd%ef%bf%bd/1" })]
    [InlineData("/a b/:x", new[] { "/a%20b/1" }, new[] { "/a b/1" })]
    [InlineData("/a{b}c/:x", new[] { "/abc/1" }, new[] { "/ac/1" })]
    [InlineData("/a\\/:x?", new[] { "/a/", "/a/b" }, new[] { "/a", "/a/b/c" })]
    [InlineData("/a)b/*", new[] { "/a)b/1" }, new[] { "/ab/1" })]
    [InlineData("/\\{x\\}/*", new[] { "/%7bx%7d/1" }, new[] { "/{x}/1", "/x/1" })]
    [InlineData("/a.b/:x", new[] { "/a.b/1" }, new[] { "/axb/1" })]
    [InlineData("/x/:a(a|b)c", new[] { "/x/ac", "/x/bc" }, new[] { "/x/a", "/x/bcc" })]
    public void An_expression_matches_what_the_standard_says(string text, string[] matching, string[] others)
    {
        var pattern = Parse(text);

        Assert.All(matching, path => Assert.True(pattern.Matches(path), path));
        Assert.All(others, path => Assert.False(pattern.Matches(path), path));
    }

    [TimedTheory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData(":a")]
    [InlineData(" /a")]
    [InlineData("https://example.com/a")]
    public void A_path_begins_with_a_slash(string text) => Assert.Equal("'path' property must start with a '/'", MistakeOf(text));

    [TimedTheory]
    [InlineData("/:", "a name is missing at 2")]
    [InlineData("/:1", "a name is missing at 2")]
    [InlineData("/:a/:a", "the name 'a' is used twice")]
    [InlineData("/*??", "unexpected '?' at 3")]
    [InlineData("/a?*", "unexpected '?' at 2")]
    [InlineData("/*}", "unexpected '}' at 2")]
    [InlineData("/{a", "missing '}' at 3")]
    [InlineData("/{a{b}}", "missing '}' at 3")]
    [InlineData("/{a:b:c}", "missing '}' at 5")]
    [InlineData("/*\\", "unexpected '\\' at 2")]
    [InlineData("/(a", "missing ')' for the group at 2")]
    [InlineData("/()", "a group is empty")]
    [InlineData("/(é)", "a group holds ASCII only")]
    [InlineData("/(?:a)", "a group must not begin with '?'")]
    [InlineData("/(a(b))", "a group inside a group must begin with (?:")]
    [InlineData("/([)])", "missing ']' in a group")]
    [InlineData("/(*a)", "nothing to repeat before '*' in a group")]
    [InlineData("/(a++)", "nothing to repeat before '+' in a group")]
    [InlineData("/(a{2,1})", "'{2,1}' in a group is out of order")]
    [InlineData("/(a{)", "unexpected '{' in a group")]
    [InlineData("/([z-a])", "the range 'z-a' in a group is out of order")]
    [InlineData("/(\\a)", "'\\a' in a group means nothing")]
    [InlineData("/([a-])", "'-' in a class must be escaped")]
    [InlineData("/(x(?=a))", "look-arounds, names and flags inside a group are not supported")]
    [InlineData("/(x(?<!a))", "look-arounds, names and flags inside a group are not supported")]
    [InlineData("/(a\\1)", "'\\1' in a group is not supported")]
    [InlineData("/(\\p{L})", "'\\p' in a group is not supported")]
    [InlineData("/([a[b]])", "a class inside a class is not supported")]
    [InlineData("/(a{5000})", "more than 1000 repetitions are not supported")]
    public void A_broken_pattern_is_refused_with_where_and_why(string text, string reason) =>
        Assert.Equal($"'{text}' is not a valid path according to the URLPattern specification ({reason})", MistakeOf(text));

    // A few of the shapes that take a backtracking engine minutes.
    [TimedTheory]
    [InlineData("/((?:a+)+)b", "a")]
    [InlineData("/((?:a|a)*)b", "a")]
    [InlineData("/((?:a|aa)+)b", "a")]
    [InlineData("/(.*.*.*.*.*.*=.*)b", "a")]
    [InlineData("/:a-:b-:c-:d-:e-:f-:g-:h/x", "a-")]
    [InlineData("/{:a-}*{:b-}*{:c-}*x", "a-")]
    [InlineData("/((?:[a-z]{1,30}){1,30})1", "a")]
    [InlineData("/(.*a.{300})b", "a")]
    [InlineData("/**/**/**/**x", "/a")]
    public void A_hostile_pattern_takes_time_in_proportion_to_the_path_only(string text, string unit)
    {
        var pattern = Parse(text);
        var path = "/" + string.Concat(Enumerable.Repeat(unit, 16_384 / unit.Length));
        pattern.Matches(path[..1000]);
        var watch = Stopwatch.StartNew();

        Assert.False(pattern.Matches(path));

        // Quadratic would be seconds, exponential would be never.
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(1), $"{watch.Elapsed}");
    }

    [TimedFact]
    public void A_hostile_pattern_is_refused_quickly_and_without_ending_the_process()
    {
        string[] texts =
        [
            "/(" + string.Concat(Enumerable.Repeat("(?:", 100_000)) + "a" + new string(')', 100_000) + ")",
            "/(" + new string('[', 100_000) + ")",
            "/" + string.Concat(Enumerable.Range(0, 100_000).Select(i => $":a{i}?")),
            "/" + string.Concat(Enumerable.Repeat("{a}?", 100_000)),
            "/((?:(?:(?:a{1000}){1000}){1000}){1000})",
        ];
        var watch = Stopwatch.StartNew();

        foreach (var text in texts)
        {
            Assert.False(RoutePattern.TryParse(text, out _, out var mistake));
            Assert.True(mistake.Length < 1000, "A mistake does not repeat a huge pattern.");
        }

        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"{watch.Elapsed}");
    }

    [TimedFact]
    public void Any_text_without_special_characters_matches_itself_and_nothing_longer() =>
        Gen.Char["abcxyz019-_.~!$&'+,;=@% é"].Array[0, 20].Select(characters => "/" + new string(characters)).Sample(text =>
            Parse(text).Matches(text) && !Parse(text).Matches(text + "x"));

    [TimedFact]
    public void Any_text_at_all_is_either_taken_or_refused_with_a_reason() =>
        Gen.Char["/:*?+(){}[]\\|.^$-,ab1 é"].Array[0, 12].Select(characters => "/" + new string(characters)).Sample(
            text => RoutePattern.TryParse(text, out var pattern, out var mistake) ? mistake is null && pattern.Text == text : mistake.Length > 0,
            iter: 2000);

    private static RoutePattern Parse(string text)
    {
        Assert.True(RoutePattern.TryParse(text, out var pattern, out var mistake), mistake);
        Assert.Null(mistake);
        Assert.Equal(text, pattern.Text);
        return pattern;
    }

    private static string MistakeOf(string text)
    {
        Assert.False(RoutePattern.TryParse(text, out var pattern, out var mistake));
        Assert.Null(pattern);
        return mistake;
    }
}
