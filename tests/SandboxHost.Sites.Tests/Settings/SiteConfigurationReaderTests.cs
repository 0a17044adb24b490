using SandboxHost.Deployments;
using SandboxHost.Sites.Settings;

namespace SandboxHost.Sites.Tests.Settings;

public sealed class SiteConfigurationReaderTests : IDisposable
{
    private readonly TempFolder _site = new();
    private readonly List<string> _mistakes = [];
    private SiteConfigurationReader? _reader;

    public void Dispose() => _site.Dispose();

    [TimedFact]
    public void Without_files_everything_has_its_default()
    {
        var configuration = Read();

        Assert.Equal((_site.Path, _site.Path, false), (configuration.BaseDirectory, configuration.PublishDirectory, configuration.IsPublishDirectorySet));
        Assert.Equal(
            new[] { "netlify/functions", ".netlify/v1/functions", ".netlify/functions-internal" }.Select(_site.File), configuration.FunctionsDirectories);
        Assert.Empty(configuration.Environment);
        Assert.Equal(new DeployContext("dev", ""), configuration.Context);
        Assert.Empty(_mistakes);
    }

    [TimedTheory]
    [InlineData(null, "", "", "", "netlify/functions")]
    [InlineData(null, "", "older", "", "older")]
    [InlineData(null, "", "older", "fns", "fns")]
    [InlineData(null, "dev", "older", "fns", "dev")]
    [InlineData("flag", "dev", "older", "fns", "flag")]
    public void Functions_lie_where_the_strongest_says(string? flag, string dev, string older, string directory, string expected)
    {
        string Line(string section, string key, string value) => value.Length == 0 ? "" : $"[{section}]\n{key} = \"{value}\"\n";
        Toml(Line("dev", "functions", dev) + Line("build", "functions", older) + Line("functions", "directory", directory));

        Assert.Equal(_site.File(expected), Read(options => options with { FunctionsDirectory = flag }).FunctionsDirectories.First());
    }

    [TimedFact]
    public void Paths_count_from_the_base_and_with_a_slash_from_the_site()
    {
        Toml("[build]\nbase = \"app\"\npublish = \"dist/\"\n[functions]\ndirectory = \"/shared/functions\"");

        var configuration = Read();

        Assert.Equal((_site.File("app"), _site.File("app/dist"), true), (configuration.BaseDirectory, configuration.PublishDirectory, configuration.IsPublishDirectorySet));
        Assert.Equal(_site.File("shared/functions"), configuration.FunctionsDirectory);
        Assert.Equal(_site.File("out"), Read(options => options with { PublishDirectory = "out" }).PublishDirectory);
    }

    [TimedTheory]
    [InlineData("[build]\nbase = \"..\"", "base '..'")]
    [InlineData("[build]\npublish = \"../../etc\"", "publish '../../etc'")]
    [InlineData("[functions]\ndirectory = \"a/../..\"", "functions 'a/../..'")]
    [InlineData("[dev]\nenvFiles = [\"../.env\"]", "dev.envFiles '../.env'")]
    public void A_path_out_of_the_site_is_a_mistake(string toml, string shown)
    {
        Toml(toml);

        var configuration = Read();

        Assert.Equal([$"netlify.toml: {shown} lies outside of the site's folder"], _mistakes);
        Assert.Equal(_site.Path, configuration.BaseDirectory);
    }

    [TimedFact]
    public void Env_files_go_before_settings_and_settings_before_netlify_toml()
    {
        Toml("[build.environment]\nA = \"toml\"\nB = \"toml\"\nC = \"toml\"\nD = \"toml\"\nE = \"toml\"\nF = \"toml\"\nG = \"toml\"");
        _site.Write("sandboxhost.toml", "[environment]\nB = \"settings\"\nC = \"settings\"\nD = \"settings\"\nE = \"settings\"\nF = \"settings\"\nG = \"settings\"");
        _site.Write(".env", "C=.env\nD=.env\nE=.env\nF=.env\nG=.env");
        _site.Write(".env.development", "D=.env.development\nE=.env.development\nF=.env.development\nG=.env.development");
        _site.Write(".env.local", "E=.env.local\nF=.env.local\nG=.env.local");
        _site.Write(".env.development.local", "F=.env.development.local\nG=.env.development.local");

        var environment = Read(options => options with { ProcessEnvironment = new Dictionary<string, string> { ["G"] = "process", ["X"] = "secret" } }).Environment;

        Assert.Equal(
            ["toml", "settings", ".env", ".env.development", ".env.local", ".env.development.local", "process"],
            environment.OrderBy(item => item.Key).Select(item => item.Value));
    }

