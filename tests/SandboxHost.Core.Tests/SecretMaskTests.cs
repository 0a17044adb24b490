using SandboxHost.Output;

namespace SandboxHost.Tests;

public sealed class SecretMaskTests
{
    [TimedTheory]
    [InlineData("API_KEY")]
    [InlineData("github_token")]
    [InlineData("DB_PASSWORD")]
    [InlineData("SECRET")]
    [InlineData("AWS_SECRET_ACCESS_KEY")]
    public void Values_of_secret_names_are_replaced_by_the_name(string name) =>
        Assert.Equal($"it was [{name}], and [{name}].", Mask(name, "0123456789abcdef").Apply("it was 0123456789abcdef, and 0123456789abcdef."));

    [TimedTheory]
    [InlineData("GREETING", "good day to you")]
    [InlineData("NEXT_PUBLIC_API_KEY", "0123456789abcdef")]
    [InlineData("KEYBOARD", "0123456789abcdef")]
    [InlineData("API_KEY", "short")]
    [InlineData("HOMEPAGE", "https://example.com/a:b@c")]
    public void Other_values_stay(string name, string value) => Assert.Equal($"-{value}-", Mask(name, value).Apply($"-{value}-"));

    [TimedFact]
    public void An_address_with_a_password_is_a_secret_whatever_its_name() =>
        Assert.Equal("can't reach [DATABASE_URL]", Mask("DATABASE_URL", "postgres://me:pass@db/x").Apply("can't reach postgres://me:pass@db/x"));

    [TimedFact]
    public void A_key_of_several_lines_is_found_line_by_line_and_whole()
    {
        var mask = Mask("PRIVATE_KEY", "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----");

        Assert.Equal("line [PRIVATE_KEY]", mask.Apply("line kqhkiG9w0BAQEF"));
        Assert.Equal("<[PRIVATE_KEY]>", mask.Apply("<-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY----->"));
    }

    [TimedFact]
    public void Of_values_that_hold_one_another_the_longest_is_shown()
    {
        var mask = new SecretMask(new Dictionary<string, string> { ["A_KEY"] = "01234567", ["B_KEY"] = "0123456789" });

        Assert.Equal("[B_KEY] [A_KEY]", mask.Apply("0123456789 01234567"));
    }

    private static SecretMask Mask(string name, string value) => new(new Dictionary<string, string> { [name] = value });
}
