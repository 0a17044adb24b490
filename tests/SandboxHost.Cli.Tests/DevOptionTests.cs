using SandboxHost.Cli.Dev;
using SandboxHost.Deployments;

namespace SandboxHost.Cli.Tests;

public sealed class DevOptionTests
{
    [TimedTheory]
    [InlineData(null)]
    [InlineData("mock")]
    public void Clients_are_in_San_Francisco_unless_told_otherwise(string? geo) => Assert.Equal(GeoLocation.Mock, Read(geo, null));

    [TimedFact]
    public void A_country_gives_a_mock_city_there_whatever_geo_says()
    {
        var location = Read("nonsense", "de")!;

        Assert.Equal(new GeoArea("DE", "Mock Country"), location.Country);
        Assert.Equal(new GeoArea("SD", "Mock Subdivision"), location.Subdivision);
        Assert.Equal(("Mock City", "UTC", 0, 0), (location.City, location.Timezone, location.Latitude, location.Longitude));
    }

    [TimedFact]
    public void Geo_is_read_from_JSON_and_from_a_file()
    {
        const string Json = """{"city":"Paris","country":{"code":"FR","name":"France"},"latitude":48.86,"postalCode":"75001"}""";
        using var folder = new TemporarySite();
        folder.WriteFile("geo.json", Json);

        var location = Read(Json, null)!;

        Assert.Equal(("Paris", 48.86, "75001", null), (location.City, location.Latitude, location.PostalCode, location.Timezone));
        Assert.Equal(location, Read(Path.Combine(folder.Directory, "geo.json"), null));
    }

    [TimedTheory]
    [InlineData("""{"citi":"Paris"}""", null, "$.citi")]
    [InlineData("""{"latitude":"north"}""", null, "$.latitude")]
    [InlineData("{", null, "no legal JSON")]
    [InlineData("no-such-file.json", null, "no such file")]
    [InlineData("cache", null, "asks no service")]
    [InlineData(null, "Germany", "two letters")]
    public void A_mistake_is_named_with_what_was_expected(string? geo, string? country, string expected)
    {
        var mistakes = new List<string>();

        Assert.Null(GeoOption.Read(geo, country, mistakes));
        Assert.Contains(expected, Assert.Single(mistakes));
    }

    [TimedTheory]
    [InlineData("--live", "no tunnel")]
    [InlineData("-l", "no tunnel")]
    [InlineData("-c 'npm start'", "no other server is started")]
    [InlineData("--target-port 3000", "no other server stands behind")]
    [InlineData("--functions-port 9999", "--port")]
    [InlineData("--edge-inspect", "--inspect")]
    public void Options_of_netlify_dev_that_make_no_sense_here_say_what_to_do(string line, string expected)
    {
        var arguments = SandboxHostCommand.Parse(["dev", .. line.Split(' ', 2)]);

        Assert.Empty(arguments.Errors);
        Assert.Contains(expected, Assert.Single(NetlifyOptions.Mistakes(arguments)));
    }

    [TimedFact]
    public void Options_of_netlify_dev_that_change_nothing_are_taken()
    {
        var arguments = SandboxHostCommand.Parse(["dev", ".", "--offline", "--no-open", "--skip-gitignore", "-o"]);

        Assert.Empty(arguments.Errors);
        Assert.Empty(NetlifyOptions.Mistakes(arguments));
    }

    [TimedTheory]
    [InlineData("functions:list --json")]
    [InlineData("functions:invoke hello --payload {}")]
    [InlineData("functions list")]
    public void Commands_may_be_written_with_a_colon(string line) => Assert.Empty(SandboxHostCommand.Parse(line.Split(' ')).Errors);

    [TimedFact]
    public void A_folder_after_inspect_is_told_where_to_go() =>
        Assert.Contains("sandboxhost dev DIR --inspect", Assert.Single(SandboxHostCommand.Parse(["dev", "--inspect", "examples/hello"]).Errors).Message);

    private static GeoLocation? Read(string? geo, string? country)
    {
        var mistakes = new List<string>();
        var location = GeoOption.Read(geo, country, mistakes);
        Assert.Empty(mistakes);
        return location;
    }
}
