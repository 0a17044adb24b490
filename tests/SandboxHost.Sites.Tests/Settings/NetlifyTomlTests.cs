using SandboxHost.Deployments;
using SandboxHost.Sites.Settings;
using Tomlyn.Model;

namespace SandboxHost.Sites.Tests.Settings;

/// <summary>Reference §12.</summary>
public sealed class NetlifyTomlTests
{
    private readonly List<string> _mistakes = [];

    [TimedFact]
    public void Build_and_dev_are_read()
    {
        var toml = Parse("""
            [build]
            base = "app"
            publish = "dist"
            functions = "older"
            command = "make"
            [build.environment]
            A = "a"
            B = 5
            [dev]
            functions = "dev-functions"
            publish = "public"
            port = 9000
            envFiles = [".env.mine"]
            """);

        Assert.Equal(("app", "dist", "older"), (toml.Base, toml.Publish, toml.FunctionsDirectory));
        Assert.Equal(("dev-functions", "public", 9000), (toml.DevFunctionsDirectory, toml.DevPublish, toml.DevPort));
        Assert.Equal([".env.mine"], toml.EnvFiles);
        Assert.Equal([("A", "a"), ("B", "5")], toml.Environment.Select(item => (item.Key, item.Value)));
        Assert.Empty(_mistakes);
    }

    [TimedTheory]
    [InlineData("dev", "main", "dev")]
    [InlineData("production", "main", "main")]
    [InlineData("prod", "", "prod")]
    [InlineData("deploy-preview", "", "base")]
    [InlineData("dev", "feat/x", "feature")]
    [InlineData("dev", "feat/exact", "exact")]
    [InlineData("branch:feat/y", "main", "feature")]
    public void The_sections_of_context_and_branch_are_laid_over(string context, string branch, string value)
    {
        const string Text = """
            [build.environment]
            WHO = "base"
            KEPT = "kept"
            [context.dev.environment]
            WHO = "dev"
            [context.production.environment]
            WHO = "prod"
            [context.main]
            environment = { WHO = "main" }
            [context."feat/*".build.environment]
            WHO = "feature"
            [context."feat/exact".environment]
            WHO = "exact"
            """;
        var text = context == "dev" && branch == "main" ? Text.Replace("[context.main]", "[context.other]", StringComparison.Ordinal) : Text;

        var toml = NetlifyToml.Parse(text, DeployContext.Parse(context, branch), _mistakes)!;

        Assert.Equal((value, "kept"), (toml.Environment["WHO"], toml.Environment["KEPT"]));
        Assert.False(toml.Root.ContainsKey("context"));
    }

    [TimedFact]
    public void A_context_may_set_what_build_sets_and_everything_else()
    {
        var toml = Parse("""
            publish = "not here"
            [build]
            publish = "a"
            [context.dev]
            publish = "b"
            functions = "f"
            [context.dev.functions]
            memory = 2048
            [[context.dev.redirects]]
            from = "/x"
            """.Replace("functions = \"f\"\n", "", StringComparison.Ordinal));

        Assert.Equal("b", toml.Publish);
        Assert.Equal(2048L << 20, toml.Functions.For("x", "/site").MemoryBytes);
        Assert.IsType<TomlTableArray>(toml.Root["redirects"]);
        Assert.Equal("f", Parse("[context.dev]\nfunctions = \"f\"").FunctionsDirectory);
    }

    [TimedFact]
    public void What_is_others_business_passes()
    {
        Parse("""
            [[redirects]]
            from = "/a"
            [[headers]]
            for = "/*"
            [[plugins]]
            package = "x"
            [[edge_functions]]
            path = "/e"
            [images]
            remote_images = []
            [template]
            incoming-hooks = []
            [my-own-tool]
            x = 1
            [build.processing]
            skip = true
            [dev]
            framework = "#custom"
            targetPort = 3000
            [dev.https]
            certFile = "a"
            """);

        Assert.Empty(_mistakes);
    }

