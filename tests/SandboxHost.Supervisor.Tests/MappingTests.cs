using System.Text.Json;
using SandboxHost.Deployments;
using SandboxHost.Protocol.Worker.V1;
using SandboxHost.Supervisor.Transport;

namespace SandboxHost.Supervisor.Tests;

/// <summary>What a worker is told about its function.</summary>
public sealed class MappingTests
{
    [TimedFact]
    public void The_place_of_the_clients_travels_as_netlify_writes_it()
    {
        var place = new GeoLocation { City = "Wien", Country = new GeoArea("AT", "Austria"), Latitude = 48.2, PostalCode = "1010" };

        using var geo = JsonDocument.Parse(FrameMapping.ToSpecialise(Function(geo: place), CodeCacheUse.Unspecified).Geo);

        Assert.Equal("Wien", geo.RootElement.GetProperty("city").GetString());
        Assert.Equal("AT", geo.RootElement.GetProperty("country").GetProperty("code").GetString());
        Assert.Equal(48.2, geo.RootElement.GetProperty("latitude").GetDouble());
        Assert.Equal("1010", geo.RootElement.GetProperty("postal_code").GetString());
        Assert.False(geo.RootElement.TryGetProperty("timezone", out _));
    }

    [TimedTheory]
    [InlineData(null, "dev", "dev")]
    [InlineData(null, "production", "local")]
    [InlineData("fra", "dev", "eu-central-1")]
    [InlineData("cmh", "production", "us-east-2")]
    [InlineData("zzz", "production", "zzz")]
    public void The_region_is_the_functions_own_by_the_name_that_aws_gives_it(string? region, string context, string expected)
    {
        var specialise = FrameMapping.ToSpecialise(Function(region: region, context: context), CodeCacheUse.Unspecified);

        Assert.Equal(expected, specialise.Region);
        Assert.Equal(["AWS_REGION", expected], specialise.Environment);
    }

    [TimedFact]
    public void What_the_site_sets_itself_stays()
    {
        var environment = new Dictionary<string, string> { ["AWS_REGION"] = "eu-north-1", ["BRANCH"] = "feature/x" };

        var specialise = FrameMapping.ToSpecialise(Function(environment: environment), CodeCacheUse.Unspecified);

        Assert.Equal(["AWS_REGION", "eu-north-1", "BRANCH", "feature/x"], specialise.Environment);
        Assert.Equal("feature/x", specialise.Deploy.Branch);
    }

    private static FunctionVersion Function(
        GeoLocation? geo = null, string? region = null, string context = "dev", Dictionary<string, string>? environment = null) => new()
        {
            Site = new SiteIdentity("1", "site", "http://localhost", "2"),
            Deploy = new DeployIdentity("0", context, Published: false),
            Name = "hello",
            Runtime = "node",
            ArtifactDirectory = "/nowhere",
            Entry = "hello.mjs",
            Environment = environment ?? [],
            Limits = FunctionLimits.Default,
            Geo = geo ?? GeoLocation.Mock,
            Region = region,
        };
}
