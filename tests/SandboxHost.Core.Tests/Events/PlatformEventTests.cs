using System.Text;
using System.Text.Json.Nodes;
using SandboxHost.Events;

namespace SandboxHost.Tests.Events;

public sealed class PlatformEventTests
{
    [TimedTheory]
    [InlineData("userSignup", "identity_signup")]
    [InlineData("identity_signup", "identity_signup")]
    [InlineData("identity-signup", "identity_signup")]
    [InlineData("userModified", "identity_usermodified")]
    [InlineData("formSubmitted", "submission_created")]
    [InlineData("split-test-activated", "split_test_activated")]
    [InlineData("identity-usermodified", null)]
    [InlineData("usersignup", null)]
    [InlineData("", null)]
    public void An_event_is_found_by_each_of_its_names(string name, string? slug) => Assert.Equal(slug, PlatformEvent.Find(name)?.Slug);

    [TimedTheory]
    [InlineData("deploy-building", "deploy_building")]
    [InlineData("identity-login-background", "identity_login")]
    [InlineData("split-test-modified", "split_test_modified")]
    [InlineData("identity-userdeleted", null)]
    [InlineData("deploy_building", null)]
    [InlineData("-background", null)]
    public void A_function_is_subscribed_by_its_name(string name, string? slug) => Assert.Equal(slug, PlatformEvent.OfFunction(name)?.Slug);

    [TimedFact]
    public void There_are_twelve_handlers_and_thirteen_file_names_and_no_name_is_given_twice()
    {
        Assert.Equal(12, PlatformEvent.All.Select(item => item.HandlerName).OfType<string>().Distinct().Count());
        Assert.Equal(13, PlatformEvent.All.Select(item => item.FileName).OfType<string>().Distinct().Count());
        Assert.Equal(PlatformEvent.All.Count, PlatformEvent.All.Select(item => item.Slug).Distinct().Count());
        Assert.Equal(
            ["identity_login", "identity_signup", "identity_validate", "identity_usermodified"], PlatformEvent.All.Where(item => item.IsDeniable).Select(item => item.Slug));
    }

    [TimedFact]
    public void A_returned_user_is_laid_over_the_one_before_and_takes_nothing_away()
    {
        var (body, user) = EventUser.Change(
            Bytes("""{"event":"signup","user":{"id":"1","email":"a","confirmed_at":"then","app_metadata":{"a":1},"extra":2}}"""),
            Bytes("""{"email":"b","confirmed_at":null,"app_metadata":{"roles":["x"]}}""")).GetValueOrDefault();

        const string Expected = """{"id":"1","email":"b","confirmed_at":"then","app_metadata":{"roles":["x"]},"extra":2}""";
        Assert.Equal(Expected, user);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse($$"""{"event":"signup","user":{{Expected}}}"""), JsonNode.Parse(body.Span)));
    }

    [TimedTheory]
    [InlineData("{}", "{}")]
    [InlineData("[]", "{}")]
    [InlineData("""{"user":5}""", "{}")]
    [InlineData("""{"user":{}}""", "[]")]
    [InlineData("""{"user":{}}""", "no")]
    [InlineData("""{"user":{}}""", """{"a":1,"a":2}""")]
    public void What_is_no_user_changes_nothing(string body, string returned) => Assert.Null(EventUser.Change(Bytes(body), Bytes(returned)));

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
