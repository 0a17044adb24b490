using SandboxHost.Sites.Settings;

namespace SandboxHost.Sites.Tests.Settings;

public sealed class DotEnvParserTests
{
    [TimedTheory]
    [InlineData("A=1", "1")]
    [InlineData("A = 1 ", "1")]
    [InlineData("export A=1", "1")]
    [InlineData("  export   A=1", "1")]
    [InlineData("A: 1", "1")]
    [InlineData("A=", "")]
    [InlineData("A=\nB=2", "")]
    [InlineData("A='1 # not a comment'", "1 # not a comment")]
    [InlineData("A=1 # a comment", "1")]
    [InlineData("A=1#a comment", "1")]
    [InlineData("A=\"1\" # a comment", "1")]
    [InlineData("A=\"a\\nb\"", "a\nb")]
    [InlineData("A='a\\nb'", "a\\nb")]
    [InlineData("A=a\\nb", "a\\nb")]
    [InlineData("A=\"a\nb\"", "a\nb")]
    [InlineData("A='a\r\nb'", "a\nb")]
    [InlineData("A=`a\"b'c`", "a\"b'c")]
    [InlineData("A=\"say \\\"hi\\\"\"", "say \\\"hi\\\"")]
    [InlineData("A=\"C:\\\"", "C:\\")]
    [InlineData("A=\"open", "\"open")]
    [InlineData("A='a'b", "'a'b")]
    [InlineData("A=$B ${B}", "$B ${B}")]
    [InlineData("A=a=b", "a=b")]
    [InlineData("A=1\nA=2", "2")]
    [InlineData("# A=1\n\nA=2", "2")]
    [InlineData("nonsense\nA=2", "2")]
    [InlineData("A=é😀", "é😀")]
    public void A_value_is_what_the_dotenv_package_makes_of_it(string text, string value) => Assert.Equal(value, DotEnvParser.Parse(text)["A"]);

    [TimedFact]
    public void Names_have_letters_digits_dots_and_dashes() =>
        Assert.Equal(["a.b-c_D1", "Z"], DotEnvParser.Parse("a.b-c_D1=1\n=2\nä=3\nA B=4\nexport=5\nZ=6").Keys.Where(key => key != "export"));

    [TimedTheory]
    [InlineData("A=\"")]
    [InlineData("export")]
    [InlineData(":")]
    [InlineData("A:")]
    public void Half_a_line_harms_nobody(string text) => Assert.DoesNotContain(DotEnvParser.Parse(text), item => item.Value.Length > 1);

    [TimedFact]
    public void A_hostile_file_is_read_in_time() =>
        Assert.NotEmpty(DotEnvParser.Parse("A=\"" + string.Concat(Enumerable.Repeat("\\\"", 100_000)) + "\nB=1"));
}
