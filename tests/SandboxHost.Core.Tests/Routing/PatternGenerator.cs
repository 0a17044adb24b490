using SandboxHost.Routing;

namespace SandboxHost.Tests.Routing;

/// <summary>Makes patterns, and paths that match them, nearly match them, or don't; the same ones for the same seed.</summary>
internal sealed class PatternGenerator(int seed)
{
    private static readonly string[] Words = ["a", "b", "ab", "x1", "pets", "v", "-", "c.", "a.b", "_~", "!$&'", "+,;=", "@", "a%20b", ")", "|", "[x]"];
    
    private static readonly (string Text, string Path)[] Odd =
    [
        ("é", "%c3%a9"), ("😀", "%f0%9f%98%80"), (" ", "%20"), ("\"", "%22"), ("<>", "%3c%3e"), ("`", "%60"), ("^", "%5e"),
        ("#", "%23"), ("\\?", "%3f"), ("\\*", "*"), ("\\:a", ":a"), ("\\{", "%7b"), ("\\}", "%7d"), ("\\(", "("), ("\\)", ")"),
        ("\\+", "+"), ("\\/", "/"), ("\\é", "%c3%a9"), ("\\😀", "%f0%9f%98%80"), ("A", "A"), ("[", "["), ("]", "]"), ("|", "|"),
        ("\u007f", "%7f"), ("\u0001", "%01"), ("a\tb", "ab"),
    ];

    private static readonly (string Text, string[] Paths)[] Groups =
    [
        Group("\\d+", "1", "42"), Group("[a-z]+", "a", "abc"), Group("a|b", "a", "b"), Group(".*", "", "a/b"), Group("[^/]+", "a"), Group("[^\\/]+", "a"),
        Group("\\w", "_", "a"), Group("\\W", "-"), Group("(?:ab)+", "ab", "abab"), Group("[a-c1-3]*", "", "a1"), Group("x{2}", "xx"), Group("x{2,3}", "xx", "xxx"),
        Group("x{2,}", "xx", "xxxx"), Group("\\.", "."), Group(".", "a", "/"), Group("a?", "", "a"), Group("a+?", "a", "aa"), Group("[\\d]", "1"), Group("[^\\d]", "a"),
        Group("[\\D]", "a"), Group("[\\W\\d]", "1", "-"), Group("\\s"), Group("\\S+", "a-b"), Group("[\\w\\-]+", "a-b"), Group("[\\w-]+"), Group("[)]"), Group("?:a"),
        Group("["), Group("a{"), Group("a{,2}"), Group("\\a"), Group("\\A"), Group("\\z"), Group("[[a]]", "a"), Group("a++"), Group("a**"), Group("(?:a|(?:b|c)d)", "a", "cd"),
        Group("x(?i:a)", "xA"), Group("x(?<n>a)", "xa"), Group("x(?=a)"), Group("x(?!a)", "x"), Group("a\\1", "a"), Group("\\b"), Group("^a"), Group("[a&&b]"),
        Group("[a-z&&[a-c]]", "a"), Group("[a--b]"), Group("[!!]"), Group("[!]", "!"), Group("[.]", "."), Group("[..]"), Group("[*+?$]", "*", "$"), Group("[^]", "a"), Group("[]"),
        Group("[|]"), Group("[/]"), Group("[{]"), Group("[(]"), Group("\\p{L}", "a"), Group("\\u0061", "a"), Group("\\u{62}", "b"), Group("\\x61", "a"), Group("\\x6"),
        Group("\\u61"), Group("\\cA"), Group("\\c"), Group("\\t"), Group("\\0"), Group("\\01"), Group("\\/", "/"), Group("\\-"), Group("[\\-]", "-"), Group("[\\&]", "&"),
        Group("\\&"), Group("\\_"), Group("]"), Group("}"), Group("\\]", "]"), Group("[\\]]", "]"), Group("a|", "", "a"), Group("|", ""), Group("(?:)", ""), Group("(?:a"), Group("a{2,1}"),
        Group("a{2}?", "aa"), Group("[z-a]"), Group("[a-\\d]"), Group("[\\d-z]"), Group("\\k<n>"), Group("\\B"), Group("\\b+"), Group("^*"), Group("[\\b]"), Group("[a-\\x63]", "b"),
        Group("[-a]"), Group("[a-]"), Group("[&]", "&"), Group("[&&]"), Group("[a^]", "a", "%5e"), Group("[~`]", "~"), Group("[\\q{a}]", "a"), Group("(?<a)"), Group("(?<=a)b"), Group(",", ","),
        Group("(?#a)"), Group("(?>a)"), Group("(?'n'a)"), Group("a{1}{2}"), Group("a{99999999999}"), Group("\\\\"), Group("\\^"), Group("\\$", "$"), Group("\\|", "|"), Group("[\\s\\S]", "a"),
    ];

