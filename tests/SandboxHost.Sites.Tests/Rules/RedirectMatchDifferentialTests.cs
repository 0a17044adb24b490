using System.Text.Json.Nodes;
using CsCheck;
using SandboxHost.Routing.Rules;

namespace SandboxHost.Sites.Rules;

/// <summary>
/// The same rules and requests to our matcher and to netlify-redirector, the compiled one of Netlify's CLI. Differences
/// that are meant, and not asked for here: values are percent-encoded where they are put in; a redirect to where the client
/// is already is passed over; an address with a status such as 404 is refused.
/// </summary>
public sealed class RedirectMatchDifferentialTests
{
    private const int Files = 1000;
    private const int RequestsPerFile = 12;

    private static readonly Gen<string> From =
        from segments in Gen.OneOf("a", "b", "ab", ":x", ":y", "A").Array[0, 3]
        from star in Gen.Frequency((3, Gen.Const("")), (2, Gen.Const("/*")), (1, Gen.Const("/*/b")), (1, Gen.Const("/*/:z")), (1, Gen.Const("/a*")))
        from slash in Gen.OneOf("", "", "/")
        let path = string.Concat(segments.Select(segment => "/" + segment)) + star
        select path.Length == 0 ? "/" : path.EndsWith('*') ? path : path + slash;

    private static readonly Gen<string> Line =
        from origin in From
        from query in Gen.OneOf("", "", "", " q=1", " q=:v", " q=:v r=:w")
        from status in Gen.OneOf("", " 301", " 302!", " 200", " 404", " 200!")
        from target in Gen.OneOf("/t", "/t/:x/:y", "/t/:splat", "/t/:v/:w", "/t?k=:x", "/t/:z", status == " 404" ? "/t/:y" : "https://t.test/:x/:splat")
        from conditions in status.Length == 0 ? Gen.Const("") : Gen.OneOf("", "", "", " Language=de", " Language=fr,de-at", " Country=at,US", " Cookie=one,two", " Language=de Country=us", " Role=admin")
        select $"{origin}{query} {target}{status}{conditions}";

    private static readonly Gen<(string Path, string Query, string Language, string Country, string Cookie)> Request =
        from segments in Gen.OneOf("a", "b", "ab", "c", "A", "abc").Array[0, 4]
        from slash in Gen.OneOf("", "", "/")
        from query in Gen.OneOf("", "", "q=1", "q=2", "q=1&r=3", "r=4", "q=5&q=1&z=1", "q=")
        from language in Gen.OneOf("de", "de-AT", "fr", "en", "DE")
        from country in Gen.OneOf("us", "AT", "de")
        from cookie in Gen.OneOf("", "one", "two", "three")
        select (segments.Length == 0 ? "/" : "/" + string.Join('/', segments) + slash, query, language, country, cookie);

    [TimedFact]
    public async Task Generated_requests_go_where_Netlify_sends_them()
    {
        using var oracle = new RuleOracle();
        using var folder = new TempFolder();
        var matched = 0;
        foreach (var (lines, requests) in Gen.Select(Line.Array[1, 8], Request.Array[RequestsPerFile]).Single(Files))
        {
            var file = string.Join('\n', lines);
            folder.Write("_redirects", file);
            var mistakes = new List<string>();
            var table = SiteRules.Read(new RuleSources(folder.Path, folder.Path, null, new Dictionary<string, string>()), mistakes.Add).Redirects;
            var answers = (await oracle.AskAsync(new
            {
                ask = "match",
                file,
                requests = requests.Select(request => new
                {
                    path = request.Path,
                    query = request.Query,
                    language = request.Language,
                    country = request.Country,
                    cookies = new Dictionary<string, string> { [request.Cookie.Length == 0 ? "none" : request.Cookie] = "1" },
                }),
            })).AsArray();
            foreach (var (request, answer) in requests.Zip(answers))
            {
                var theirs = Theirs(answer);
                matched += answer is null ? 0 : 1;
                Assert.True(theirs == Ours(table, request), $"{file}\n{request}\ntheirs: {theirs}\nours:   {Ours(table, request)}");
            }
        }

        Assert.True(matched > Files * RequestsPerFile / 4, $"{matched} requests match a rule: the generator makes too much nonsense");
    }

    private static string Theirs(JsonNode? answer) => answer switch
    {
        null => "nothing",
        _ when answer["denied"] is not null => "denied",
        _ => $"{answer["status"]} {answer["force"]} {answer["to"]}",
    };

    private static string Ours(RedirectTable table, (string Path, string Query, string Language, string Country, string Cookie) request)
    {
        var match = table.Find(new Visitor
        {
            Scheme = "http",
            Host = "localhost",
            Path = RulePath.Of(request.Path),
            Query = request.Query,
            AcceptLanguage = request.Language,
            Country = request.Country,
            Cookies = request.Cookie.Length == 0 ? "" : $"{request.Cookie}=1",
        });
        if (match.Outcome != RedirectOutcome.Match)
        {
            return match.Outcome == RedirectOutcome.None ? "nothing" : "denied";
        }

        // Theirs leaves the query to its caller.
        var target = request.Query.Length > 0 && !match.Rule!.To.Text.Contains('?') ? match.Target[..^(request.Query.Length + 1)] : match.Target;
        return $"{match.Rule!.Status} {match.Rule.Force.ToString().ToLowerInvariant()} {target}";
    }
}
