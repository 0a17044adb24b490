using System.Globalization;
using SandboxHost.Deployments;
using SandboxHost.Sites.Bundles;
using SandboxHost.Sites.Config;

namespace SandboxHost.Sites.Tests.Config;

/// <summary>Reference §1.4, §2.1, §6-8.</summary>
public sealed class FunctionConfigTests
{
    private const long Megabyte = FunctionLimits.Megabyte;

    [TimedFact]
    public void No_config_is_an_http_function_at_its_default_url()
    {
        var config = Read([]);

        Assert.Equal(FunctionKind.Http, config.KindOf("f"));
        Assert.Empty(config.Routes);
        Assert.Empty(config.ExcludedPaths);
        Assert.Null(config.MemoryBytes);
        Assert.Null(config.Vcpu);
    }

    [TimedFact]
    public void Paths_and_methods_make_routes_and_duplicates_are_dropped()
    {
        var config = Read(new() { ["path"] = List("/a", "/b/:x", "/a"), ["method"] = List("get", "Post", "GET"), ["excludedPath"] = "/b/c" });

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
    [InlineData("f-background", false, null, FunctionKind.Background)]
    [InlineData("f", "yes", null, FunctionKind.Http)]
    [InlineData("f", null, "@daily", FunctionKind.Scheduled)]
    [InlineData("f-background", true, "@daily", FunctionKind.Scheduled)]
    [InlineData("f", null, 5.0, FunctionKind.Http)]
    public void The_kind_follows_from_suffix_background_and_schedule(string name, object? background, object? schedule, FunctionKind kind)
    {
        var config = Read(new() { ["background"] = background, ["schedule"] = schedule }, warnings: []);

        Assert.Equal(kind, config.KindOf(name));
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

        Assert.Equal(megabytes * Megabyte, Read(new() { ["memory"] = value }, mistakes).MemoryBytes);
        Assert.Equal(megabytes is null ? 1 : 0, mistakes.Count);
    }

    [TimedTheory]
    [InlineData(0.5, 1024)]
    [InlineData(1.0, 2048)]
    [InlineData(1.5, 3072)]
    [InlineData(2.0, 4096)]
    public void A_vcpu_brings_its_memory(double vcpu, long megabytes)
    {
        var limits = Read(new() { ["vcpu"] = vcpu }).LimitsOver(FunctionLimits.Default, FunctionKind.Http);

        Assert.Equal((vcpu, megabytes * Megabyte), (limits.Vcpu, limits.MemoryBytes));
        Assert.Equal(vcpu, Read(new() { ["vcpu"] = vcpu.ToString(CultureInfo.InvariantCulture) }).Vcpu);
    }

    public static TheoryData<string, object?, string> Mistakes => new()
    {
        { "path", "a", "'path' property must start with a '/'" },
        { "path", 5.0, "'path' property must be a string, found '5'" },
        { "path", true, "'path' property must be a string, found 'true'" },
        { "path", List("/a", List("/b")), "'path' property must be a string, found '[\"/b\"]'" },
        { "path", new Dictionary<string, object?> { ["a"] = null }, "'path' property must be a string, found '{\"a\":null}'" },
        { "path", "/:a/:a", "'/:a/:a' is not a valid path according to the URLPattern specification (the name 'a' is used twice)" },
        { "path", null, "'path' property must be a string, found 'null'" },
        { "method", null, "'null' is not one of GET, POST, PUT, PATCH, OPTIONS, DELETE, HEAD" },
        { "memory", null, "'null' is not a whole number of megabytes from 1024 to 4096" },
        { "vcpu", null, "'null' is not a number from 0.5 to 2" },
        { "region", null, "'null' is not one of cmh, dub, fra, gru, iad, lhr, nrt, pdx, sfo, sin, syd, yul, cdg, mxp" },
        { "excludedPath", "a", "'excludedPath' property must start with a '/'" },
        { "excludedPath", List(5.0), "'excludedPath' property must be a string, found '5'" },
        { "method", "TRACE", "'TRACE' is not one of GET, POST, PUT, PATCH, OPTIONS, DELETE, HEAD" },
        { "method", false, "'false' is not one of GET, POST, PUT, PATCH, OPTIONS, DELETE, HEAD" },
        { "memory", 512.0, "'512' is not a whole number of megabytes from 1024 to 4096" },
        { "memory", List(1024.0), "'[1024]' is not a whole number of megabytes from 1024 to 4096" },
        { "vcpu", 3.0, "'3' is not a number from 0.5 to 2" },
        { "vcpu", 0.49, "'0.49' is not a number from 0.5 to 2" },
        { "vcpu", "many", "'many' is not a number from 0.5 to 2" },
        { "region", "mars", "'mars' is not one of cmh, dub, fra, gru, iad, lhr, nrt, pdx, sfo, sin, syd, yul, cdg, mxp" },
        { "region", 5.0, "'5' is not one of cmh, dub, fra, gru, iad, lhr, nrt, pdx, sfo, sin, syd, yul, cdg, mxp" },
        { "schedule", "@annually", "'@annually' must be a valid cron expression: of the shortcuts only @hourly, @daily, @weekly, @monthly, @yearly are known" },
        { "schedule", "* * *", "'* * *' must be a valid cron expression: it has 3 fields and not five (minute, hour, day of month, month, day of week)" },
    };

    [TimedTheory]
    [MemberData(nameof(Mistakes), DisableDiscoveryEnumeration = true)]
    public void A_mistake_names_property_value_and_rule(string property, object? value, string rule)
    {
        var mistakes = new List<string>();

        Read(new() { [property] = value }, mistakes);

        Assert.Equal([$"{property}: {rule}"], mistakes);
    }

    public static TheoryData<string, object?, string> Warnings => new()
    {
        { "preferStatic", "yes", "'yes' is neither true nor false" },
        { "background", 1.0, "'1' is neither true nor false" },
        { "timeout", "5s", "'5s' is not a number of seconds, up to a day" },
        { "timeout", 0.0, "'0' is not a number of seconds, up to a day" },
        { "schedule", 5.0, "'5' is not a text" },
        { "name", 5.0, "'5' is not a text" },
        { "nodeBundler", "webpack", "'webpack' is not one of esbuild, esbuild_zisi, nft, none, zisi" },
        { "includedFiles", "data", "'data' is not a list of texts" },
        { "externalNodeModules", List("../x"), "'../x' is not the name of an npm package" },
        { "rateLimit", 5.0, "'5' is not an object with windowSize and windowLimit" },
        { "pth", "/a", "'pth' is not known here; did you mean 'path'?" },
        { "included_files", List(), "'included_files' is not known here; did you mean 'includedFiles'?" },
        { "colour", "red", "'colour' is not known here" },
    };

    [TimedTheory]
    [MemberData(nameof(Warnings), DisableDiscoveryEnumeration = true)]
    public void What_netlify_drops_in_silence_is_dropped_with_a_word(string property, object? value, string rule)
    {
        var warnings = new List<string>();

        Read(new() { [property] = value }, warnings: warnings);

        Assert.Equal([$"{property}: {rule}"], warnings);
    }

    [TimedFact]
    public void Every_mistake_is_reported()
    {
        var mistakes = new List<string>();

        Read(new() { ["path"] = List("a", "b"), ["excludedPath"] = "c", ["method"] = "X", ["memory"] = 1024.0, ["vcpu"] = 1.0 }, mistakes);

        Assert.Equal(["excludedPath", "method", "path", "path", "vcpu"], mistakes.Select(mistake => mistake.Split(':')[0]).Order(StringComparer.Ordinal));
        Assert.Contains("vcpu: `memory` and `vcpu` cannot both be set.", mistakes);
    }

    [TimedTheory]
    [InlineData("f", "path", "@daily", "path: Scheduled functions must not specify a custom path.")]
    [InlineData("f", "excludedPath", "@daily", "excludedPath: Scheduled functions must not specify a custom path.")]
    [InlineData("identity-login", "path", null, "path: Event-triggered functions must not specify a custom path.")]
    [InlineData("f", "path", null, null)]
    public void Some_things_exclude_each_other_wherever_they_stand(string name, string property, string? schedule, string? rule)
    {
        var config = Read(new() { [property] = "/a" }).Over(Read(new() { ["schedule"] = schedule }));

        Assert.Equal(rule is null ? [] : [rule], config.ConflictsOf(name).Select(conflict => $"{conflict.Property}: {conflict.Rule}"));
    }

    [TimedFact]
    public void The_remaining_properties_are_read()
    {
        var config = Read(new()
        {
            ["preferStatic"] = true,
            ["region"] = "FRA",
            ["name"] = "My function",
            ["generator"] = "framework@1",
            ["includedFiles"] = List("data/**", "!data/x"),
            ["externalNodeModules"] = List("a", "@s/b", "@s/*"),
            ["ignoredNodeModules"] = List("c"),
            ["nodeBundler"] = "nft",
            ["nodeVersion"] = "22",
            ["rateLimit"] = new Dictionary<string, object?> { ["windowSize"] = 60.0, ["windowLimit"] = 5.0 },
        });

        Assert.Equal((true, "fra", "My function", "framework@1"), (config.PreferStatic, config.Region, config.DisplayName, config.Generator));
        Assert.Equal([new IncludeRule("/site", "data/**"), new IncludeRule("/site", "!data/x")], config.IncludedFiles);
        Assert.Equal(["a", "@s/b", "@s/*"], config.ExternalModules);
        Assert.Equal(["c"], config.IgnoredModules);
        Assert.Equal(new RateLimitRule(5, TimeSpan.FromSeconds(60), RateLimitKeys.Domain, null), config.RateLimit);
    }

    [TimedTheory]
    [InlineData(FunctionKind.Http)]
    [InlineData(FunctionKind.Background)]
    [InlineData(FunctionKind.Scheduled)]
    public void A_timeout_is_the_time_limit_of_the_functions_kind(FunctionKind kind)
    {
        var host = FunctionLimits.Default;
        var time = TimeSpan.FromSeconds(7);

        var limits = Read(new() { ["timeout"] = 7.0 }).LimitsOver(host, kind);

        Assert.Equal(
            kind switch
            {
                FunctionKind.Http => host with { StreamingTime = time, BufferedTime = time },
                FunctionKind.Background => host with { BackgroundTime = time, Concurrency = 1 },
                _ => host with { ScheduledTime = time, Concurrency = 1 },
            },
            limits);
    }

    [TimedFact]
    public void The_stronger_config_wins_and_lists_add_up()
    {
        var weaker = Read(new() { ["region"] = "fra", ["schedule"] = "@daily", ["memory"] = 2048.0, ["includedFiles"] = List("a"), ["externalNodeModules"] = List("x") });
        var stronger = Read(new() { ["region"] = "iad", ["vcpu"] = 1.5, ["includedFiles"] = List("b"), ["externalNodeModules"] = List("x", "y") });

        var config = stronger.Over(weaker);

        Assert.Equal(("iad", "@daily"), (config.Region, config.Schedule));
        // Memory and vcpu are one choice.
        Assert.Equal((null, 1.5), (config.MemoryBytes, config.Vcpu));
        Assert.Equal(["a", "b"], config.IncludedFiles.Select(rule => rule.Pattern));
        Assert.Equal(["x", "y"], config.ExternalModules);
    }

    [TimedFact]
    public void A_schedule_beside_background_is_the_stronger()
    {
        var warnings = new List<string>();

        Read(new() { ["schedule"] = "@daily", ["background"] = true }, warnings: warnings);

        Assert.Contains("`schedule`", Assert.Single(warnings));
    }

    private static List<object?> List(params object?[] items) => [.. items];

    private static FunctionConfig Read(Dictionary<string, object?> config, List<string>? mistakes = null, List<string>? warnings = null)
    {
        var (found, said) = (mistakes ?? [], warnings ?? []);
        var read = FunctionConfigReader.Read(config, "/site", new ConfigFindings(
            (property, rule) => found.Add($"{property}: {rule}"), (property, rule) => said.Add($"{property}: {rule}")));
        if (mistakes is null)
        {
            Assert.Empty(found);
        }

        if (warnings is null)
        {
            Assert.Empty(said);
        }

        return read;
    }
}