    private readonly Random _random = new(seed);
    private int _names;

    public (string Pattern, IReadOnlyList<string> Paths) Next()
    {
        _names = 0;
        var pattern = "/";
        List<string> paths = ["/"];
        for (var i = _random.Next(1, 5); i > 0; i--)
        {
            var (text, instances) = Piece();
            pattern += text;
            paths = [.. paths.SelectMany(path => Some(instances).Select(instance => path + instance)).Distinct().Take(4)];
        }

        if (_random.Next(12) == 0)
        {
            // Whether broken patterns are refused is part of the question.
            var at = _random.Next(1, pattern.Length + 1);
            at -= at < pattern.Length && char.IsLowSurrogate(pattern[at]) ? 1 : 0;
            pattern = pattern.Insert(at, Any(":", "*", "?", "+", "(", ")", "{", "}", "\\", "[", "]", "|", "(?"));
        }

        // A URL parser resolves dot segments, and so does the route table, before any pattern is asked.
        return (pattern, [.. paths.SelectMany(WithNeighbours).Distinct().Where(path => UrlPath.Resolve(path) == path)]);
    }

    private static (string Text, string[] Paths) Group(string text, params string[] paths) => (text, paths);

    private (string Text, string[] Instances) Piece()
    {
        var slash = _random.Next(3) > 0 ? "/" : "";
        switch (_random.Next(9))
        {
            case 0:
            case 1:
                var word = Any(Words);
                return (slash + word, [slash + word]);
            case 2:
                var (odd, encoded) = Odd[_random.Next(Odd.Length)];
                return (slash + odd, [slash + encoded]);
            case 3:
                return Modified($"{slash}:{Name()}", slash, ["q", "q-1"]);
            case 4:
                var (named, among) = Groups[_random.Next(Groups.Length)];
                return Modified($"{slash}:{Name()}({named})", slash, among);
            case 5:
                return Modified(slash + "*", slash, ["", "q", "q/r"]);
            case 6:
                var (group, instances) = Groups[_random.Next(Groups.Length)];
                return Modified($"{slash}({group})", slash, instances);
            case 7:
                var fixedText = slash + Any(Words);
                return Modified("{" + fixedText + "}", "", [fixedText]);
            default:
                var (before, after) = (slash + Any("", "a", "é", "-"), Any("", "z", "/", "😀"));
                return Modified($"{{{before}:{Name()}{after}}}", "", [Encoded($"{before}q{after}")]);
        }
    }

    private (string Text, string[] Instances) Modified(string text, string prefix, string[] instances)
    {
        var modifier = Any("", "", "?", "*", "+");
        string[] one = [.. instances.Select(instance => prefix + instance)];
        string[] none = modifier is "?" or "*" ? [""] : [];
        string[] two = modifier is "*" or "+" ? [.. one.Select(instance => instance + instance)] : [];
        return (text + modifier, [.. one, .. none, .. two]);
    }

    private IEnumerable<string> Some(string[] instances) =>
        instances.Length == 0 ? ["n"] : instances.OrderBy(_ => _random.Next()).Take(2);

    private IEnumerable<string> WithNeighbours(string path)
    {
        yield return path;
        yield return path + "/";
        yield return path + Any("n", "1", "/n", "-");
        if (path.Length > 2 && !path.Contains('%'))
        {
            yield return path.Remove(_random.Next(1, path.Length), 1);
        }
    }

    private string Name() => Any("n", "é", "$x", "_", "e\u0301", "ⅷ", "x\u200c", "\ud801\udc00", "x\u203f") + _names++;

    private string Any(params string[] choices) => choices[_random.Next(choices.Length)];

    private static string Encoded(string text) => text.Replace("é", "%c3%a9").Replace("😀", "%f0%9f%98%80");
}
