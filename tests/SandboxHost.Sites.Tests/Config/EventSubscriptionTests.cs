using SandboxHost.Sites.Config;
using SandboxHost.Sites.Settings;

namespace SandboxHost.Sites.Tests.Config;

/// <summary>Which platform events a function is told of (reference §2.1 and §9.1).</summary>
public sealed class EventSubscriptionTests
{
    [TimedTheory]
    [InlineData("export default { userSignup(event) {}, formSubmitted: () => {}, async deployFailed() {}, other() {} }", "deploy_failed submission_created identity_signup")]
    [InlineData("const handlers = { userLogin, 'userDeleted': f, fetch() {} }; export default handlers", "identity_login identity_userdeleted")]
    [InlineData("const handlers = { userLogin }; export { handlers as default }", "identity_login")]
    [InlineData("module.exports = { userLogin() {} }", "identity_login")]
    [InlineData("export default { ['userLogin']() {}, ...handlers }", "")]
    [InlineData("export default () => {}; export const userLogin = () => {}", "")]
    [InlineData("export const handler = () => {}; export default { userLogin() {} }", "")]
    [InlineData("export default { config: { path: '/a' } }", "")]
    public void Handlers_of_a_default_exported_object_are_subscriptions(string module, string slugs) =>
        Assert.Equal(slugs, string.Join(' ', EventSubscriptions.Of("hello", ModuleConfigReader.Read(module))));

    [TimedTheory]
    [InlineData("submission-created", "export default () => {}", "submission_created")]
    [InlineData("deploy-succeeded-background", "export const handler = () => {}", "deploy_succeeded")]
    [InlineData("split-test-activated", "export const handler = () => {}", "split_test_activated")]
    [InlineData("identity-login", "export default { userLogin() {}, userSignup() {} }", "identity_login identity_signup")]
    [InlineData("identity-usermodified", "export default () => {}", "")]
    public void A_functions_name_subscribes_it_and_each_event_counts_once(string name, string module, string slugs) =>
        Assert.Equal(slugs, string.Join(' ', EventSubscriptions.Of(name, ModuleConfigReader.Read(module))));

    [TimedTheory]
    [InlineData("secret = \"0123456789abcdef0123456789abcdef\"", true, null)]
    [InlineData("secret = \"short-and-private\"", false, "events.secret: a text of 32 characters or more")]
    [InlineData("secret = 5", false, "events.secret: a text of 32 characters or more")]
    [InlineData("other = 5", false, "events.other is not known here; known is secret")]
    public void A_secret_is_long_and_never_told(string setting, bool isTaken, string? mistake)
    {
        var mistakes = new List<string>();

        var settings = SiteSettings.Parse($"[events]\n{setting}", mistakes);

        Assert.Equal(isTaken, settings.EventSecret is not null);
        Assert.Equal(mistake is null ? [] : [$"sandboxhost.toml: {mistake}"], mistakes);
    }
}
