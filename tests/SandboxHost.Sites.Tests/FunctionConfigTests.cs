using SandboxHost.Deployments;

namespace SandboxHost.Sites.Tests;

public sealed class FunctionConfigTests
{
    private const long Megabyte = FunctionLimits.Megabyte;

    [TimedFact]
    public void No_config_is_an_http_function_at_its_default_url()
    {
        var config = Read([]);

        Assert.Equal(FunctionKind.Http, config.Kind);
        Assert.Empty(config.Routes);
        Assert.Empty(config.ExcludedPaths);
        Assert.Null(config.MemoryBytes);
        Assert.Null(config.Vcpu);
    }

    [TimedFact]
    public void Paths_and_methods_make_routes_and_duplicates_are_dropped()
    {
        var config = Read(new() { ["path"] = List("/a", "/b/:x", "/a"), ["method"] = List("get", "Post"), ["excludedPath"] = "/b/c" });

        Assert.Equal(["/a", "/b/:x"], config.Routes.Select(route => route.Pattern.Text));
        Assert.All(config.Routes, route => Assert.Equal(["GET", "POST"], route.Methods));
        Assert.Equal("/b/c", Assert.Single(config.ExcludedPaths).Text);
    }

    [TimedTheory]
    [InlineData("GET")]
    [InlineData("POST")]
    [InlineData("PUT")]
    [InlineData("PATCH")]
    [InlineData("OPTIONS")]
    [InlineData("DELETE")]
    [InlineData("HEAD")]
    public void Every_method_of_the_reference_is_taken(string method) =>
        Assert.Equal(method, Read(new() { ["path"] = "/", ["method"] = method.ToLowerInvariant() }).Routes[0].Methods[0]);

    [TimedTheory]
    [InlineData("f", true, null, FunctionKind.Background)]
    [InlineData("f", false, null, FunctionKind.Http)]
    [InlineData("f-background", null, null, FunctionKind.Background)]
    [InlineData("f", "yes", null, FunctionKind.Http)]
    [InlineData("f", null, "@daily", FunctionKind.Scheduled)]
    [InlineData("f-background", true, "@daily", FunctionKind.Scheduled)]
    [InlineData("f", null, 5.0, FunctionKind.Http)]
    public void The_kind_follows_from_suffix_background_and_schedule(string name, object? background, object? schedule, FunctionKind kind)
    {
        var config = Read(new() { ["background"] = background, ["schedule"] = schedule }, name);

        Assert.Equal(kind, config.Kind);
        Assert.Equal(schedule as string, config.Schedule);
    }

    [TimedTheory]
    [InlineData(1024.0, 1024)]
    [InlineData(4096.0, 4096)]
    [InlineData("1024", 1024)]
    [InlineData("1024mb", 1024)]
    [InlineData(" 2 GB ", 2048)]
    [InlineData("1.5gb", 1536)]
    [InlineData("1.0005gb", null)]
    [InlineData("1gb2", null)]
    [InlineData("gb", null)]
    [InlineData("-1gb", null)]
    [InlineData("1023", null)]
    [InlineData("4097mb", null)]
    [InlineData("5gb", null)]
    [InlineData(1024.5, null)]
    [InlineData(1023.0, null)]
    [InlineData(1e300, null)]
    [InlineData("99999999999999999999999999999999gb", null)]
    [InlineData("", null)]
    [InlineData(true, null)]
    public void Memory_is_whole_megabytes_from_1024_to_4096(object value, int? megabytes)
    {
        var mistakes = new List<string>();

        Assert.Equal(megabytes * Megabyte, Read(new() { ["memory"] = value }, mistakes: mistakes).MemoryBytes);
        Assert.Equal(megabytes is null ? 1 : 0, mistakes.Count);
    }