    [TimedFact]
    public void A_mistake_names_file_line_key_value_and_rule()
    {
        Parse("""
            dev = 5
            [build]
            publish = ["a"]
            publsih = "a"
            [build.environment]
            LIST = [1]
            [functions]
            memory = "1mb"
            color = "red"
            [functions."api_*"]
            schedule = "never"
            included_file = []
            memory = 1024
            vcpu = 1
            [context.dev.environment]
            MAP = { a = 1 }
            """);

        Assert.Equal(
            [
                "netlify.toml:1: dev: '5' is not a table",
                "netlify.toml:4: build.publsih: 'publsih' is not known here; did you mean 'publish'?",
                "netlify.toml:8: functions.memory: '1mb' is not a whole number of megabytes from 1024 to 4096",
                "netlify.toml:9: functions.color: 'color' is not known here, and settings of a function are a table",
                "netlify.toml:11: functions.api_*.schedule: 'never' must be a valid cron expression: it has 1 field and not five (minute, hour, day of month, month, day of week)",
                "netlify.toml:12: functions.api_*.included_file: 'included_file' is not known here; did you mean 'included_files'?",
                "netlify.toml:14: functions.api_*.vcpu: `memory` and `vcpu` cannot both be set.",
                "netlify.toml:3: build.publish: '[\"a\"]' is not a text",
                "netlify.toml:6: build.environment.LIST: '[1]' is not a text",
                "netlify.toml:16: build.environment.MAP: '{\"a\":1}' is not a text",
            ],
            _mistakes);
    }

    [TimedTheory]
    [InlineData("a = [")]
    [InlineData("[a]\n[a")]
    [InlineData("a = 1\na = 2")]
    public void What_is_no_toml_is_one_mistake_with_its_place(string text)
    {
        Assert.Null(NetlifyToml.Parse(text, DeployContext.Parse("dev", ""), _mistakes));
        Assert.Matches(@"^netlify\.toml: \(\d+,\d+\) ", Assert.Single(_mistakes));
    }

    [TimedTheory]
    [InlineData("a = \"\\")]
    [InlineData("\"\\")]
    public void A_text_that_ends_within_an_escape_is_a_mistake(string text)
    {
        Assert.Null(NetlifyToml.Parse(text, DeployContext.Parse("dev", ""), _mistakes));
        Assert.Equal("netlify.toml: The text ends within an escape.", Assert.Single(_mistakes));
    }

    [TimedFact]
    public void Hostile_nesting_is_a_mistake_and_not_the_end_of_the_process()
    {
        Assert.Null(NetlifyToml.Parse("a = " + new string('[', 100_000), DeployContext.Parse("dev", ""), _mistakes));
        Assert.Single(_mistakes);
    }

    [TimedFact]
    public void Settings_for_all_functions_are_the_weakest_and_a_name_without_wildcards_the_strongest()
    {
        var sections = Parse("""
            [functions]
            directory = "fns"
            region = "fra"
            included_files = ["all"]
            [functions."api_one"]
            region = "lhr"
            included_files = ["one"]
            [functions."api_*"]
            region = "iad"
            included_files = ["api"]
            timeout = 20
            [functions."*"]
            external_node_modules = ["x"]
            [functions.memory]
            memory = 2048
            [functions."{a,b}_?"]
            background = true
            """).Functions;

        Assert.Empty(_mistakes);
        Assert.Equal("fns", sections.Directory);
        Assert.Equal(["fra", "iad", "lhr"], new[] { "other", "api_two", "api_one" }.Select(name => sections.For(name, "/site").Region));
        Assert.Equal(["all", "api", "one"], sections.For("api_one", "/site").IncludedFiles.Select(rule => rule.Pattern));
        Assert.Equal(["x"], sections.For("other", "/site").ExternalModules);
        Assert.Equal(2048 * FunctionLimits.Megabyte, sections.For("memory", "/site").MemoryBytes);
        Assert.Equal([true, true, null, null], new[] { "a_1", "b_2", "c_1", "a_12" }.Select(name => sections.For(name, "/site").Background));
    }

    private NetlifyToml Parse(string text) => NetlifyToml.Parse(text, DeployContext.Parse("dev", ""), _mistakes)!;
}
