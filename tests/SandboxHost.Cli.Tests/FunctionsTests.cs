using System.Text;
using System.Text.Json.Nodes;
using SandboxHost.Cli.Functions;
using SandboxHost.Sites.Settings;

namespace SandboxHost.Cli.Tests;

public sealed class FunctionsTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [TimedTheory]
    [InlineData("helo", "hello")]
    [InlineData("HELLO", "hello")]
    [InlineData("tikcets", "tickets")]
    [InlineData("something-else", null)]
    [InlineData("", null)]
    public void The_nearest_name_is_suggested(string name, string? expected) => Assert.Equal(expected, NearestName.Of(name, ["hello", "tickets", "a-long-name"]));

    [TimedFact]
    public void A_payload_is_JSON_or_a_JSON_file()
    {
        using var folder = new TemporarySite();
        folder.WriteFile("data/order.json", """{"rows": 3}""");

        Assert.Equal("""{"a":1}""", PayloadReader.Read("""{"a":1}""", folder.Directory, out var mistake)!.Text);
        Assert.Equal("[1]", PayloadReader.Read("[1]", folder.Directory, out mistake)!.Text);
        Assert.Equal("""{"rows": 3}""", PayloadReader.Read("data/order.json", folder.Directory, out mistake)!.Text);
        Assert.Null(PayloadReader.Read(null, folder.Directory, out mistake));
        Assert.Null(mistake);
    }

    [TimedTheory]
    [InlineData("{a:1}", "no legal JSON")]
    [InlineData("missing.json", "no such file")]
    [InlineData("broken.json", "broken.json is no legal JSON")]
    public void A_payload_that_is_neither_says_which_was_tried(string payload, string expected)
    {
        using var folder = new TemporarySite();
        folder.WriteFile("broken.json", "{");

        Assert.Null(PayloadReader.Read(payload, folder.Directory, out var mistake));
        Assert.Contains(expected, mistake);
    }

    [TimedTheory]
    [InlineData("identity-login", "$.event", "login")]
    [InlineData("identity-signup-background", "$.event", "signup")]
    [InlineData("identity-validate", "$.user.user_metadata.full_name", "Some Body")]
    [InlineData("submission-created", "$.payload.data.message", "Hello")]
    [InlineData("deploy-succeeded", "$.payload.name", "deploy-succeeded")]
    public void A_function_named_after_an_event_gets_a_sample_of_it(string function, string path, string expected)
    {
        var node = JsonNode.Parse(EventSamples.BodyFor(function, null, Now));
        foreach (var member in path.Split('.').Skip(1))
        {
            node = node![member];
        }

        Assert.Equal(expected, node!.GetValue<string>());
    }

    [TimedFact]
    public void A_payload_takes_the_place_of_a_samples_members()
    {
        var body = JsonNode.Parse(EventSamples.BodyFor("submission-created", """{"payload":{"a":1},"extra":true}""", Now))!;

        Assert.Equal("""{"a":1}""", body["payload"]!.ToJsonString());
        Assert.NotNull(body["site"]);
        Assert.True(body["extra"]!.GetValue<bool>());
        Assert.Equal("[1]", EventSamples.BodyFor("submission-created", "[1]", Now));
    }

    [TimedFact]
    public void Other_functions_get_the_payload_as_it_is()
    {
        Assert.Equal("{ }", EventSamples.BodyFor("hello", "{ }", Now));
        Assert.Equal("{}", EventSamples.BodyFor("hello", null, Now));
    }

    [TimedFact]
    public void The_made_up_users_token_is_a_JSON_web_token()
    {
        var parts = MadeUpUser.Token(Now).Split('.');
        static JsonNode Decode(string part) => JsonNode.Parse(Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(part)))!;

        Assert.Equal(3, parts.Length);
        Assert.Equal("HS256", Decode(parts[0])["alg"]!.GetValue<string>());
        Assert.Equal(MadeUpUser.Email, Decode(parts[1])["email"]!.GetValue<string>());
        Assert.Equal(Now.AddHours(1).ToUnixTimeSeconds(), Decode(parts[1])["exp"]!.GetValue<long>());
    }

    [TimedFact]
    public void Types_are_added_to_package_json_as_its_author_writes_it()
    {
        using var site = new TemporarySite();
        site.WriteFile("package.json", "{\n\t\"name\": \"Größe <a>\",\n\t\"devDependencies\": {\n\t\t\"zod\": \"4\"\n\t}\n}\n");

        Assert.Equal(TypesDependency.Outcome.Added, TypesDependency.Add(site.Directory));
        Assert.Equal(
            "{\n\t\"name\": \"Größe <a>\",\n\t\"devDependencies\": {\n\t\t\"@netlify/functions\": \"^6.0.0\",\n\t\t\"zod\": \"4\"\n\t}\n}\n",
            File.ReadAllText(Path.Combine(site.Directory, "package.json")));
        Assert.Equal(TypesDependency.Outcome.WasThere, TypesDependency.Add(site.Directory));
    }

    [TimedTheory]
    [InlineData("{", "Unreadable")]
    [InlineData("[]", "Unreadable")]
    [InlineData("""{"dependencies":{"@netlify/functions":"5"}}""", "WasThere")]
    public void A_package_json_that_needs_nothing_or_cant_be_read_stays_as_it_is(string text, string expected)
    {
        using var site = new TemporarySite();
        site.WriteFile("package.json", text);

        Assert.Equal(expected, TypesDependency.Add(site.Directory).ToString());
        Assert.Equal(text, File.ReadAllText(Path.Combine(site.Directory, "package.json")));
    }

    [TimedFact]
    public void Every_template_is_there_in_both_languages_and_takes_the_functions_name()
    {
        foreach (var template in Template.All)
        {
            Assert.NotEmpty(template.Description);
            foreach (var language in Enum.GetValues<Language>())
            {
                var text = template.TextFor(language, "my-name");
                Assert.Contains("my-name", text);
                Assert.DoesNotContain("__", text);
            }
        }
    }
}