    [TimedFact]
    public void The_first_of_env_files_is_the_strongest_and_no_other_is_read()
    {
        Toml("[dev]\nenvFiles = [\"config/strong.env\", \"weak.env\"]");
        _site.Write("config/strong.env", "A=strong");
        _site.Write("weak.env", "A=weak\nB=weak");
        _site.Write(".env", "A=no\nC=no");

        var configuration = Read();

        Assert.Equal([("A", "strong"), ("B", "weak")], configuration.Environment.Select(item => (item.Key, item.Value)).Order());
        Assert.Contains(_site.File("config"), configuration.Directories);
    }

    [TimedFact]
    public void A_broken_netlify_toml_leaves_in_force_what_it_said_before()
    {
        Toml("[build.environment]\nA = \"good\"");
        Read();
        Toml("[build.environment\nA = \"bad\"");

        Assert.Equal("good", ReadAgain().Environment["A"]);
        Assert.Equal(2, _mistakes.Count);
        Assert.StartsWith("netlify.toml: (1,", _mistakes[0], StringComparison.Ordinal);
        Assert.Equal("netlify.toml: what it said before holds until it can be read", _mistakes[1]);
    }

    [TimedFact]
    public void A_netlify_toml_that_is_broken_from_the_start_leaves_the_defaults()
    {
        Toml("=");

        Assert.Empty(Read().Environment);
        Assert.Equal("netlify.toml: the defaults hold until it can be read", _mistakes[^1]);
    }

    [TimedFact]
    public void The_same_files_are_the_same_configuration_and_say_nothing_twice()
    {
        Toml("[build]\npublsih = \"x\"");
        var first = Read();
        Assert.Single(_mistakes);

        Assert.Same(first, ReadAgain());
        Assert.Single(_mistakes);
        _site.Write(".env", "A=1");
        Assert.NotSame(first, ReadAgain());
    }

    [TimedTheory]
    [InlineData(".git/HEAD", "ref: refs/heads/feat/x\n", "feat/x")]
    [InlineData(".git/HEAD", "0123456789abcdef\n", "")]
    [InlineData(".git", "gitdir: elsewhere\n", "tree")]
    public void The_branch_comes_from_git(string file, string text, string branch)
    {
        _site.Write("elsewhere/HEAD", "ref: refs/heads/tree\n");
        _site.Write(file, text);

        Assert.Equal(branch, Read().Context.Branch);
    }

    [TimedFact]
    public void The_port_is_read_for_itself()
    {
        Assert.Null(SiteConfigurationReader.ReadPort(_site.Path, "dev"));
        Toml("[dev]\nport = 1\n[context.production.dev]\nport = 2");
        Assert.Equal(1, SiteConfigurationReader.ReadPort(_site.Path, "dev"));
        Assert.Equal(2, SiteConfigurationReader.ReadPort(_site.Path, "prod"));
        Toml("[dev");
        Assert.Null(SiteConfigurationReader.ReadPort(_site.Path, "dev"));
    }

    [TimedFact]
    public void A_file_of_megabytes_is_not_read()
    {
        _site.Write(".env", "A=" + new string('x', 2 << 20));

        Assert.Empty(Read().Environment);
        Assert.Equal([".env: has more than 1 MB and is not read"], _mistakes);
    }

    private void Toml(string text) => _site.Write("netlify.toml", text);

    private SiteConfiguration Read(Func<SiteFolderOptions, SiteFolderOptions>? change = null)
    {
        var options = new SiteFolderOptions(_site.Path + "/", "shop", "http://shop.localhost", [], FunctionLimits.Default);
        _reader = new SiteConfigurationReader(change is null ? options : change(options));
        return ReadAgain();
    }

    private SiteConfiguration ReadAgain() => _reader!.Read(_mistakes);
}
