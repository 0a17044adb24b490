using System.Net;
using System.Net.Http.Json;

namespace SandboxHost.Conformance;

/// <summary>Types come from @netlify/functions and satisfy the real compiler, with no setting of ours.</summary>
public sealed class TypeScriptTests
{
    private static readonly string[] Templates = ["hello", "path-parameters", "streaming", "background", "scheduled", "fetch-module", "rate-limited", "legacy"];

    private static string Modules => Path.Combine(Repository.Example("typescript"), "node_modules");

    [Fact(Timeout = 60_000)]
    public async Task The_TypeScript_example_satisfies_the_compiler()
    {
        var run = await CompileAsync(Repository.Example("typescript"), "--noEmit");

        Assert.True(run.ExitCode == 0, run.Output);
    }

    [Fact(Timeout = 60_000)]
    public async Task The_documentations_typed_function_satisfies_the_compiler_as_tsc_init_sets_it()
    {
        using var site = new TemporarySite(("typed.mts", File.ReadAllText(Path.Combine(Repository.Example("netlify-docs"), "netlify/functions/typed.mts"))));
        await SetUpAsync(site);

        var run = await CompileAsync(site.Directory, "--noEmit");

        Assert.True(run.ExitCode == 0, run.Output);
    }

    [Fact(Timeout = 60_000)]
    public async Task The_compiler_is_strict_about_functions()
    {
        using var site = new TemporarySite(("wrong.mts", """
            import type { Config, Context } from "@netlify/functions";
            export default async (req: Request, context: Context) => new Response(context.params.id.toFixed());
            export const config: Config = { path: "no-slash" };
            """));
        await SetUpAsync(site);

        var run = await CompileAsync(site.Directory, "--noEmit");

        Assert.NotEqual(0, run.ExitCode);
        Assert.Contains("wrong.mts(2,", run.Output);
        Assert.Contains("wrong.mts(3,", run.Output);
    }

    [Fact(Timeout = 120_000)]
    public async Task Every_template_satisfies_the_compiler_as_tsc_init_sets_it_and_runs_at_once()
    {
        using var site = new TemporarySite();
        foreach (var template in Templates)
        {
            var created = await CommandRun.SandboxHostAsync("functions", "create", template, "--template", template, "--language", "typescript", "--cwd", site.Directory);
            Assert.True(created.ExitCode == 0, created.Errors);
        }

        await SetUpAsync(site);
        var run = await CompileAsync(site.Directory, "--noEmit");
        Assert.True(run.ExitCode == 0, run.Output);
        await RunAllAsync(site);
    }

    [Fact(Timeout = 120_000)]
    public async Task Every_template_runs_at_once_in_JavaScript()
    {
        using var site = new TemporarySite();
        foreach (var template in Templates)
        {
            var created = await CommandRun.SandboxHostAsync("functions", "create", template, "--template", template, "--language", "javascript", "--cwd", site.Directory);
            Assert.True(created.ExitCode == 0, created.Errors);
        }

        await RunAllAsync(site);
    }

    [Theory(Timeout = 60_000)]
    [InlineData("javascript")]
    [InlineData("typescript")]
    public async Task The_legacy_template_runs_at_once(string language)
    {
        using var site = new TemporarySite();
        await CommandRun.SandboxHostAsync("functions", "create", "older", "--template", "legacy", "--language", language, "--cwd", site.Directory);
        await using var host = await HostProcess.StartAsync(site.Directory);
        using var client = new HttpClient { BaseAddress = host.Address };

        Assert.Equal("""{"message":"Hello, Ada!"}""", await client.GetStringAsync("/.netlify/functions/older?name=Ada"));
    }

    private static async Task RunAllAsync(TemporarySite site)
    {
        await using var host = await HostProcess.StartAsync(site.Directory);
        using var client = new HttpClient { BaseAddress = host.Address };

        Assert.Contains("Hello, Ada!", await client.GetStringAsync("/.netlify/functions/hello?name=Ada"));
        Assert.Equal("""{"id":"42","method":"GET"}""", await client.GetStringAsync("/path-parameters/42"));
        Assert.Equal(string.Concat(Enumerable.Range(1, 5).Select(count => $"data: {count}\n\n")), await client.GetStringAsync("/.netlify/functions/streaming"));
        Assert.Equal(HttpStatusCode.Accepted, (await client.PostAsJsonAsync("/.netlify/functions/background", new { })).StatusCode);
        await host.WaitForLineAsync("Done executing background function background");
        await client.GetAsync("/.netlify/functions/scheduled");
        await host.WaitForLineAsync("The next run is at 20");
        Assert.Equal("""{"method":"POST","body":"x"}""", await (await client.PostAsync("/fetch-module", new StringContent("x"))).Content.ReadAsStringAsync());
        Assert.Equal("""{"ok":true}""", await client.GetStringAsync("/rate-limited"));
    }

    /// <summary>What a project has that its author began with `tsc --init`, and the packages of the example.</summary>
    private static async Task SetUpAsync(TemporarySite site)
    {
        Directory.CreateSymbolicLink(Path.Combine(site.Directory, "node_modules"), Modules);
        var run = await CompileAsync(site.Directory, "--init");
        Assert.True(run.ExitCode == 0, run.Output);
    }

    private static Task<CommandRun> CompileAsync(string directory, params string[] arguments)
    {
        var compiler = Path.Combine(Modules, "typescript", "bin", "tsc");
        Assert.SkipUnless(File.Exists(compiler), "No tsc: run `npm ci --prefix examples/typescript`.");
        return CommandRun.OfAsync(Repository.Node, directory, [compiler, .. arguments]);
    }
}
