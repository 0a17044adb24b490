using SandboxHost.Sites.Settings;

namespace SandboxHost.Sites.Tests.Settings;

/// <summary>Reference §3.8.</summary>
public sealed class SiteEnvironmentTests
{
    private readonly List<string> _mistakes = [];

    [TimedFact]
    public void The_later_layer_wins()
    {
        var merged = Merge([], ("netlify.toml", "A", "weak"), ("netlify.toml", "B", "b"), (".env", "A", "strong"));

        Assert.Equal([("A", "strong"), ("B", "b")], merged.Select(item => (item.Key, item.Value)).Order());
        Assert.Empty(_mistakes);
    }

    [TimedFact]
    public void The_hosts_process_gives_values_to_names_and_no_names()
    {
        var merged = Merge(new() { ["A"] = "process", ["HOST_SECRET"] = "x", ["PATH"] = "/usr/bin" }, (".env", "A", "file"), (".env", "PATH", "/mine"));

        Assert.Equal([("A", "process"), ("PATH", "/mine")], merged.Select(item => (item.Key, item.Value)).Order());
    }

    [TimedTheory]
    [InlineData("LD_PRELOAD")]
    [InlineData("LD_LIBRARY_PATH")]
    [InlineData("NODE_OPTIONS")]
    [InlineData("DOTNET_STARTUP_HOOKS")]
    [InlineData("CORECLR_PROFILER_PATH")]
    [InlineData("CORECLR_ENABLE_PROFILING")]
    [InlineData("SANDBOXHOST_TOKEN")]
    [InlineData("HTTPS_PROXY")]
    [InlineData("")]
    [InlineData("A=B")]
    [InlineData("A\nB")]
    public void Reserved_and_impossible_names_are_left_out_and_told(string name)
    {
        Assert.Empty(Merge([], (".env", name, "x")));
        Assert.StartsWith(".env: '", Assert.Single(_mistakes), StringComparison.Ordinal);
    }

    [TimedFact]
    public void A_value_with_a_nul_is_left_out() => Assert.Empty(Merge([], ("netlify.toml", "A", "a\0b")));

    [TimedFact]
    public void What_is_too_long_for_netlify_passes_and_is_told()
    {
        Assert.Equal(2, Merge([], (".env", new string('A', 256), "x"), (".env", "B", new string('b', 5001))).Count);
        Assert.Equal(2, _mistakes.Count);
        Assert.Contains("256", _mistakes[0]);
        Assert.Contains("5001", _mistakes[1]);
        Assert.DoesNotContain("bbb", _mistakes[1]);
    }

    private Dictionary<string, string> Merge(Dictionary<string, string> process, params (string Source, string Name, string Value)[] variables) =>
        SiteEnvironment.Merge(
            variables.Select(item => new VariableLayer(item.Source, new Dictionary<string, string> { [item.Name] = item.Value })), process, _mistakes);
}