    [TimedTheory]
    [InlineData(0.5, 1024)]
    [InlineData(1.0, 2048)]
    [InlineData(1.5, 3072)]
    [InlineData(2.0, 4096)]
    public void A_vcpu_brings_its_memory(double vcpu, long megabytes)
    {
        var config = Read(new() { ["vcpu"] = vcpu });

        Assert.Equal((vcpu, megabytes * Megabyte), (config.Vcpu, config.MemoryBytes));
    }

    public static TheoryData<string, object?, string> Mistakes => new()
    {
        { "path", "a", "on 'path': 'path' property must start with a '/'" },
        { "path", 5.0, "on 'path': 'path' property must be a string, found '5'" },
        { "path", true, "on 'path': 'path' property must be a string, found 'true'" },
        { "path", List("/a", List("/b")), "on 'path': 'path' property must be a string, found '[\"/b\"]'" },
        { "path", new Dictionary<string, object?> { ["a"] = null }, "on 'path': 'path' property must be a string, found '{\"a\":null}'" },
        { "path", "/:a/:a", "on 'path': '/:a/:a' is not a valid path according to the URLPattern specification (the name 'a' is used twice)" },
        { "excludedPath", "a", "on 'excludedPath': 'excludedPath' property must start with a '/'" },
        { "excludedPath", List(5.0), "on 'excludedPath': 'excludedPath' property must be a string, found '5'" },
        { "method", "TRACE", "on 'method': 'TRACE' is not one of GET, POST, PUT, PATCH, OPTIONS, DELETE, HEAD" },
        { "method", false, "on 'method': 'false' is not one of GET, POST, PUT, PATCH, OPTIONS, DELETE, HEAD" },
        { "memory", 512.0, "on 'memory': '512' is not a whole number of megabytes from 1024 to 4096" },
        { "memory", List(1024.0), "on 'memory': '[1024]' is not a whole number of megabytes from 1024 to 4096" },
        { "vcpu", 3.0, "on 'vcpu': '3' is not a number from 0.5 to 2" },
        { "vcpu", 0.49, "on 'vcpu': '0.49' is not a number from 0.5 to 2" },
        { "vcpu", "1", "on 'vcpu': '1' is not a number from 0.5 to 2" },
    };

    [TimedTheory]
    [MemberData(nameof(Mistakes), DisableDiscoveryEnumeration = true)]
    public void A_mistake_names_function_property_value_and_rule(string property, object? value, string text)
    {
        var mistakes = new List<string>();

        Read(new() { [property] = value }, "hello", mistakes);

        Assert.Equal(["Function hello has a configuration error " + text], mistakes);
    }

    [TimedFact]
    public void Every_mistake_is_reported()
    {
        var mistakes = new List<string>();

        Read(new() { ["path"] = List("a", "b"), ["excludedPath"] = "c", ["method"] = "X", ["memory"] = 1024.0, ["vcpu"] = 1.0, ["schedule"] = "@daily" }, mistakes: mistakes);
        Read(new() { ["path"] = "/a", ["schedule"] = "@daily" }, mistakes: mistakes);

        Assert.Equal(
            ["method", "path", "path", "memory", "excludedPath", "path"],
            mistakes.Select(mistake => mistake.Split('\'')[1]));
        Assert.Contains("`memory` and `vcpu` cannot both be set.", mistakes[3]);
        Assert.Contains("Scheduled functions must not specify a custom path.", mistakes[5]);
    }

    [TimedFact]
    public void Unknown_properties_are_nobodys_business() => Assert.Equal(FunctionKind.Http, Read(new() { ["generator"] = 5.0, ["nodeVersion"] = "x" }).Kind);

    private static List<object?> List(params object?[] items) => [.. items];

    private static FunctionConfig Read(Dictionary<string, object?> config, string name = "f", List<string>? mistakes = null)
    {
        var found = mistakes ?? [];
        var read = FunctionConfig.Read(name, config, found);
        if (mistakes is null)
        {
            Assert.Empty(found);
        }

        return read;
    }
}
